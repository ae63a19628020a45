// SPDX-License-Identifier: Apache-2.0
import { canBeExcluded, queryParts, type QueryPart } from 'fasten/reader/remote'

/** The text without one of its parts; the others keep their places and their meaning. */
export const withoutPart = (text: string, { from, to }: Pick<QueryPart, 'from' | 'to'>): string =>
  `${text.slice(0, from).trimEnd()} ${text.slice(to).trimStart()}`.trim()

/**
 * The text with `name:value` in it, instead of what it said of that name before: a field that is given twice counts as given last. What it leaves out
 * stays left out, but for this value. Undefined for a value that no text can ask for: an empty one, or one with a double quote in it.
 */
export function withFilter(text: string, name: string, value: string): string | undefined {
  return withSpelled(text, name, value, '', (part) => !part.isExcluded || part.value === value)
}

/** The text with `-name:value` in it, and without a part that asks for this very value. Undefined as above. */
export function withExclusion(text: string, name: string, value: string): string | undefined {
  return withSpelled(text, name, value, '-', (part) => part.value === value)
}

function withSpelled(
  text: string,
  name: string,
  value: string,
  sign: '' | '-',
  isReplaced: (part: QueryPart) => boolean,
): string | undefined {
  if (value === '' || value.includes('"')) return undefined
  const spelled = `${sign}${name === 'has_flag' ? 'has' : name}:${/[\s]/.test(value) ? `"${value}"` : value}`
  const others = queryParts(text)
    .filter((part) => part.name === name && isReplaced(part))
    .reduceRight((rest, part) => withoutPart(rest, part), text)
  const whole = `${others} ${spelled}`.trim()
  return queryParts(whole).at(-1)?.value === value ? whole : undefined
}

/** The text with a part that asks for a value turned into one that leaves it out, or the other way round. Undefined for words and for ends of the window. */
export function turned(text: string, { name, value, isExcluded }: QueryPart): string | undefined {
  if (!canBeExcluded(name)) return undefined
  return isExcluded ? withFilter(text, name, value) : withExclusion(text, name, value)
}

/** The part of a text that asks for this value, if one does. */
export const partWith = (text: string, name: string, value: string): QueryPart | undefined =>
  queryParts(text).find((part) => !part.isExcluded && part.name === name && part.value === value)

/** The parts of a text that leave out values of this name. */
export const exclusionsOf = (text: string, name: string): readonly QueryPart[] =>
  queryParts(text).filter((part) => part.isExcluded && part.name === name)

const said: Readonly<Record<string, (value: string) => string>> = {
  request_id: (value) => `of the request ${value}`,
  id: (value) => `with the id ${value}`,
  code: (value) =>
    value.endsWith('*') ? `whose code begins with ${value.slice(0, -1)}` : `with the code ${value}`,
  action: (value) =>
    /[*.]$/.test(value) ? `whose action begins with ${value.replace(/\*$/, '')}` : `with the action ${value}`,
  actor: (value) => `done by ${value}`,
  actor_kind: (value) => `done by ${/^[aeiou]/.test(value) ? 'an' : 'a'} ${value}`,
  on_behalf_of: (value) => `done on behalf of ${value}`,
  target: (value) => `done to ${value}`,
  outcome: (value) =>
    ({ success: 'that succeeded', failure: 'that failed', denied: 'that were denied' })[value] ??
    `whose outcome is ${value}`,
  severity: (value) => `of severity ${value}`,
  level: (value) => `of level ${value}`,
  status: (value) => `answered ${value}`,
  service_id: (value) => `from the service ${value}`,
  source_node_id: (value) => `from the node ${value}`,
  tenant_id: (value) => `of the tenant ${value}`,
  has_flag: (value) => `that carry ${value}`,
  caused_by: (value) => `caused by ${value}`,
  since: (value) => `since ${value}`,
  until: (value) => `until ${value}`,
  q: (value) => `that contain “${value}”`,
}

/** What a question means, as a sentence: every part that counts, the window of time, and the order. */
export function meaningOf(
  { text, since, until }: { readonly text: string; readonly since: string; readonly until: string | null },
  order: 'newest' | 'oldest',
): string {
  const last = new Map<string, string>()
  const words: string[] = []
  const excluded = new Set<string>()
  for (const { name, value, isExcluded } of queryParts(text)) {
    if (isExcluded) excluded.add(said[name]?.(value) ?? `with the ${name} ${value}`)
    else if (name === 'q') words.push(value)
    else {
      last.delete(name)
      last.set(name, value)
    }
  }
  const what = [...last, ...(words.length === 0 ? [] : [['q', words.join(' ')] as const])].map(
    ([name, value]) => said[name]?.(value) ?? `with the ${name} ${value}`,
  )
  const window = last.has('since')
    ? until === null || last.has('until')
      ? ''
      : `, until ${until}`
    : `, ${windowWords(since, last.has('until') ? null : until)}`
  const none = excluded.size === 0 ? '' : `, but none ${listed([...excluded], 'or')}`
  return `Rows ${what.length === 0 ? 'of every kind' : listed(what)}${none}${window}, the ${order} first.`
}

const units: Readonly<Record<string, string>> = {
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  y: 'year',
  s: 'second',
}

function windowWords(since: string, until: string | null): string {
  if (until !== null) return `from ${since} to ${until}`
  const [, count = '', unit = ''] = /^-(\d+)([smhdwy])$/.exec(since) ?? []
  const name = units[unit]
  if (name === undefined) return `since ${since}`
  return count === '1' ? `of the last ${name}` : `of the last ${count} ${name}s`
}

function listed(parts: readonly string[], joint: 'and' | 'or' = 'and'): string {
  const last = parts.at(-1) ?? ''
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} ${joint} ${last}`
}
