// SPDX-License-Identifier: Apache-2.0
import type { Args, OptionSpec } from './command.ts'

const group = 'Whose word counts:'

/** The options by which a command is told whom to believe. */
export const trustOptions: readonly OptionSpec[] = [
  {
    name: 'key',
    value: '<key|file>',
    summary: 'key of a log, as fasten key show prints it, or a file of such lines; repeatable',
    isRepeatable: true,
    group,
    isFile: true,
  },
  {
    name: 'witness',
    value: '<key|file>',
    summary: 'key of a witness whose cosignature counts; repeatable',
    isRepeatable: true,
    group,
    isFile: true,
  },
  {
    name: 'policy',
    value: '<file>',
    summary: 'a tlog-policy: logs, witnesses and how many are enough',
    group,
    isFile: true,
  },
  {
    name: 'checkpoint',
    value: '<file>',
    summary: 'a checkpoint that was kept elsewhere: shows what was cut off since; repeatable',
    isRepeatable: true,
    group,
    isFile: true,
  },
]

/** True when the command line says whom to believe. */
export const isTrusting = (args: Args): boolean =>
  trustOptions.some(({ name, isRepeatable }) =>
    isRepeatable === true ? args.list(name).length > 0 : args.text(name) !== undefined,
  )
