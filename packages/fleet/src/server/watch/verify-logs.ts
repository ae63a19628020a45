// SPDX-License-Identifier: Apache-2.0
/**
 * The fleet verifies what it keeps, a stretch of a log at a time, over and over.
 *
 *   the log that was looked at longest ago ▸ lock its line ▸ rows from the place on ▸ roots of checkpoints on the way ▸ place, tree and verdict, sealed
 *
 * Whatever contradicts what was verified before is found at the next look at that log: rows that are gone from the end, a checkpoint that is
 * gone. An edit of a row that was verified already is found when its log's turn begins anew, a day after the last end. Any number of servers may do it
 * at once: each takes logs that no other holds.
 */
import type { Fasten } from 'fasten'
import {
  createLogVerifier,
  createMerkleTree,
  FastenError,
  genesis,
  openCosignedCheckpoint,
  parseLogName,
  type Clock,
  type VerifierKey,
} from 'fasten/core'
import { localReader } from 'fasten/reader'
import { createSystemClock, noteCrypto, sha256, type openForReading } from 'fasten/store'
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { noTenant } from '../../database/tenant-scope.ts'
import type { AlarmBook } from '../../nodes/alarms/raise-alarm.ts'

export interface VerifyLogsDeps {
  readonly database: FleetDatabase
  readonly fasten: Fasten
  readonly clock: Clock
  readonly book: Pick<AlarmBook, 'raise'>
  /** The key with which this fleet cosigns what nodes send. */
  readonly witness: VerifierKey
  /** Rows of each log that this process has verified: what it knows although somebody clears the table. */
  readonly seen: Map<string, number>
}

/** Where the verification of a log stands. */
type State = {
  /** Rows that are verified; the next look begins there. */
  readonly next: number
  readonly head_hash: string
  readonly frontier: readonly string[]
  /** The largest size that a checkpoint was found for. */
  readonly signed: number
  /** Rows without content were met; their accounts are judged at the end. */
  readonly has_expired: boolean
  readonly verdict: 'PASS' | 'FAIL' | null
  /** When the log was verified to its end, ISO. */
  readonly ended_at: string | null
}

export interface LookOptions {
  /** Rows of one look, default 2,000: some tens of milliseconds. */
  readonly rowsMax?: number
  /** Begin a log anew that was verified to its end so long ago; default a day. */
  readonly againAfterMs?: number
  /** Only this log. */
  readonly log?: string
}

type Store = Awaited<ReturnType<typeof openForReading>>

/** Verifies the next stretch of one log. Answers the log, or undefined where none is free. */
export async function verifyNext(
  deps: VerifyLogsDeps,
  store: Store,
  { rowsMax = 2_000, againAfterMs = 86_400_000, log: only }: LookOptions = {},
): Promise<string | undefined> {
  const { database, clock } = deps
  return database.transact(async (sql) => {
    await sql.query('INSERT INTO fleet_verification (log) SELECT log FROM fasten_logs ON CONFLICT DO NOTHING')
    const { rows } = await sql.query<{ log: string; state: State | null; seal: string | null }>(
      `SELECT log, state, seal FROM fleet_verification WHERE $1::text IS NULL OR log = $1
      ORDER BY looked_at NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED`,
      [only ?? null],
    )
    const [line] = rows
    if (line === undefined) return undefined
    const { log, state, seal } = line
    const at = new Date(clock.nowMicros() / 1000)
    const isOurs = state !== null && seal === database.seals.stamp('verification', { log, state })
    const endedAt = state?.ended_at ?? undefined
    const isDue = endedAt !== undefined && at.getTime() - Date.parse(endedAt) >= againAfterMs
    const begun = isOurs && !isDue ? state : { ...beginning, signed: isOurs ? state.signed : 0 }
    const { found, after } = await look(deps, store, log, begun, {
      rowsMax,
      at,
      seen: Math.max(isOurs ? state.next : 0, deps.seen.get(log) ?? 0),
    })
    if (after.next > (deps.seen.get(log) ?? 0)) deps.seen.set(log, after.next)
    await sql.query('UPDATE fleet_verification SET state = $2, seal = $3, looked_at = $4 WHERE log = $1', [
      log,
      after,
      database.seals.stamp('verification', { log, state: after }),
      at,
    ])
    if (found !== undefined) await tell(deps, sql, log, found)
    return log
  })
}

const beginning: State = {
  next: 0,
  head_hash: genesis,
  frontier: [],
  signed: 0,
  has_expired: false,
  verdict: null,
  ended_at: null,
}

interface Looked {
  /** What contradicts, in a sentence. */
  readonly found: string | undefined
  readonly after: State
}

