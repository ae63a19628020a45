// SPDX-License-Identifier: Apache-2.0
import { streams as everyStream, type StreamName } from '../core/row.ts'
import { formatMicros, parseTime } from '../core/timestamp.ts'
import type { Exclusion, ScanFilter } from '../store/ports.ts'
import { windowOfCursor, encodeAfter } from './cursor.ts'
import { excludableNames, exclusionOf, readExcluded } from './exclusion.ts'
import { pageParameters, tailParameters, verifyParameters, type ParameterSet } from './parameter-sets.ts'
import { filterNamed, flags, forStream, steering, type Parameter } from './parameters.ts'
import type { PageQuery, TailQuery, VerifyRange } from './reader.ts'

/** One thing wrong with a query, located. */
export interface ParameterProblem {
  readonly parameter: string
  /** 400: not a question we have (unknown, repeated, contradictory, undecodable). 422: a value that cannot be. */
  readonly status: 400 | 422
  /** A code of spec/errors.yaml. */
  readonly code: 'QUERY_UNKNOWN' | 'QUERY_REPEATED' | 'QUERY_CONFLICT' | 'QUERY_MISSING' | 'QUERY_VALUE'
  /** Lower case, quotes the value, says what would be accepted. */
  readonly detail: string
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ParameterProblem[] }

/** Values by parameter name: text and choices as strings, numbers as numbers, times canonical, the repeatable as arrays. */
export type ParameterValues = Readonly<Record<string, string | number | readonly string[] | undefined>>

/**
 * Reads every parameter of `set` from `search`. Everything wrong is found at once: unknown names, single-valued names given
 * twice, missing ones, and values that cannot be. Relative times count from `nowMicros`; beside a cursor they take the
 * instants the cursor was made with.
 */
export function parseParameters(
  search: URLSearchParams,
  set: ParameterSet,
  nowMicros: number,
): Parsed<ParameterValues> {
  const problems: ParameterProblem[] = []
  const values: Record<string, string | number | readonly string[]> = {}
  const byName = new Map(set.parameters.map((parameter) => [parameter.name, parameter]))
  for (const name of new Set(search.keys())) {
    const parameter = byName.get(name)
    const texts = search.getAll(name)
    if (parameter === undefined) problems.push(unknown(name, set))
    else if (parameter.isRepeatable !== true && texts.length > 1) {
      problems.push({
        parameter: name,
        status: 400,
        code: 'QUERY_REPEATED',
        detail: `${name} is given ${texts.length} times; it takes one value`,
      })
    } else {
      const read = texts.map((text) => readValue(text, parameter, nowMicros))
      const wrong = read.find((one) => 'wrong' in one)
      const good = read.flatMap((one) => ('value' in one ? [one.value] : []))
      // The published readers answer 400 for an unknown stream; so do we.
      const status = parameter.kind.type === 'streams' ? 400 : 422
      if (wrong !== undefined)
        problems.push({ parameter: name, status, code: 'QUERY_VALUE', detail: `${name} ${wrong.wrong}` })
      else values[name] = parameter.isRepeatable === true ? good.map(String) : (good[0] ?? '')
    }
  }
  for (const name of set.required ?? []) {
    if (!search.has(name))
      problems.push({ parameter: name, status: 422, code: 'QUERY_MISSING', detail: `${name} is required` })
  }
  const window = keepWindow(search, values)
  if (typeof window.since === 'string' && typeof window.until === 'string' && window.since > window.until) {
    problems.push({
      parameter: 'since',
      status: 422,
      code: 'QUERY_VALUE',
      detail: `since (${window.since}) is after until (${window.until})`,
    })
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: window }
}

/** The filter that these values ask for; values that steer are left out. */
export function filterFrom(values: ParameterValues): ScanFilter {
  const filter: Record<string, string | number | readonly string[] | readonly Exclusion[]> = {}
  for (const [name, value] of Object.entries(values)) {
    const member = filterNamed(name)?.filter
    if (member === undefined || value === undefined) continue
    filter[member] = member === 'not' && Array.isArray(value) ? value.map(exclusionOf) : value
  }
  return filter
}

/** A page of `stream`, as `/audit`, `/sys` and `/api` and the command line ask for it. */
export function parsePageQuery(
  search: URLSearchParams,
  stream: StreamName,
  nowMicros: number,
): Parsed<PageQuery> {
  const parsed = parseParameters(search, pageParameters(stream), nowMicros)
  if (!parsed.ok) return parsed
  const values = parsed.value
  const problems = conflicts(search, stream)
  if (problems.length > 0) return { ok: false, problems }
  const cursor = typeof values['after'] === 'number' ? encodeAfter(values['after']) : values['cursor']
  const offset = typeof values['offset'] === 'number' ? values['offset'] : 0
  return {
    ok: true,
    value: {
      stream,
      filter: forStream(filterFrom(values), stream),
      limit: typeof values['limit'] === 'number' ? values['limit'] : steering.limit.kind.default,
      ...(typeof cursor === 'string' ? { cursor } : {}),
      ...(offset > 0 ? { offset } : {}),
      order: values['order'] === 'oldest' ? 'oldest' : 'newest',
      total: totalOf(values, typeof cursor === 'string'),
    },
  }
}

