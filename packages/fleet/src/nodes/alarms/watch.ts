// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { now } from '../../access/access-deps.ts'
import type { AlarmLimits } from '../../config/nodes-config.ts'
import { readNodeFacts, type NodeFacts } from '../list/node-facts.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { alarmColumns, shownAlarm, type Alarm, type AlarmRow } from './alarm.ts'
import { conditionsOf, watchedKinds } from './conditions.ts'
import type { AlarmBook, NewAlarm } from './raise-alarm.ts'

export interface WatchDeps extends NodesDeps {
  readonly book: AlarmBook
  readonly limits: AlarmLimits
}

/**
 * Looks at every node once: raises what is alarming and does not stand yet, and ends what stands and is over. All of it is one transaction under one
 * lock, so that of several servers that look at the same time one raises and the next finds it raised. Does nothing where somebody looked less than
 * `notWithinS` seconds ago.
 */
export async function watchNodes(deps: WatchDeps, { notWithinS = 0 } = {}): Promise<void> {
  await deps.database.transact(async (sql) => {
    const watched = await sql.query<{ at: Date | null; since: Date | null }>(
      'SELECT at, since FROM fleet_watch FOR UPDATE',
    )
    const before = watched.rows[0]
    // Taken behind the lock: what another server saw while we waited is not older than this.
    const at = now(deps)
    const last = before?.at ?? undefined
    const pausedS = last === undefined ? Infinity : (at.getTime() - last.getTime()) / 1000
    if (Math.abs(pausedS) < notWithinS) return
    const watchedSince = pausedS > pauseMaxS ? at : (before?.since ?? at)
    await sql.query('UPDATE fleet_watch SET at = $1, since = $2', [at, watchedSince])

    const nodes = await readNodeFacts(sql, { scope: 'all', withRevoked: false })
    const unanchoredSince = await noteUnanchored(sql, nodes, at)
    const found = nodes.flatMap((node) =>
      conditionsOf(node, { at, watchedSince, unanchoredSince, limits: deps.limits }),
    )
    const standing = await sql.query<AlarmRow>(
      `SELECT ${alarmColumns} FROM fleet_alarms WHERE cleared_at IS NULL AND kind = ANY ($1)`,
      [[...watchedKinds, 'refusal']],
    )
    const alarms = standing.rows.map(shownAlarm)
    const stands = new Set(alarms.map(keyOf))
    for (const condition of found) if (!stands.has(keyOf(condition))) await deps.book.raise(sql, condition)
    const isFound = new Set(found.map(keyOf))
    await deps.book.clear(
      sql,
      alarms.filter((alarm) =>
        alarm.kind === 'refusal' ? isTaken(alarm, nodes) : !isFound.has(keyOf(alarm)),
      ),
      'the reason is gone',
    )
  })
}

/** Nobody looked for longer than that: whether a node was silent in the meantime, nobody knows. */
const pauseMaxS = 120

const keyOf = ({ kind, subject }: Pick<Alarm | NewAlarm, 'kind' | 'subject'>): string => `${kind} ${subject}`

/** A refusal is over when its log went on beyond the place where it stood. */
function isTaken({ subject, node_id, detail }: Alarm, nodes: readonly NodeFacts[]): boolean {
  const log = nodes.find((node) => node.node_id === node_id)?.logs.find((each) => each.log === subject)
  if (log === undefined) return false
  const { at_seq, signed_size } = detail
  return typeof at_seq === 'number'
    ? log.size > at_seq
    : typeof signed_size === 'number' && log.signedSize > signed_size
}

/**
 * Since when at the latest a log has rows that no checkpoint covers. A mark says how many rows it had at a time; once a checkpoint covers so many,
 * the next mark begins with what there is then.
 */
async function noteUnanchored(
  sql: PoolClient,
  nodes: readonly NodeFacts[],
  at: Date,
): Promise<ReadonlyMap<string, Date>> {
  const logs = nodes.flatMap((node) => node.logs).filter(({ size, signedSize }) => size > signedSize)
  const names = [...new Set(logs.map(({ log }) => log))].sort()
  const by = new Map(logs.map((log) => [log.log, log]))
  // What a checkpoint covers by now, or has ended, begins anew.
  await sql.query(
    `DELETE FROM fleet_unanchored u WHERE NOT EXISTS (
      SELECT FROM unnest($1::text[], $2::bigint[]) AS g (log, signed_size) WHERE g.log = u.log AND g.signed_size < u.size)`,
    [names, names.map((log) => by.get(log)?.signedSize)],
  )
  await sql.query(
    `INSERT INTO fleet_unanchored (log, size, since)
    SELECT g.log, g.size, $3 FROM unnest($1::text[], $2::bigint[]) AS g (log, size) ON CONFLICT DO NOTHING`,
    [names, names.map((log) => by.get(log)?.size), at],
  )
  const { rows } = await sql.query<{ log: string; since: Date }>('SELECT log, since FROM fleet_unanchored')
  return new Map(rows.map(({ log, since }) => [log, since]))
}
