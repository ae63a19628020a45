// SPDX-License-Identifier: Apache-2.0
// The command line as a function, for programs that offer some of its commands as theirs.
export { runHere, type Here } from './here.ts'
export type { ServedPages, ServePages } from './pages.ts'
export type { ScreenRequest, ShowScreen } from './screen.ts'
