// SPDX-License-Identifier: Apache-2.0
import type { ApiRow, AuditRow, StreamName, SysRow, VerificationState } from '../../core/row.ts'
import type { ReaderRow } from '../../reader/reader.ts'
import { jobParts } from './job-parts.ts'
import { line, type Part } from './line.ts'
import type { Look, Style } from './paint.ts'
import { duration, pairs, scalar } from './values.ts'
import { visible } from '../../core/visible.ts'

export interface RowLineOptions {
  /** Ends each line with the row's citation, e.g. `audit#8414:5ff73e2e`. */
  readonly hasCitation?: boolean
}

const marks: Readonly<Record<VerificationState, readonly [sign: string, style: Style, meaning: string]>> = {
  verified: ['✓', 'good', 'verified for this answer'],
  chained: ['·', 'quiet', 'chained, not recomputed here'],
  broken: ['✗', 'alarm', 'broken: run fasten verify'],
  ring: ['~', 'caution', 'in memory only, not provable'],
}

/** What the marks beside these rows mean, for the foot of a list. */
export function markLegend(states: ReadonlySet<VerificationState>): string {
  return Object.entries(marks)
    .filter(([state]) => states.has(state as VerificationState))
    .map(([, [sign, , meaning]]) => `${sign} ${meaning}`)
    .join('  ')
}

const urgency: Readonly<Record<string, Style>> = {
  debug: 'quiet',
  info: 'plain',
  warn: 'caution',
  error: 'danger',
  critical: 'alarm',
  fatal: 'alarm',
}

/** Below this the date moves from every line to a divider where the day changes. */
const columnsForDate = 110

/** Below this columns stand one space apart, and the request id needs no label to be recognised. */
const columnsForGaps = 96

/**
 * A printer of rows, one line each (two where a long request id, or what went wrong in a run, has no room beside the rest): time, verification mark, stream,
 * level, what happened, to whom, why, where, request id.
 * On a terminal the line is cut to its width, dispensable parts first; elsewhere nothing is ever cut. The printer
 * remembers the day it printed last, so make one for each list.
 */
export function rowPrinter(look: Look, options: RowLineOptions = {}): (row: ReaderRow) => readonly string[] {
  let day = ''
  return (row) => {
    const isShort = look.columns !== null && look.columns < columnsForDate
    const isDense = look.columns !== null && look.columns < columnsForGaps
    const head = [...lead(row, isShort), ...rowParts(row, { isAligned: !isShort, hasCause: true })]
    const hangs =
      look.columns !== null &&
      look.columns < columnsForIds &&
      (row.request_id.length > shortIdMax || (isDense && head.some(({ isBelow }) => isBelow === true)))
    const tail = trail(row, options, isDense && !hangs)
    const above = hangs && isDense ? head.filter(({ isBelow }) => isBelow !== true) : head
    const dense = above.map((part, index) => (index <= densePartsMax ? { ...part, isTight: true } : part))
    const hang = ' '.repeat(isDense ? 13 : 14)
    const below = [...tail.slice(-1), ...head.filter((part) => !above.includes(part))]
    const lines = hangs
      ? [
          line([...(isDense ? dense : above), ...tail.slice(0, -1)], look),
          `${hang}${line(below, { ...look, columns: (look.columns ?? Infinity) - hang.length })}`,
        ]
      : [line([...(isDense ? dense : head), ...tail], look)]
    const rowDay = row.timestamp.slice(0, 10)
    if (!isShort || rowDay === day) return lines
    day = rowDay
    return [look.paint('quiet', `── ${visible(rowDay)} (UTC) ──`), ...lines]
  }
}

/** Time, mark, stream, level, name. */
const densePartsMax = 4

/** Below this, a request id longer than a minted one (a UUID, say) gets a line of its own: it is never cut, and must not crush the rest. */
const columnsForIds = 130
const shortIdMax = 16

export interface RowPartsOptions {
  /** Pads the names of events to a column, for lists. */
  readonly isAligned: boolean
  /** Names the row that caused this one; off where the picture shows it. */
  readonly hasCause: boolean
}

/** What a row says, without time and request id: the middle of a line, and a line of a thread. Level or status comes first. */
export function rowParts(row: ReaderRow, options: RowPartsOptions): readonly Part[] {
  switch (row.stream) {
    case 'audit':
      return auditParts(row, options)
    case 'sys':
      return sysParts(row, options)
    case 'api':
      return apiParts(row)
  }
}

export function streamPart(stream: StreamName): Part {
  return { text: stream, style: stream, columns: 5 }
}

export function markPart(state: VerificationState): Part {
  // A reader of a later version may know more states.
  const [text, style] = marks[state] ?? ['?', 'caution']
  return { text, style }
}

/** `audit#8414:5ff73e2e`: stream, place in its log, first eight of the hash. A row of a ring has no place to cite. */
export function citation(row: ReaderRow): string {
  return row.hash === null
    ? `${row.stream}#ring`
    : `${row.stream}#${row.monotonic_seq}:${row.hash.slice(0, 8)}`
}

