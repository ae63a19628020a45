// SPDX-License-Identifier: Apache-2.0

/** What a code means, as far as the fleet was told (`/api/v1/codes`). */
export interface KnownCode {
  readonly code: string
  readonly domain: string
  readonly category: string
  readonly action: string
  readonly severity: string
  readonly retention_class: string
  readonly description: string
  readonly emitter: string
  readonly high_volume: boolean
  readonly is_personal: boolean
  readonly from: 'fasten' | 'fleet' | 'own' | 'catalogue'
}

/** How often each code with each outcome was seen in a window (`/api/v1/metrics/codes`). */
export interface CodeCounts {
  /** False where the window begins before the oldest numbers that are kept: they are then at least so many. */
  readonly complete: boolean
  /** Over one node, which keeps no numbers: how many rows, the newest of the window, were counted. */
  readonly rows_counted?: number
  readonly groups: readonly {
    readonly group: { readonly code?: string; readonly outcome?: string }
    readonly rows: number
  }[]
  readonly groups_left: number
}

/** A line of the catalogue. */
export interface CodeLine {
  readonly code: string
  /** Null for one that is seen and that nobody explained to the fleet. */
  readonly known: KnownCode | null
  readonly rows: number
  /** Rows whose outcome is not success. */
  readonly failures: number
}

export interface CodeSection {
  readonly domain: string
  readonly lines: readonly CodeLine[]
  readonly rows: number
}

export interface CodeView {
  readonly since: string
  readonly until: string | null
  /** Words that a code, its domain or its meaning holds. */
  readonly text: string
  readonly isOnlySeen: boolean
}

export function readCodeView(search: string): CodeView {
  const given = new URLSearchParams(search)
  return {
    since: given.get('since') ?? '-7d',
    until: given.get('until'),
    text: given.get('q') ?? '',
    isOnlySeen: given.get('seen') === '1',
  }
}

export function writeCodeView({ since, until, text, isOnlySeen }: CodeView): string {
  const search = new URLSearchParams()
  if (since !== '-7d') search.set('since', since)
  if (until !== null) search.set('until', until)
  if (text !== '') search.set('q', text)
  if (isOnlySeen) search.set('seen', '1')
  return search.size === 0 ? '' : `?${search}`
}

/** Stands for the domain of codes that nobody explained. */
export const unexplained = ''

/**
 * Every code that is explained or was seen, by domain; what was seen and nobody explained comes first, then the domains of which the most was
 * seen, and within each of them what is seen most.
 */
export function catalogueOf(
  known: readonly KnownCode[],
  counts: Pick<CodeCounts, 'groups'> | undefined,
  { text, isOnlySeen }: Pick<CodeView, 'text' | 'isOnlySeen'>,
): readonly CodeSection[] {
  const seen = new Map<string, { rows: number; failures: number }>()
  for (const { group, rows } of counts?.groups ?? []) {
    const { code = '', outcome } = group
    const sums = seen.get(code) ?? { rows: 0, failures: 0 }
    seen.set(code, {
      rows: sums.rows + rows,
      failures: sums.failures + (outcome === 'success' ? 0 : rows),
    })
  }
  const explained = new Map(known.map((each) => [each.code, each]))
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const lines = [...new Set([...explained.keys(), ...seen.keys()])]
    .map((code): CodeLine => ({
      code,
      known: explained.get(code) ?? null,
      ...(seen.get(code) ?? { rows: 0, failures: 0 }),
    }))
    .filter((line) => (!isOnlySeen || line.rows > 0) && words.every((word) => textOf(line).includes(word)))
    .sort((a, b) => b.rows - a.rows || (a.code < b.code ? -1 : 1))
  return [...Map.groupBy(lines, (line) => line.known?.domain ?? unexplained)]
    .map(([domain, own]) => ({ domain, lines: own, rows: own.reduce((sum, { rows }) => sum + rows, 0) }))
    .sort(
      (a, b) =>
        Number(b.domain === unexplained) - Number(a.domain === unexplained) ||
        b.rows - a.rows ||
        (a.domain < b.domain ? -1 : 1),
    )
}

const textOf = ({ code, known }: CodeLine): string =>
  [code, known?.domain, known?.category, known?.description, known?.severity, known?.retention_class]
    .join(' ')
    .toLowerCase()

/** How a total that a reader counted is to be read. */
export function totalWords(
  total: number | null,
  kind: 'exact' | 'at_least' | 'estimated' | 'unknown',
): string {
  if (total === null || kind === 'unknown') return 'not counted'
  const number = total.toLocaleString('en')
  return kind === 'exact'
    ? number
    : kind === 'at_least'
      ? `at least ${number}`
      : `about ${number} (estimated)`
}
