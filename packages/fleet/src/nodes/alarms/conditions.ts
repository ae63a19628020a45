// SPDX-License-Identifier: Apache-2.0
import type { AlarmLimits } from '../../config/nodes-config.ts'
import type { NodeFacts } from '../list/node-facts.ts'
import type { AlarmKind } from './alarm.ts'
import type { NewAlarm } from './raise-alarm.ts'

/** Kinds that whoever watches raises and ends. */
export const watchedKinds = [
  'silent',
  'unanchored',
  'lag',
  'clock',
  'spool',
] as const satisfies readonly AlarmKind[]

export interface Moment {
  readonly at: Date
  /** Nobody watched before that: silence is counted from then at the earliest. */
  readonly watchedSince: Date
  /** Since when at the latest rows of a log are not covered by a checkpoint. */
  readonly unanchoredSince: ReadonlyMap<string, Date>
  readonly limits: AlarmLimits
}

/** Everything about a node that is alarming at this moment. A node that was revoked alarms nobody. */
export function conditionsOf(node: NodeFacts, moment: Moment): readonly NewAlarm[] {
  if (node.revokedAt !== null) return []
  const { at, limits } = moment
  const secondsSince = (time: Date): number => Math.max(0, (at.getTime() - time.getTime()) / 1000)
  const about = { subject: `node:${node.node_id}`, node_id: node.node_id, tenants: node.tenants }
  const name = `node "${node.source_node_id}"`
  const found: NewAlarm[] = []

  const silentS = secondsSince(latest(node.lastSeenAt ?? node.enrolledAt, moment.watchedSince))
  if (silentS > (node.silentAfterS ?? limits.silentS))
    found.push({
      ...about,
      kind: 'silent',
      message: `${name} has not asked or sent anything for ${whole(silentS)} s`,
      detail: { last_seen_at: node.lastSeenAt?.toISOString() ?? null },
    })

  for (const { log, tenant, nodeSize = 0, size, signedSize, behindSince } of node.logs) {
    const ofLog = { subject: log, node_id: node.node_id, tenants: [tenant] }
    const since = moment.unanchoredSince.get(log)
    if (since !== undefined && secondsSince(since) > limits.unanchoredS)
      found.push({
        ...ofLog,
        kind: 'unanchored',
        message: `rows of ${log} beyond ${signedSize} are not covered by a checkpoint for ${whole(secondsSince(since))} s`,
        detail: { size, signed_size: signedSize, since: since.toISOString() },
      })
    const rows = nodeSize - size
    const behindS = behindSince === null ? 0 : secondsSince(behindSince)
    if (rows > limits.lagRows || behindS > limits.lagS)
      found.push({
        ...ofLog,
        kind: 'lag',
        message: `${rows} rows of ${log} are not here yet, some for ${whole(behindS)} s at least`,
        detail: { node_size: nodeSize, size, seconds: whole(behindS) },
      })
  }

  const { status } = node
  if (status === undefined) return found
  // The offset is at least this and at most the bound more: alarming is what is too far either way.
  const ahead = status.offsetMs
  const behind = -(status.offsetMs + (status.boundMs ?? unknownBoundMs))
  if (Math.max(ahead, behind) > limits.clockS * 1000)
    found.push({
      ...about,
      kind: 'clock',
      message: `the clock of ${name} is ${whole(Math.abs(ahead) / 1000)} s ${ahead > 0 ? 'ahead of' : 'behind'} the fleet's`,
      detail: { offset_ms: status.offsetMs, bound_ms: status.boundMs },
    })
  const spoolMax = status.spoolBytesMax ?? usualSpoolBytesMax
  if (status.spoolBytes > spoolMax * (limits.spoolPercent / 100))
    found.push({
      ...about,
      kind: 'spool',
      message: `the spool of ${name} holds ${status.spoolBytes} of ${spoolMax} bytes`,
      detail: { rows: status.spoolRows, bytes: status.spoolBytes, bytes_max: spoolMax },
    })
  return found
}

/** A request may be on its way for so long. */
const unknownBoundMs = 30_000

/** FASTEN_SPOOL_BYTES_MAX where nobody set it. */
const usualSpoolBytesMax = 2 ** 30

const latest = (one: Date, other: Date): Date => (one.getTime() > other.getTime() ? one : other)

const whole = (seconds: number): number => Math.round(seconds)
