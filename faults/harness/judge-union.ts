// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCheckpoint } from '../../packages/fasten/src/core/checkpoint.ts'
import {
  consistencyPlan,
  createNodeCollector,
  inclusionPlan,
  isConsistent,
  isIncluded,
  proofFrom,
} from '../../packages/fasten/src/core/tree-proof.ts'
import { verifierKey } from '../../packages/fasten/src/core/verifier-key.ts'
import { openForReading } from '../../packages/fasten/src/store/open.ts'
import { noteCrypto, sha256 } from '../../packages/fasten/src/store/platform.ts'
import type { SimPlace } from '../simulation/sim-fleet.ts'
import { readLedger } from './ledger.ts'

export interface Union {
  /** Rows that a node's emit had accepted. */
  readonly acked: number
  /** Of these, what the fleet does not have. */
  readonly lost: readonly string[]
  /** Ids and places that the fleet has twice. */
  readonly twice: readonly string[]
  /** What of a log is not at the fleet as it is at its node, or not proven there. */
  readonly different: readonly string[]
  readonly rows: number
  readonly logs: number
  readonly checkpoints: number
  /** Refusals that the fleet kept. */
  readonly evidence: number
}

export interface UnionOrder {
  readonly place: SimPlace
  /** Folders of nodes that have ended. */
  readonly stores: readonly { readonly name: string; readonly folder: string }[]
  readonly ledgers: readonly string[]
}

/** Holds everything that the fleet has of these nodes against what lies in their own stores. */
export async function judgeUnion({ place, stores, ledgers }: UnionOrder): Promise<Union> {
  const { pool } = place.database
  const different: string[] = []
  let [rows, logs, checkpoints] = [0, 0, 0]
  for (const { name, folder } of stores) {
    const key = publicKeyIn(join(folder, 'keys', 'node.key'))
    const store = await openForReading(join(folder, 'rows.db'))
    try {
      for (const { log } of await store.heads()) {
        logs++
        const own: string[] = []
        for await (const { hash } of store.evidence(log)) own.push(hash ?? '')
        const there = await hashesAt(place, log)
        rows += there.length
        if (there.length !== own.length || there.some((hash, index) => hash !== own[index]))
          different.push(`${log}: ${own.length} rows at ${name}, ${there.length} at the fleet`)
        const proven = await provenNotes(place, log, key, there)
        checkpoints += proven.kept
        if (proven.fault !== undefined) different.push(`${log}: ${proven.fault}`)
      }
    } finally {
      await store.close()
    }
  }
  const acked = readLedger(...ledgers)
  const found = await pool.query<{ id: string }>('SELECT id FROM audit_log WHERE id = ANY ($1)', [[...acked]])
  const there = new Set(found.rows.map(({ id }) => id))
  const evidence = await pool.query<{ kept: number }>('SELECT count(*)::int AS kept FROM fleet_evidence')
  return {
    acked: acked.size,
    lost: [...acked].filter((id) => !there.has(id)),
    twice: await twiceAt(place),
    different,
    rows,
    logs,
    checkpoints,
    evidence: evidence.rows[0]?.kept ?? 0,
  }
}

/** The hash that each row has by its bytes, not by its column. */
async function hashesAt({ database: { pool } }: SimPlace, log: string): Promise<readonly string[]> {
  const stream = log.split('/').at(-1) ?? ''
  const { rows } = await pool.query<{ leaf: string }>(
    `SELECT leaf FROM ${stream}_log JOIN fasten_logs USING (log_id) WHERE log = $1 ORDER BY monotonic_seq`,
    [log],
  )
  return rows.map(({ leaf }) => sha256(Buffer.concat([Buffer.of(0), Buffer.from(leaf)])))
}

/** Every checkpoint is signed by the node and the fleet, continues the one before, and covers the last row that it counts. */
async function provenNotes(
  { database: { pool }, witness }: SimPlace,
  log: string,
  publicKey: Uint8Array,
  hashes: readonly string[],
): Promise<{ readonly kept: number; readonly fault?: string }> {
  const { rows } = await pool.query<{ note: string }>(
    'SELECT note FROM fasten_checkpoints WHERE log = $1 ORDER BY size',
    [log],
  )
  const keys = { logs: [verifierKey(log, 'ed25519', publicKey, sha256)], witnesses: [witness.key] }
  const notes = rows.map(({ note }) => openCheckpoint(note, keys, noteCrypto))
  const fault = (what: string) => ({ kept: notes.length, fault: what })
  if (notes.at(-1)?.size !== hashes.length)
    return fault(`${notes.at(-1)?.size} of ${hashes.length} rows are signed`)
  const path = (plan: ReturnType<typeof inclusionPlan>, size: number): readonly string[] => {
    const collector = createNodeCollector(plan, sha256)
    for (const hash of hashes.slice(0, size)) collector.append(hash)
    return proofFrom(plan, collector.nodeAt, sha256)
  }
  for (const [index, newer] of notes.entries()) {
    const older = notes[index - 1]
    const { size } = newer
    if (newer.cosignatures.length !== 1) return fault(`the checkpoint of ${size} is not cosigned`)
    const leafHash = hashes[size - 1] ?? ''
    const proof = { index: size - 1, leafHash, path: path(inclusionPlan(size - 1, size), size) }
    if (!isIncluded(proof, newer, sha256)) return fault(`row ${size - 1} is not in the checkpoint of ${size}`)
    if (older === undefined) continue
    if (!isConsistent(path(consistencyPlan(older.size, size), size), { older, newer }, sha256))
      return fault(`the checkpoint of ${size} does not continue that of ${older.size}`)
  }
  return { kept: notes.length }
}

async function twiceAt({ database: { pool } }: SimPlace): Promise<readonly string[]> {
  const { rows } = await pool.query<{ twice: string }>(
    ['audit', 'sys', 'api']
      .flatMap((stream) => [
        `SELECT id AS twice FROM ${stream}_log GROUP BY id HAVING count(*) > 1`,
        `SELECT log_id || ' ' || monotonic_seq FROM ${stream}_log GROUP BY log_id, monotonic_seq HAVING count(*) > 1`,
      ])
      .join(' UNION ALL '),
  )
  return rows.map(({ twice }) => twice)
}

function publicKeyIn(path: string): Uint8Array {
  const { x = '' } = createPublicKey(readFileSync(path, 'utf8')).export({ format: 'jwk' })
  return Buffer.from(x, 'base64url')
}
