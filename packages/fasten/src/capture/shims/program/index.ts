// SPDX-License-Identifier: Apache-2.0

// Command-line programs.
export { program } from './program.ts'

export type { ProgramOptions, ProgramRecorder } from './program.ts'
