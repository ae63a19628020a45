// SPDX-License-Identifier: Apache-2.0
import { createMerkleTree } from '../../packages/fasten/src/core/merkle.ts'
import { openCheckpoint, type TrustedCheckpoint } from '../../packages/fasten/src/core/checkpoint.ts'
import { generationOf } from '../../packages/fasten/src/store/heads.ts'
import { noteCrypto, sha256 } from '../../packages/fasten/src/store/platform.ts'
import { verifierKey } from '../../packages/fasten/src/core/verifier-key.ts'
import type { SimPlace } from './sim-fleet.ts'
import type { SimNode } from './sim-node.ts'

/** Holds the fleet's tables against what the nodes ever had and what was promised to them. */
export interface FleetJudge {
  /** An answer with rows in it left a server: what it says is looked up at the next `look`. */
  promised(text: string): void
  /** Throws what is wrong, as one text; resolves when all that is new is as it must be. */
  look(): Promise<void>
  /** What the fleet has of each log, in order. */
  readonly rows: ReadonlyMap<string, readonly string[]>
  readonly signed: ReadonlyMap<string, number>
  /** Kinds of what was refused, by log, as the fleet keeps it. */
  evidence(): Promise<ReadonlyMap<string, ReadonlySet<string>>>
  /** Keys with which nodes sign this log. */
  keysOf(log: string): readonly string[]
  /** Answers about rows so far. */
  readonly acked: () => number
}

export interface FleetJudgeOptions {
  readonly place: SimPlace
  /** All logs of the simulation, and no other, have this in their names. */
  readonly pattern: string
  readonly nodes: () => readonly SimNode[]
}

interface Promised {
  readonly log: string
  readonly size: number
  readonly signed_size: number
  readonly cosignature?: string
}