/** A tail, from its parameters; `lastEventId` is what an event stream's client sends when it comes back. */
export function parseTailQuery(
  search: URLSearchParams,
  nowMicros: number,
  lastEventId?: string,
): Parsed<TailQuery> {
  const parsed = parseParameters(search, tailParameters, nowMicros)
  if (!parsed.ok) return parsed
  const values = parsed.value
  const streams = streamsFrom(values, everyStream)
  const problems = inapplicable(search, streams)
  const resume = lastEventId ?? values['resume']
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    value: {
      streams,
      filter: filterFrom(values),
      ...(typeof resume === 'string' ? { resume } : {}),
      ...(typeof values['backlog'] === 'number' ? { backlog: values['backlog'] } : {}),
    },
  }
}

export function parseVerifyRange(search: URLSearchParams, nowMicros: number): Parsed<VerifyRange> {
  const parsed = parseParameters(search, verifyParameters, nowMicros)
  if (!parsed.ok) return parsed
  const { log, stream, from_seq: from, to_seq: to } = parsed.value
  if (typeof from === 'number' && typeof to === 'number' && from > to) {
    return {
      ok: false,
      problems: [
        {
          parameter: 'from_seq',
          status: 422,
          code: 'QUERY_VALUE',
          detail: `from_seq (${from}) is after to_seq (${to})`,
        },
      ],
    }
  }
  return {
    ok: true,
    value: {
      ...(typeof log === 'string' ? { log } : {}),
      ...(typeof stream === 'string' ? { stream: stream as StreamName } : {}),
      ...(typeof from === 'number' ? { from_seq: from } : {}),
      ...(typeof to === 'number' ? { to_seq: to } : {}),
    },
  }
}

/** The streams a query names, in the fixed order. */
export function streamsFrom(
  values: ParameterValues,
  otherwise: readonly StreamName[],
): readonly StreamName[] {
  const asked = values['streams']
  return typeof asked === 'string'
    ? everyStream.filter((stream) => asked.split(',').includes(stream))
    : otherwise
}

/** Parameters that none of `streams` has, each named: such a question has no possible answer. */
export function inapplicable(
  search: URLSearchParams,
  streams: readonly StreamName[],
): readonly ParameterProblem[] {
  return [...new Set(search.keys())].flatMap((name) => {
    const on = filterNamed(name)?.streams
    if (on === undefined || on.some((stream) => streams.includes(stream))) return []
    return [
      {
        parameter: name,
        status: 400 as const,
        code: 'QUERY_CONFLICT' as const,
        detail: `${name} selects ${on.join(' and ')} rows, and only ${streams.join(', ')} are asked for`,
      },
    ]
  })
}

/** A value as an error shows it: quoted, printable, at most 60 characters. */
export function quoteValue(value: string): string {
  const cut = value.length > 60 ? `${value.slice(0, 60)}…` : value
  return JSON.stringify(cut.toWellFormed()).replace(
    /[^\x20-\x7e…]/g,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  )
}

function unknown(name: string, { parameters }: ParameterSet): ParameterProblem {
  const elsewhere = filterNamed(name)
  const known = parameters.map((parameter) => parameter.name).join(', ')
  const detail =
    elsewhere === undefined
      ? `${quoteValue(name)} is not a parameter; known here: ${known || 'none'}`
      : `${name} does not apply here; known here: ${known || 'none'}`
  return {
    parameter: elsewhere === undefined ? quoteValue(name).slice(1, -1) : name,
    status: 400,
    code: 'QUERY_UNKNOWN',
    detail,
  }
}

type Read = { readonly value: string | number } | { readonly wrong: string }

