// SPDX-License-Identifier: Apache-2.0
import { formatMicros } from 'fasten/core'
import { canBeExcluded, flags, queryParts } from 'fasten/reader/remote'

/** What somebody said in plain words, as a question. */
export interface PlainQuestion {
  /** Query text (spec/query.md#query-text). */
  readonly text: string
  /** Left out where nothing was said of time. */
  readonly since?: string
  readonly until?: string | null
  /** Which words were taken for what, in the order in which they were said. */
  readonly understood: readonly { readonly said: string; readonly as: string }[]
  /** Words that mean nothing here; they are looked for as they are. */
  readonly left: readonly string[]
}

const fillers = new Set(
  `a an all and any are but did events every find for from get give had has have i in is list look me my of on please rows show
  that the their there things this to us was were what when where which who whose with`.split(/\s+/),
)

const outcomes: Readonly<Record<string, string>> = {
  failed: 'outcome:failure',
  failing: 'outcome:failure',
  failure: 'outcome:failure',
  failures: 'outcome:failure',
  denied: 'outcome:denied',
  forbidden: 'outcome:denied',
  refused: 'outcome:denied',
  rejected: 'outcome:denied',
  succeeded: 'outcome:success',
  successful: 'outcome:success',
  errors: 'level:error',
  warnings: 'level:warn',
  critical: 'severity:critical',
}

/** Words after which comes a name. */
const named: Readonly<Record<string, string>> = {
  by: 'actor',
  actor: 'actor',
  target: 'target',
  service: 'service_id',
  node: 'source_node_id',
  tenant: 'tenant_id',
  code: 'code',
  route: 'route',
  path: 'path',
  status: 'status',
  answered: 'status',
  request: 'request_id',
  logger: 'logger',
}
/** Words after which comes what is left out. */
const negations = new Set(['not', 'except', 'excluding', 'without'])
const unitLetters: Readonly<Record<string, string>> = {
  minute: 'm',
  hour: 'h',
  day: 'd',
  week: 'w',
  year: 'y',
}
const minute = 60_000_000
const day = 24 * 60 * minute

/**
 * Reads a phrase such as “refunds by u-42 yesterday that failed”: always the same question for the same words, codes and day. `codes` are those
 * that are known, so that a word that is no code is looked for instead of being bent into one. Parts that are query text already stay.
 */
export function understand(phrase: string, codes: readonly string[], nowMicros: number): PlainQuestion {
  const said = phrase
    .replace(/^\s*ask:/i, '')
    .split(/\s+/)
    .map((word) => word.replace(/[?!,;.]+$/, ''))
    .filter((word) => word !== '')
  const parts: string[] = []
  const understood: { said: string; as: string }[] = []
  const left: string[] = []
  let window: { since: string; until: string | null } | undefined
  for (let at = 0; at < said.length;) {
    const rest = said.slice(at)
    const time = timeIn(rest, nowMicros)
    const part = time === undefined ? partIn(rest, codes) : undefined
    const words = rest.slice(0, time?.words ?? part?.words ?? 1).join(' ')
    if (time !== undefined) {
      window = { since: time.since, until: time.until }
      understood.push({
        said: words,
        as: time.until === null ? `since ${time.since}` : `${time.since} to ${time.until}`,
      })
    } else if (part !== undefined) {
      parts.push(part.text)
      understood.push({ said: words, as: part.text })
    } else if (!fillers.has(words.toLowerCase())) left.push(words)
    at += time?.words ?? part?.words ?? 1
  }
  return { text: [...parts, ...left].join(' '), ...window, understood, left }
}

/** Whether it is a phrase: query text with fields, ids and single words says already what it means. */
export const isPhrase = (text: string): boolean => {
  const parts = queryParts(text)
  return /^\s*ask:/i.test(text) || (parts.length > 1 && parts.every(({ name }) => name === 'q'))
}

interface Found {
  /** How many words it took. */
  readonly words: number
}

