// SPDX-License-Identifier: Apache-2.0
import type { FastenError } from '../core/error.ts'
import { streams, type StreamName } from '../core/row.ts'
import { filterParameters, type Parameter } from '../reader/parameters.ts'
import type { Parsed, ParameterProblem } from '../reader/query.ts'
import { usageError, type Args, type OptionSpec } from './command.ts'

/** Filters as options, one for each entry of the reader's table, so a new parameter is an option at once. */
export function filterOptions(without: readonly string[] = []): readonly OptionSpec[] {
  return filterParameters
    .filter(({ name }) => !without.includes(name))
    .map((parameter) => ({
      name: dashed(parameter.name),
      value: placeholder(parameter),
      summary: summaryOf(parameter),
      group: 'Filters (all must hold):',
      ...(parameter.kind.type === 'choice' ? { suggestions: parameter.kind.values } : {}),
      ...(parameter.isRepeatable === true ? { isRepeatable: true } : {}),
    }))
}

/** Which streams to show; `all` unless filters or the user say otherwise. */
export const streamOption: OptionSpec = {
  name: 'stream',
  value: '<stream>',
  summary: 'audit, sys, api or all (default: all that the filters can match)',
  choices: [...streams, 'all'],
}

/** The filters of a command line as query parameters. What they may hold is the reader's to judge. */
export function filtersFrom(args: Args, without: readonly string[] = []): URLSearchParams {
  const search = new URLSearchParams()
  for (const { name, isRepeatable } of filterParameters) {
    if (without.includes(name)) continue
    const option = dashed(name)
    const values = isRepeatable === true ? args.list(option) : [args.text(option)]
    for (const value of values) if (value !== undefined) search.append(name, value)
  }
  return search
}

/** The streams `--stream` names, or undefined where it leaves the choice to the filters. */
export function streamsOf(args: Args): readonly StreamName[] | undefined {
  const asked = args.text('stream')
  return asked === undefined || asked === 'all' ? undefined : streams.filter((stream) => stream === asked)
}

/** The parsed query, or the first problem as an error that speaks of options instead of parameters. */
export function accepted<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value
  throw problemError(parsed.problems)
}

function problemError(problems: readonly ParameterProblem[]): FastenError {
  const [first, ...rest] = problems
  if (first === undefined) throw new TypeError('a query was refused without a problem')
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`
  return usageError('BAD_OPTION', `--${dashed(first.parameter)}: ${first.detail}${more}`)
}

function dashed(name: string): string {
  return name.replaceAll('_', '-')
}

const placeholders: Readonly<Record<string, string>> = {
  actor_kind: '<kind>',
  caused_by: '<id>',
  has_flag: '<member>',
  not: '<field:value>',
  on_behalf_of: '<actor>',
  q: '<text>',
}

function placeholder({ kind, name }: Parameter): string {
  if (kind.type === 'time') return '<time>'
  if (kind.type === 'integer') return '<number>'
  return placeholders[name] ?? `<${name.split('_').at(-1) ?? name}>`
}

/** The table's sentence as a line of help: what it selects, which values there are, which rows have it. */
function summaryOf(parameter: Parameter): string {
  const sentence = parameter.summary
    .replace(/\. Needs `since`\.$/, '')
    .replace(/\.$/, '')
    .replaceAll('`', '')
  const values =
    parameter.kind.type === 'choice' && parameter.name !== 'has_flag'
      ? `: ${parameter.kind.values.join(', ')}`
      : ''
  return `${lowerFirst(sentence)}${values}${scope(parameter)}`
}

/** Which rows have the member at all, where not all do. */
function scope(parameter: Parameter): string {
  return parameter.streams.length === streams.length ? '' : ` [${parameter.streams.join(', ')}]`
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.slice(0, 1).toLowerCase() + text.slice(1) : text
}
