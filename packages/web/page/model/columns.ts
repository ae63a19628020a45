// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'

/** A column of the pane with the most room. */
export interface Column {
  readonly name: string
  /** Pixels; null takes what the others leave. */
  readonly width: number | null
}

interface Known {
  readonly title: string
  readonly width: number | null
  readonly streams: readonly StreamName[]
}

const everywhere: readonly StreamName[] = ['audit', 'sys', 'api']

/** Every column that there is, in the order in which they are offered. */
export const knownColumns = {
  time: { title: 'Time', width: 132, streams: everywhere },
  mark: { title: 'Status', width: 68, streams: everywhere },
  what: { title: 'What', width: null, streams: everywhere },
  who: { title: 'Who', width: 150, streams: ['audit', 'api'] },
  on_behalf_of: { title: 'On behalf of', width: 140, streams: ['audit'] },
  target: { title: 'Target', width: 180, streams: ['audit'] },
  reason: { title: 'Reason', width: 180, streams: ['audit'] },
  severity: { title: 'Severity', width: 80, streams: ['audit'] },
  outcome: { title: 'Outcome', width: 80, streams: ['audit'] },
  logger: { title: 'Logger', width: 120, streams: ['sys'] },
  route: { title: 'Route', width: 160, streams: ['api'] },
  duration: { title: 'Took', width: 84, streams: ['api'] },
  service: { title: 'Service', width: 110, streams: everywhere },
  node: { title: 'Node', width: 110, streams: everywhere },
  tenant: { title: 'Tenant', width: 100, streams: everywhere },
  request: { title: 'Request', width: 136, streams: everywhere },
  seq: { title: 'Place', width: 84, streams: everywhere },
} as const satisfies Readonly<Record<string, Known>>

export type ColumnName = keyof typeof knownColumns

const isKnown = (name: string): name is ColumnName => Object.hasOwn(knownColumns, name)

/** The columns that rows of a stream can have. */
export const columnsFor = (stream: StreamName): readonly ColumnName[] =>
  (Object.keys(knownColumns) as ColumnName[]).filter((name) =>
    (knownColumns[name].streams as readonly StreamName[]).includes(stream),
  )

const plain = (names: readonly ColumnName[]): readonly Column[] =>
  names.map((name) => ({ name, width: knownColumns[name].width }))

export const usualColumns: Readonly<Record<StreamName, readonly Column[]>> = {
  audit: plain(['time', 'mark', 'what', 'who', 'service', 'node', 'request']),
  sys: plain(['time', 'mark', 'what', 'logger', 'service', 'node', 'request']),
  api: plain(['time', 'mark', 'what', 'who', 'service', 'node', 'request']),
}

const widthMin = 40
const widthMax = 1200

/** As an address says it: `time,mark,what,who.180`; a width only where it is not the usual one. */
export const writeColumns = (columns: readonly Column[]): string =>
  columns
    .map(({ name, width }) =>
      !isKnown(name) || width === knownColumns[name].width
        ? name
        : `${name}.${width === null ? 'auto' : width}`,
    )
    .join(',')

/** What makes no sense is left out; where nothing is left, the columns are as usual. */
export function readColumns(text: string | null, stream: StreamName): readonly Column[] {
  const seen = new Set<string>()
  const columns = (text ?? '').split(',').flatMap((each): readonly Column[] => {
    const [name = '', width] = each.split('.', 2)
    if (!isKnown(name) || seen.has(name) || !columnsFor(stream).includes(name)) return []
    seen.add(name)
    if (width === 'auto') return [{ name, width: null }]
    const pixels = Number(width)
    return [
      {
        name,
        width: width !== undefined && Number.isInteger(pixels) ? bounded(pixels) : knownColumns[name].width,
      },
    ]
  })
  return columns.length === 0 ? usualColumns[stream] : columns
}

export const bounded = (pixels: number): number => Math.min(widthMax, Math.max(widthMin, Math.round(pixels)))

/** One place further to the front (−1) or the back (1). */
export function moved(columns: readonly Column[], name: string, by: -1 | 1): readonly Column[] {
  const from = columns.findIndex((each) => each.name === name)
  const column = columns[from]
  const to = from + by
  if (column === undefined || to < 0 || to >= columns.length) return columns
  return columns.toSpliced(from, 1).toSpliced(to, 0, column)
}

/**
 * What a grid makes of them: as wide as they say, and one that takes the rest. That one is never narrower than `restMin` says, since it is what is read: where
 * there is no room the last ones are cut.
 */
export function gridOf(columns: readonly Column[], restMin = '14rem'): string {
  const isFilled = columns.some(({ width }) => width === null)
  return columns
    .map(({ width }, index) =>
      width === null || (!isFilled && index === columns.length - 1)
        ? `minmax(${restMin}, 1fr)`
        : `${width}px`,
    )
    .join(' ')
}

/** What panes show that do not have the most room. */
export const closeColumns: readonly Column[] = [
  { name: 'time', width: 112 },
  { name: 'mark', width: 56 },
  { name: 'what', width: null },
  { name: 'request', width: 112 },
]

/** The first three of them, where there is no room for more. */
export const narrowGridOf = (columns: readonly Column[]): string =>
  gridOf(
    columns
      .slice(0, 3)
      .map(({ name, width }) => ({ name, width: name === 'time' ? 92 : name === 'mark' ? 52 : width })),
    '0',
  )

/** The text in a cell that is a member of the row as it is; null for one that the row does not have. */
export function cellText(row: ReaderRow, name: ColumnName): string | null {
  const members = row as unknown as Readonly<Record<string, unknown>>
  const member = memberOf[name] ?? name
  const value = members[member]
  if (typeof value === 'string') return value === '' ? null : value
  if (typeof value === 'number') return String(value)
  return value === undefined ? null : 'sealed'
}

const memberOf: Readonly<Partial<Record<ColumnName, string>>> = {
  who: 'actor',
  service: 'service_id',
  node: 'source_node_id',
  tenant: 'tenant_id',
  request: 'request_id',
  seq: 'monotonic_seq',
}