function partIn(
  [first = '', ...rest]: readonly string[],
  codes: readonly string[],
): (Found & { readonly text: string }) | undefined {
  const [second = '', third = ''] = rest
  const word = first.toLowerCase()
  if (queryParts(first).some(({ name, isBare }) => name !== 'q' && !isBare)) return { words: 1, text: first }
  if (negations.has(word)) return negated(word, rest, codes)
  const field = named[word]
  if (field !== undefined && second !== '' && !second.includes('"'))
    return { words: 2, text: `${field}:${second}` }
  const outcome = outcomes[word]
  if (outcome !== undefined) return { words: 1, text: outcome }
  if ((word === 'to' || word === 'on' || word === 'of') && /[/:]/.test(second) && !second.includes('"'))
    return { words: 2, text: `target:${second}` }
  for (const count of [3, 2, 1]) {
    const words = [first, second, third].slice(0, count)
    const code = words.includes('') ? undefined : codeIn(words, codes)
    if (code !== undefined) return { words: count, text: `code:${code}` }
  }
  return undefined
}

/** What is said after “not”, turned round; “without” also takes the name of a member that a row need not have. */
function negated(
  word: string,
  rest: readonly string[],
  codes: readonly string[],
): (Found & { readonly text: string }) | undefined {
  const said = rest.findIndex((each) => !fillers.has(each.toLowerCase()))
  const [member = '', ...others] = said < 0 ? [] : rest.slice(said)
  const isFlag = Object.values(flags).some((names) => names.includes(member.toLowerCase()))
  if (word === 'without' && isFlag && (named[member.toLowerCase()] === undefined || others.length === 0))
    return { words: said + 2, text: `-has:${member.toLowerCase()}` }
  const part = negations.has(member.toLowerCase()) ? undefined : partIn([member, ...others], codes)
  if (
    part === undefined ||
    part.text.startsWith('-') ||
    !canBeExcluded(part.text.slice(0, part.text.indexOf(':')))
  )
    return undefined
  return { words: said + 1 + part.words, text: `-${part.text}` }
}

/** The code that the words spell, or what the known codes that begin with them have in common. */
function codeIn(words: readonly string[], codes: readonly string[]): string | undefined {
  if (words.length === 1 && words[0] !== undefined && words[0].length < 3) return undefined
  const spellings = words.reduce<readonly string[]>(
    (before, word) =>
      before.flatMap((each) => stems(word).map((stem) => (each === '' ? stem : `${each}_${stem}`))),
    [''],
  )
  const exact = spellings.find((each) => codes.includes(each))
  if (exact !== undefined) return exact
  const begins = spellings.find((each) => codes.some((code) => code.startsWith(`${each}_`)))
  return begins === undefined ? undefined : `${begins}_*`
}

/** A word as codes spell it, and without the endings of English. */
function stems(word: string): readonly string[] {
  const upper = word.toUpperCase()
  if (!/^[A-Z][A-Z0-9_]*$/.test(upper)) return []
  return [
    ...new Set([
      upper,
      ...['IES', 'ES', 'S'].flatMap((end) =>
        upper.endsWith(end) ? [upper.slice(0, -end.length) + (end === 'IES' ? 'Y' : '')] : [],
      ),
    ]),
  ]
}

function timeIn(
  words: readonly string[],
  nowMicros: number,
): (Found & { readonly since: string; readonly until: string | null }) | undefined {
  const [first = '', second = '', third = ''] = words.map((word) => word.toLowerCase())
  const dateAt = (daysAgo: number): string => formatMicros(nowMicros - daysAgo * day).slice(0, 10)
  if (first === 'today') return { words: 1, since: dateAt(0), until: null }
  if (first === 'yesterday') return { words: 1, since: dateAt(1), until: dateAt(1) }
  if (first === 'since' && (isTime(second) || second === 'yesterday'))
    return { words: 2, since: second === 'yesterday' ? dateAt(1) : second.toUpperCase(), until: null }
  if (first === 'on' && isDate(second)) return { words: 2, since: second, until: second }
  if ((first === 'between' || first === 'from') && isTime(second) && isTime(words[3] ?? ''))
    return { words: 4, since: second.toUpperCase(), until: (words[3] ?? '').toUpperCase() }
  if (first !== 'last' && first !== 'past') return undefined
  const single = unitOf(second)
  if (single !== undefined) return { words: 2, since: `-1${single}`, until: null }
  const unit = unitOf(third)
  return /^\d{1,4}$/.test(second) && unit !== undefined
    ? { words: 3, since: `-${Number(second)}${unit}`, until: null }
    : undefined
}

const unitOf = (word: string): string | undefined => unitLetters[word.replace(/s$/, '')]
const isDate = (word: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(word)
const isTime = (word: string): boolean => /^\d{4}-\d{2}-\d{2}(?:t\d{2}:\d{2}(?::\d{2})?z?)?$/i.test(word)
