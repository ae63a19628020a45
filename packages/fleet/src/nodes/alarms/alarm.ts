// SPDX-License-Identifier: Apache-2.0

/**
 * What an alarm can be about. `fork`, `rollback`, `refusal` and what is about sources are raised by ingest, `tamper` (a row of access was written past the
 * fleet) and `unverified` (what is stored is not what was signed) by the server about its own database, the others by whoever watches the nodes. Those of
 * `endedByPerson` end when a person has acknowledged them, since nothing else unsays them; the others by themselves, when their reason does.
 */
export const alarmKinds = [
  'fork',
  'rollback',
  'refusal',
  'tamper',
  'unverified',
  'silent',
  'unanchored',
  'lag',
  'clock',
  'spool',
  // Rows of a source that could not be taken, a source that tells its past otherwise than before, and one that is not heard of or does not answer.
  'source_refusal',
  'source_changed',
  'source_silent',
  'source_failing',
] as const
export type AlarmKind = (typeof alarmKinds)[number]

/** Kinds that are over with a person's acknowledgement. A refusal may end by itself as well. */
export const endedByPerson: ReadonlySet<AlarmKind> = new Set([
  'fork',
  'rollback',
  'refusal',
  'tamper',
  'unverified',
  'source_refusal',
  'source_changed',
])

/** An alarm as the API and the channels tell it. */
export interface Alarm {
  readonly alarm_id: number
  readonly kind: AlarmKind
  /** `node:<id>`, `source:<id>`, the name of a log, or the row of access that it is about, `<kind>:<id>`. */
  readonly subject: string
  readonly node_id: string | null
  readonly raised_at: string
  readonly cleared_at: string | null
  readonly acknowledged_at: string | null
  readonly acknowledged_by: string | null
  readonly note: string | null
  /** Facts of its kind, and `message`, one sentence for people. */
  readonly detail: Readonly<Record<string, unknown>>
}

export interface AlarmRow {
  /** A bigint. */
  readonly alarm_id: string
  readonly kind: AlarmKind
  readonly subject: string
  readonly node_id: string | null
  readonly raised_at: Date
  readonly cleared_at: Date | null
  readonly acknowledged_at: Date | null
  readonly acknowledged_by: string | null
  readonly note: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

export const alarmColumns =
  'alarm_id, kind, subject, node_id, raised_at, cleared_at, acknowledged_at, acknowledged_by, note, detail'

export function shownAlarm(row: AlarmRow): Alarm {
  return {
    alarm_id: Number(row.alarm_id),
    kind: row.kind,
    subject: row.subject,
    node_id: row.node_id,
    raised_at: row.raised_at.toISOString(),
    cleared_at: row.cleared_at?.toISOString() ?? null,
    acknowledged_at: row.acknowledged_at?.toISOString() ?? null,
    acknowledged_by: row.acknowledged_by,
    note: row.note,
    detail: row.detail,
  }
}