function lead(row: ReaderRow, isShort: boolean): readonly Part[] {
  const time = visible(row.timestamp)
  return [
    // Microseconds order rows and live in --json; people compare milliseconds.
    { text: isShort ? time.slice(11, 23) : `${time.slice(0, 23)}Z`, style: 'quiet' },
    markPart(row.verification),
    streamPart(row.stream),
  ]
}

function trail(row: ReaderRow, options: RowLineOptions, isDense: boolean): readonly Part[] {
  return [
    { text: visible(`${row.service_id}@${row.source_node_id}`), style: 'quiet', yields: 1 },
    ...(options.hasCitation ? [{ text: visible(citation(row)), style: 'quiet' } as const] : []),
    { text: `${isDense ? '' : 'req='}${visible(row.request_id)}`, style: 'quiet' },
  ]
}

function auditParts(row: ReaderRow<AuditRow>, options: RowPartsOptions): readonly Part[] {
  const style = urgency[row.severity] ?? 'plain'
  const isGood = row.outcome === 'success'
  return [
    { text: row.severity === 'critical' ? 'crit' : visible(row.severity), style, columns: 5 },
    {
      text: visible(row.code),
      style: style === 'plain' || style === 'quiet' ? 'strong' : style,
      columns: options.isAligned ? 24 : 0,
    },
    { text: visible(row.actor ?? anchorOf(row, 'actor')), yields: 6, keeps: 8 },
    {
      text: `→ ${visible(row.target ?? anchorOf(row, 'target'))}`,
      isTight: true,
      yields: 5,
      keeps: 12,
      cut: 'middle',
    },
    ...(isGood
      ? []
      : [{ text: visible(row.outcome), style: row.outcome === 'unknown' ? 'caution' : 'danger' } as const]),
    { text: labelled('for', row.on_behalf_of), yields: 4 },
    { text: labelled('reason', row.reason), yields: 4, keeps: 16, isExtra: true },
    { text: labelled('change', row.change_ref), yields: 3 },
    { text: options.hasCause ? labelled('caused_by', row.caused_by) : '', style: 'quiet', yields: 2 },
    { text: pairs(row.detail), style: 'quiet', yields: 3 },
    { text: pairs(disclosedDetail(row)), style: 'caution', yields: 3 },
    { text: row.pii_in_detail === true ? 'pii' : '', style: 'caution', yields: 1 },
  ]
}

/** An anchor that is not in the leaf: its value where it was disclosed, else what became of it. */
function anchorOf({ disclosures }: ReaderRow<AuditRow>, name: string): string {
  const found = disclosures?.[`/${name}`]
  return typeof found?.value === 'string' ? found.value : `(${found?.state ?? 'sealed'})`
}

/** Members of the detail that were disclosed, by their path. */
function disclosedDetail({ disclosures = {} }: ReaderRow<AuditRow>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(disclosures)
      .filter(([pointer, { state }]) => state === 'disclosed' && pointer.startsWith('/detail'))
      .map(([pointer, { value }]) => [pointer.split('/').slice(2).join('.') || 'detail', value]),
  )
}

function sysParts(row: ReaderRow<SysRow>, options: RowPartsOptions): readonly Part[] {
  const style = urgency[row.level] ?? 'plain'
  const job = jobParts(row)
  return [
    { text: visible(row.level), style, columns: 5 },
    {
      text: visible(row.event),
      style: style === 'quiet' ? 'plain' : style,
      columns: options.isAligned ? 24 : 0,
      yields: 4,
      // What became of a run is the end of its event's name.
      keeps: job === undefined ? 16 : 30,
    },
    ...(job ?? [{ text: pairs(row.fields), style: 'quiet', yields: 3 } as const]),
    { text: labelled('logger', row.logger), style: 'quiet', yields: 2 },
    { text: options.hasCause ? labelled('caused_by', row.caused_by) : '', style: 'quiet', yields: 2 },
  ]
}

function apiParts(row: ReaderRow<ApiRow>): readonly Part[] {
  // Rows of the store have the shape of an access, and are none.
  const isOwn = row.detail !== undefined
  return [
    { text: String(row.status), style: statusStyle(row.status), columns: 5 },
    {
      text: isOwn
        ? `${visible(row.path.slice(1))} (by fasten)`
        : `${visible(row.method)} ${visible(row.path)}`,
      style: 'strong',
      yields: 5,
      keeps: 16,
      cut: 'middle',
    },
    { text: isOwn ? '' : duration(row.duration_us) },
    { text: labelled('error', row.error), style: 'danger', yields: 4, keeps: 12, isExtra: true },
    { text: labelled('actor', row.actor), yields: 3 },
    { text: row.route === row.path ? '' : labelled('route', row.route), style: 'quiet', yields: 2 },
    { text: labelled('ip', row.source?.ip), style: 'quiet', yields: 1 },
  ]
}

function statusStyle(status: number): Style {
  if (status >= 500) return 'danger'
  return status >= 400 ? 'caution' : 'good'
}

function labelled(label: string, value: string | undefined): string {
  return value === undefined ? '' : `${label}=${scalar(value)}`
}