function readValue(text: string, { kind }: Parameter, nowMicros: number): Read {
  if (text === '') return { wrong: 'is empty; leave it out to ask for everything' }
  // U+FFFD is what undecodable bytes turn into.
  const strange = /[\u0000-\u001f\u007f\ufffd]/.exec(text)
  if (strange !== null || !text.isWellFormed())
    return { wrong: `${quoteValue(text)} holds a control or undecodable character` }
  switch (kind.type) {
    case 'text':
      return text.length <= kind.lengthMax ? { value: text } : tooLong(text, kind.lengthMax)
    case 'prefix':
      return text.length <= kind.lengthMax ? readPrefix(text, kind.isDotted) : tooLong(text, kind.lengthMax)
    case 'pattern':
      return new RegExp(kind.pattern).test(text)
        ? { value: text }
        : { wrong: `${quoteValue(text)} is not ${kind.meaning}` }
    case 'choice': {
      const aliases: Readonly<Record<string, string>> = kind.aliases ?? {}
      const word = Object.hasOwn(aliases, text) ? (aliases[text] ?? text) : text
      return kind.values.includes(word)
        ? { value: word }
        : { wrong: `${quoteValue(text)} is none of ${kind.values.join(', ')}` }
    }
    case 'integer': {
      const number = /^-?\d{1,16}$/.test(text) ? Number(text) : NaN
      const isInRange = number >= kind.min && number <= kind.max
      return isInRange
        ? { value: number }
        : { wrong: `${quoteValue(text)} is not an integer from ${kind.min} to ${kind.max}` }
    }
    case 'time':
      return readTime(text, kind.edge, nowMicros)
    case 'exclusion': {
      const excluded = readExcluded(text)
      if (excluded === undefined)
        return {
          wrong: `${quoteValue(text)} is no field:value that can be left out; fields are ${excludableNames().join(', ')}`,
        }
      const { name } = excluded.parameter
      const read = readValue(excluded.value, excluded.parameter, nowMicros)
      return 'wrong' in read ? { wrong: `${name} ${read.wrong}` } : { value: `${name}:${read.value}` }
    }
    case 'streams': {
      const words = text.split(',')
      const strangers = words.filter((word) => !(everyStream as readonly string[]).includes(word))
      return strangers.length === 0
        ? { value: text }
        : { wrong: `${quoteValue(text)} is not a comma-separated subset of ${everyStream.join(', ')}` }
    }
  }
}

const tooLong = (text: string, max: number): Read => ({
  wrong: `has ${text.length} characters; at most ${max} are accepted`,
})

/** Where names are dotted, `user.` means `user.*`; a star anywhere but at the end is refused rather than taken literally. */
function readPrefix(text: string, isDotted: boolean): Read {
  if (text.slice(0, -1).includes('*'))
    return { wrong: `${quoteValue(text)} has a * before its end; only a trailing * is understood` }
  return { value: isDotted && text.endsWith('.') ? `${text}*` : text }
}

const dayMicros = 86_400_000_000

function readTime(text: string, edge: 'first' | 'last', nowMicros: number): Read {
  const start = parseTime(text, nowMicros)
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text.trim())
  const micros = start !== undefined && isDate && edge === 'last' ? start + dayMicros - 1 : start
  if (micros === undefined)
    return { wrong: `${quoteValue(text)} is not a time; give RFC 3339, a date, now, or relative such as -2h` }
  const isInRange = micros >= yearZeroMicros && micros <= yearTenThousandMicros
  const canonical = isInRange ? formatMicros(Math.round(micros)) : ''
  return canonical.length === 27
    ? { value: canonical }
    : { wrong: `${quoteValue(text)} lies outside the years 0000 to 9999` }
}

const yearZeroMicros = -62_167_219_200_000_000
const yearTenThousandMicros = 253_402_300_799_000_000

/** A second page asked with `since=-2h` must not have another window than the first. */
function keepWindow(search: URLSearchParams, values: ParameterValues): ParameterValues {
  const cursor = values['cursor']
  if (typeof cursor !== 'string') return values
  const first = windowOfCursor(cursor)
  const isMoving = (name: string): boolean => /^\s*(?:now|[+-]\d+[a-z]+)\s*$/.test(search.get(name) ?? '')
  return {
    ...values,
    ...(isMoving('since') && first.since !== undefined ? { since: first.since } : {}),
    ...(isMoving('until') && first.until !== undefined ? { until: first.until } : {}),
  }
}

/** Combinations that contradict each other. */
function conflicts(search: URLSearchParams, stream: StreamName): readonly ParameterProblem[] {
  const problems: ParameterProblem[] = []
  const clash = (parameter: string, detail: string): void => {
    problems.push({ parameter, status: 400, code: 'QUERY_CONFLICT', detail })
  }
  if (search.has('cursor') && search.has('after'))
    clash('after', 'after and cursor both say where to continue; give one')
  if (search.has('cursor') && search.has('offset'))
    clash('offset', 'offset and cursor both say where to continue; give one')
  if (search.has('after') && search.has('offset'))
    clash('offset', 'offset and after both say where to continue; give one')
  if (search.has('q') && search.get('total') === 'exact')
    clash('total', 'the matches of q cannot be counted exactly without reading every row; leave total out')
  if (search.has('q') && !search.has('since')) {
    problems.push({
      parameter: 'since',
      status: 422,
      code: 'QUERY_MISSING',
      detail: 'since is required with q, so that the search is bounded',
    })
  }
  for (const flag of search.getAll('has_flag')) {
    if (!flags[stream].includes(flag))
      clash(
        'has_flag',
        `${stream} rows have no member ${quoteValue(flag)}; they may have ${flags[stream].join(', ')}`,
      )
  }
  return problems
}

function totalOf(values: ParameterValues, isContinued: boolean): NonNullable<PageQuery['total']> {
  const asked = values['total']
  if (asked === 'none' || asked === 'bounded' || asked === 'estimated' || asked === 'exact') return asked
  return isContinued || values['q'] !== undefined ? 'none' : 'bounded'
}