async function look(
  { witness }: VerifyLogsDeps,
  store: Store,
  log: string,
  state: State,
  { rowsMax, at, seen }: { readonly rowsMax: number; readonly at: Date; readonly seen: number },
): Promise<Looked> {
  // Before the head: rows go on arriving, and a checkpoint that came between the two would be larger than the log seems to be.
  const checkpoints = (await store.checkpoints?.({ log, limit: 1000 })) ?? []
  const head = (await store.heads()).find((each) => each.log === log)
  const size = head?.size ?? 0
  // The place stays, so that each look says the same until it is mended.
  const failed = (found: string): Looked => ({
    found,
    after: { ...state, verdict: 'FAIL', ended_at: null },
  })
  if (head === undefined || size < Math.max(seen, state.next))
    return failed(`${Math.max(seen, state.next)} rows were verified, and ${size} are there`)
  const newest = Math.max(0, ...checkpoints.map((each) => each.size))
  if (newest < state.signed) return failed(`a checkpoint of ${state.signed} rows was there, and is gone`)
  if (newest > size) return failed(`a checkpoint is signed over ${newest} rows, and ${size} are there`)

  const to = Math.min(size, state.next + rowsMax)
  const tree = createMerkleTree(sha256, { from: { size: state.next, frontier: [...state.frontier] } })
  const bySize = new Map(checkpoints.map((each) => [each.size, each]))
  const wrong: string[] = []
  let lastHash = state.head_hash
  const verifier = createLogVerifier({
    log,
    head,
    digest: sha256,
    isReplica: head.isReplica === true,
    from_seq: state.next,
    prevHash: state.head_hash,
    ...(to < size ? { to_seq: to - 1 } : {}),
    onHash(seq, hash) {
      if (seq !== tree.size() || !/^[0-9a-f]{64}$/.test(hash)) return
      tree.append(hash)
      lastHash = hash
      const checkpoint = bySize.get(tree.size())
      if (checkpoint === undefined) return
      const fault = faultOf(checkpoint, tree.root(), head.isReplica === true ? witness : undefined)
      if (fault !== undefined) wrong.push(`the checkpoint of ${checkpoint.size} rows ${fault}`)
    },
  })
  if (to > state.next)
    for await (const { personal: _, ...row } of store.evidence(log, state.next, to - 1)) verifier.push(row)
  const { breaks } = verifier.finish()
  const found = [
    ...(to > state.next
      ? breaks.filter(({ kind }) => kind !== 'leaf_unreadable').map(({ message }) => message)
      : []),
    ...wrong,
  ]
  if (found.length === 0 && tree.size() < to) found.push(`rows from ${tree.size()} on are missing`)
  if (found[0] !== undefined) return failed(found[0])
  const hasExpired = state.has_expired || breaks.some(({ kind }) => kind === 'leaf_unreadable')
  const isEnd = to === size
  // What is gone is explained by rows anywhere in this log or the fleet's; that is judged once, over all of it.
  const unexplained =
    isEnd && hasExpired && state.ended_at === null ? await unexplainedIn(store, log) : undefined
  if (unexplained !== undefined) return failed(unexplained)
  return {
    found: undefined,
    after: {
      next: to,
      head_hash: lastHash,
      frontier: tree.frontier(),
      signed: Math.max(state.signed, newest),
      has_expired: hasExpired,
      verdict: isEnd ? 'PASS' : state.verdict === 'FAIL' ? 'FAIL' : null,
      ended_at: isEnd ? (state.ended_at ?? at.toISOString()) : state.ended_at,
    },
  }
}

function faultOf(
  { note, root }: { readonly note: string; readonly root: string },
  own: string,
  witness: VerifierKey | undefined,
): string | undefined {
  if (root !== own) return 'has another root than its rows'
  if (witness === undefined) return undefined
  try {
    const opened = openCosignedCheckpoint(note, witness, noteCrypto)
    return opened.root === own ? undefined : 'was signed with another root than its rows have'
  } catch (error) {
    if (error instanceof FastenError) return 'does not bear the signature of this fleet'
    throw error
  }
}

async function unexplainedIn(store: Store, log: string): Promise<string | undefined> {
  const sources = { streams: { audit: store, sys: store, api: store } }
  const verdict = await localReader({ sources, digest: sha256, clock: createSystemClock() }).verify({ log })
  return verdict.logs.flatMap(({ breaks }) => breaks)[0]?.message
}

async function tell({ book }: VerifyLogsDeps, sql: PoolClient, log: string, found: string): Promise<void> {
  await book.raise(sql, {
    kind: 'unverified',
    subject: log,
    tenants: [parseLogName(log)?.tenant_id ?? noTenant],
    message: `what is stored of ${log} is not what was taken: ${found}`,
  })
}
