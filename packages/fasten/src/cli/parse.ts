// SPDX-License-Identifier: Apache-2.0
import { didYouMean } from '../core/nearest-word.ts'
import type { Args, ArgumentSpec, Command, OptionSpec } from './command.ts'
import { usageError } from './command.ts'
import type * as commander from 'commander'

export type Parsed =
  | { readonly kind: 'run'; readonly args: Args }
  | { readonly kind: 'help'; readonly text: string }

/** Options that every command takes. */
export const commonOptions: readonly OptionSpec[] = [
  {
    name: 'color',
    value: '<when>',
    summary: 'colours: auto (a terminal, and NO_COLOR unset), always, never',
    choices: ['auto', 'always', 'never'],
    group: 'Output:',
  },
  { name: 'help', short: 'h', summary: 'show this', group: 'Output:' },
]

/** The command line of one command, or its help text. Throws `BAD_OPTION` or `BAD_ARGUMENT` with a suggestion. */
export async function parse(command: Command, words: readonly string[], columns: number): Promise<Parsed> {
  const library = await import('#commander')
  const parser = build(library, command, columns)
  if (words.some((word) => word === '--help' || word === '-h'))
    return { kind: 'help', text: parser.helpInformation() + examplesText(command) }
  try {
    parser.parse([...words], { from: 'user' })
  } catch (error) {
    throw error instanceof library.CommanderError ? asUsageError(error, command) : error
  }
  return { kind: 'run', args: toArgs(parser, command) }
}

function build(library: typeof commander, command: Command, columns: number): commander.Command {
  const parser = new library.Command(`fasten ${command.name}`)
    .summary(command.summary)
    .description(command.description ?? sentence(command.summary))
    .exitOverride()
    .helpOption(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {}, getOutHelpWidth: () => columns })
    .action(() => {})
  for (const argument of command.words ?? []) parser.addArgument(toArgument(library, argument))
  for (const option of [...command.options, ...commonOptions]) parser.addOption(toOption(library, option))
  return parser
}

function toArgument(library: typeof commander, spec: ArgumentSpec): commander.Argument {
  const name = spec.isRepeatable ? `${spec.name}...` : spec.name
  const argument = new library.Argument(spec.isRequired ? `<${name}>` : `[${name}]`, spec.summary)
  const { choices } = spec
  if (choices === undefined) return argument
  return argument.argParser((text: string) => choice('BAD_ARGUMENT', spec.name, text, choices))
}

function toOption(library: typeof commander, spec: OptionSpec): commander.Option {
  const short = spec.short === undefined ? '' : `-${spec.short}, `
  const value = spec.value === undefined ? '' : ` ${spec.value}`
  const option = new library.Option(`${short}--${spec.name}${value}`, spec.summary)
  if (spec.group !== undefined) option.helpGroup(spec.group)
  const { choices, range } = spec
  if (choices === undefined && range === undefined && spec.isRepeatable !== true) return option
  return option.argParser((text: string, earlier: unknown) => {
    if (choices !== undefined) choice('BAD_OPTION', `--${spec.name}`, text, choices)
    const one = range === undefined ? text : wholeNumber(spec, text, range)
    return spec.isRepeatable === true ? [...(Array.isArray(earlier) ? (earlier as unknown[]) : []), one] : one
  })
}

function choice(
  code: 'BAD_OPTION' | 'BAD_ARGUMENT',
  what: string,
  text: string,
  choices: readonly string[],
): string {
  if (choices.includes(text)) return text
  throw usageError(code, `${what} is ${JSON.stringify(text)}${didYouMean(text, choices)}`, {
    hint: `expected one of ${choices.join(', ')}`,
  })
}

function wholeNumber(spec: OptionSpec, text: string, [least, most]: readonly [number, number]): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`
  throw usageError('BAD_OPTION', `--${spec.name} is ${JSON.stringify(text)}`, {
    hint: `expected a whole number ${range}`,
  })
}

function toArgs(parser: commander.Command, command: Command): Args {
  const values = parser.opts() as Readonly<Record<string, unknown>>
  const known = new Set([...command.options, ...commonOptions].map((option) => option.name))
  const value = (name: string): unknown => {
    // A misspelt name in a command file would otherwise read as "not given" for ever.
    if (!known.has(name) && !optionalEverywhere.has(name))
      throw new TypeError(`${command.name} has no option --${name}`)
    return values[name.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())]
  }
  return {
    words: parser.args,
    text: (name) => asType(value(name), 'string'),
    list: (name) => (value(name) as readonly string[] | undefined) ?? [],
    flag: (name) => value(name) === true,
    count: (name) => asType(value(name), 'number'),
  }
}

/** Asked by `targetOf` of commands that may not take them. */
const optionalEverywhere: ReadonlySet<string> = new Set(['store', 'url', 'token', 'timeout'])

function asType(value: unknown, type: 'string'): string | undefined
function asType(value: unknown, type: 'number'): number | undefined
function asType(value: unknown, type: 'string' | 'number'): unknown {
  return typeof value === type ? value : undefined
}

/** The library's several lines and spellings as one of ours, with its suggestion as the hint. */
function asUsageError(error: commander.CommanderError, command: Command): Error {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = /Did you mean (.+)\?/.exec(rest.join(' '))?.[1]
  const code =
    error.code.includes('rgument') && !error.code.includes('ptionMissing') && !/option/.test(first)
      ? 'BAD_ARGUMENT'
      : 'BAD_OPTION'
  const meant = suggestion === undefined ? '' : ` (did you mean "${suggestion}"?)`
  return usageError(code, first.replace(/\.$/, '') + meant, { hint: `see fasten ${command.name} --help` })
}

function examplesText(command: Command): string {
  if (command.examples === undefined) return ''
  const lines = command.examples.map(([commandLine, meaning]) => `  ${commandLine}\n      ${meaning}`)
  return `\nExamples:\n${lines.join('\n')}\n`
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}
