// SPDX-License-Identifier: Apache-2.0
// The terminal program, for `fasten tui`.
export { showScreen } from './cli/show-screen.ts'
