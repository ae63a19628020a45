// SPDX-License-Identifier: Apache-2.0
// The pages, for whoever serves them: a fleet, or `fasten ui`.
export { builtPages, contentSecurityPolicy, loadPages, type PageAnswer, type Pages } from './pages.ts'
export { pageRoots, type PageRoot } from './page-roots.ts'
export { knownCodes, type KnownCode } from './known-codes.ts'