export async function createFleetJudge({ place, pattern, nodes }: FleetJudgeOptions): Promise<FleetJudge> {
  const { pool } = place.database
  const rows = new Map<string, string[]>()
  const signed = new Map<string, number>()
  const notes = new Map<string, string[]>()
  const ids = new Map<string, string>()
  const promises: Promised[] = []
  const started = await pool.query<{ value: string }>(
    "SELECT value FROM fasten_counters WHERE name = 'position'",
  )
  let position = Number(started.rows[0]?.value ?? 0)
  let acked = 0

  async function look(): Promise<void> {
    await lookAtRows()
    await lookAtHeads()
    await lookAtCheckpoints()
    for (const promise of promises.splice(0)) lookAtPromise(promise)
  }

  /** Each new row comes next in its log, once, and is the row that a node had there. */
  async function lookAtRows(): Promise<void> {
    const { rows: added } = await pool.query<AddedRow>(newRows, [position, pattern])
    for (const { log, seq, hash, id, at } of added) {
      const known = rows.get(log) ?? []
      rows.set(log, known)
      must(seq === known.length, `row ${seq} of ${log} is stored where ${known.length} comes next`)
      const other = id === null ? undefined : ids.get(id)
      must(
        other === undefined || (generationOf(other).base === generationOf(log).base && other !== log),
        `the id ${id} is stored in ${other} and ${log}`,
      )
      if (id !== null) ids.set(id, log)
      known.push(hash)
      position = Math.max(position, at)
    }
    for (const log of new Set(added.map((row) => row.log))) {
      const known = rows.get(log) ?? []
      const isOurs = historiesOf(log).some((history) => isPrefix(known, history))
      must(isOurs, `what the fleet has of ${log} (${known.length} rows) is the beginning of no history`)
    }
  }

  async function lookAtHeads(): Promise<void> {
    const { rows: heads } = await pool.query<{ log: string; size: number; head_hash: string }>(
      'SELECT log, size::int, head_hash FROM fasten_logs WHERE log LIKE $1',
      [pattern],
    )
    for (const { log, size, head_hash } of heads) {
      const known = rows.get(log) ?? []
      must(size === known.length, `${log} has ${known.length} rows and says ${size}`)
      must(size === 0 || head_hash === known.at(-1), `the head of ${log} is not the hash of its last row`)
    }
    must(heads.length >= rows.size, 'a log has rows and no head')
  }

  /** Each checkpoint is signed by a node and by the fleet, over rows that are here. */
  async function lookAtCheckpoints(): Promise<void> {
    const { rows: found } = await pool.query<{ log: string; size: number; root: string; note: string }>(
      'SELECT log, size::int, root, note FROM fasten_checkpoints WHERE log LIKE $1 ORDER BY log, size',
      [pattern],
    )
    for (const { log, size, root, note } of found) {
      const kept = notes.get(log) ?? []
      notes.set(log, kept)
      if (kept.includes(note)) continue
      kept.push(note)
      const known = rows.get(log) ?? []
      must(size <= known.length, `${log} is signed to ${size} and has ${known.length} rows`)
      const tree = createMerkleTree(sha256)
      for (const hash of known.slice(0, size)) tree.append(hash)
      const checkpoint = openedNote(log, note)
      must(
        checkpoint.size === size && checkpoint.root === root,
        `the note of ${log} at ${size} says another root`,
      )
      must(tree.root() === root, `${log} has another root at ${size} than it was cosigned with`)
      must(checkpoint.cosignatures.length === 1, `the checkpoint of ${log} at ${size} is not cosigned`)
      signed.set(log, Math.max(signed.get(log) ?? 0, size))
    }
  }

  function openedNote(log: string, note: string): TrustedCheckpoint {
    const logs = keysOf(log).map((key) => verifierKey(log, 'ed25519', Buffer.from(key, 'hex'), sha256))
    return openCheckpoint(note, { logs, witnesses: [place.witness.key] }, noteCrypto)
  }

  /** Whatever was said to be stored is stored. */
  function lookAtPromise({ log, size, signed_size, cosignature }: Promised): void {
    if (!rows.has(log) && size === 0) return
    const known = rows.get(log)?.length ?? 0
    must(size <= known, `${size} rows of ${log} were acknowledged, and ${known} are there`)
    must(signed_size <= (signed.get(log) ?? 0), `${log} was said to be signed to ${signed_size}`)
    const isKept = notes.get(log)?.some((note) => note.includes(cosignature ?? '')) === true
    must(cosignature === undefined || isKept, `a cosignature of ${log} was given out and is not kept`)
  }

  const historiesOf = (log: string): readonly (readonly string[])[] =>
    nodes().flatMap((node) => [
      ...(node.logs.has(log) ? [node.logs.get(log) ?? []] : []),
      ...node.before.filter((each) => each.log === log).map(({ hashes }) => hashes),
    ])

  const keysOf = (log: string): readonly string[] => [
    ...new Set(nodes().flatMap((node) => (node.logs.has(log) ? [node.publicKey] : []))),
  ]

  return {
    rows,
    keysOf,
    signed,
    acked: () => acked,
    promised(text) {
      const { results } = JSON.parse(text) as { readonly results: readonly Promised[] }
      promises.push(...results)
      acked += results.length
    },
    look,
    async evidence() {
      const { rows: kept } = await pool.query<{ log: string; code: string }>(
        'SELECT log, code FROM fleet_evidence WHERE log LIKE $1',
        [pattern],
      )
      const found = new Map<string, Set<string>>()
      for (const { log, code } of kept) found.set(log, (found.get(log) ?? new Set()).add(code))
      return found
    },
  }
}

interface AddedRow {
  readonly log: string
  readonly seq: number
  readonly hash: string
  readonly id: string | null
  readonly at: number
}

const newRows = `SELECT log, monotonic_seq::int AS seq, hash, id, r.position::int AS at FROM (
    ${['audit', 'sys', 'api'].map((stream) => `SELECT log_id, monotonic_seq, hash, id, position FROM ${stream}_log WHERE position > $1`).join(' UNION ALL ')}
  ) r JOIN fasten_logs USING (log_id) WHERE log LIKE $2 ORDER BY r.position`

export function isPrefix(part: readonly string[], whole: readonly string[]): boolean {
  return part.length <= whole.length && part.every((hash, index) => hash === whole[index])
}

/** What a simulation asserts; the seed stands with what it throws. */
export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
