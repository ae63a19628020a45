// SPDX-License-Identifier: Apache-2.0
// The pages over one reader, for whoever sits at this machine: what `fasten ui` opens.
export { servePages } from './serve-pages.ts'
