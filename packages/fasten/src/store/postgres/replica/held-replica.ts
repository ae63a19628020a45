// SPDX-License-Identifier: Apache-2.0
import { genesis } from '../../../core/chain.ts'
import type { Digest } from '../../../core/digest.ts'
import { FastenError } from '../../../core/error.ts'
import { parseLogName } from '../../../core/log-name.ts'
import { createMerkleTree, type MerkleTree } from '../../../core/merkle.ts'
import { generationOf } from '../../heads.ts'
import type { StoredCheckpoint } from '../../ports.ts'
import { textArray } from '../binary-array.ts'
import { checkpointColumns, checkpointFrom } from '../../seal/stored-checkpoint.ts'
import { leafHashesOf } from '../checkpoints.ts'
import type { SqlRecord } from '../sql.ts'
import { notBefore } from '../stored-ids.ts'
import { copyRows } from './copy-rows.ts'
import type { PlacedRow } from './placed-row.ts'
import { bytesOfHashes, type ReplicaSql } from './queries.ts'

/** A replica whose head is locked by the caller's transaction. */
export interface HeldReplica {
  readonly log: string
  /** Rows stored, and those that were placed since. */
  size(): number
  head_hash(): string
  /** Hashes of stored rows, `to` exclusive, whether their content is there or has expired; fewer where one is missing, at most 65,536. */
  hashes(from: number, to: number): Promise<readonly string[]>
  /**
   * Ids of these rows that other rows of the store have. Those that an earlier generation of this log has are left out: a store that lost its end
   * stores once more what was still in its spool.
   */
  takenIds(rows: readonly PlacedRow[]): Promise<ReadonlySet<string>>
  /** The largest, or the largest of at most `size` rows. */
  checkpoint(size?: number): Promise<StoredCheckpoint | undefined>
  /** The tree over the first `size` rows, stored or placed. */
  treeAt(size: number): Promise<Pick<MerkleTree, 'root' | 'frontier'>>
  /** Puts rows behind the head. They are inserted by `finish`. Throws a TypeError for one that does not come next. */
  place(rows: readonly PlacedRow[]): void
  /** Keeps a checkpoint; the caller has compared its root. One that is there stays, unless this one has more cosignatures. */
  put(checkpoint: Omit<StoredCheckpoint, 'log'>): Promise<void>
  /**
   * Inserts what was placed and moves the head. To be called last and right before the commit: from here on all writers of the store
   * wait, since positions ascend in the order of commits. Answers how many rows were inserted.
   */
  finish(): Promise<number>
}

export interface HoldOptions {
  readonly log: string
  /** Its line in fasten_logs. */
  readonly line: SqlRecord
  readonly table: string
  readonly prefix: string
  readonly digest: Digest
  readonly now: () => string
  /** UTC date of the transaction, `YYYY-MM-DD`. */
  readonly today: string
}

export function holdReplica(sql: ReplicaSql, options: HoldOptions): HeldReplica {
  const { log, line, table, prefix, digest, now, today } = options
  const logId = Number(line['log_id'])
  const frontierText = line['replica_frontier']
  const before = { size: Number(line['size']), head_hash: String(line['head_hash'] ?? genesis) }
  if (typeof frontierText !== 'string')
    throw new FastenError('LOG_NOT_REPLICA', 'this log is written here and takes no rows of another store', {
      at: log,
      hint: 'the other store uses a name that belongs to this one: give it another service_id or source_node_id',
    })
  const frontier = frontierText === '' ? [] : frontierText.split(' ')
  const tree = createMerkleTree(digest, { from: { size: before.size, frontier } })
  const placed: PlacedRow[] = []
  const { base, generation } = generationOf(log)
  const stream = parseLogName(log)?.stream ?? 'audit'
  let head_hash = before.head_hash

  const hashes = (from: number, to: number): Promise<readonly string[]> =>
    leafHashesOf(sql, prefix, { logId: String(logId), table }, { from, to, mayHaveExpired: true })

  async function checkpoint(size?: number): Promise<StoredCheckpoint | undefined> {
    const [found] = await sql.run(
      `SELECT ${checkpointColumns} FROM ${prefix}fasten_checkpoints
      WHERE table_name = $1 AND log = $2 AND ($3::bigint IS NULL OR size <= $3) ORDER BY size DESC LIMIT 1`,
      [table, log, size ?? null],
      'checkpoint',
    )
    return found && checkpointFrom(found)
  }

  async function treeAt(size: number): Promise<Pick<MerkleTree, 'root' | 'frontier'>> {
    if (size === tree.size()) return tree
    if (size > tree.size()) throw new TypeError(`${log} has no ${size} rows`)
    const nearest = size < before.size ? await checkpoint(size) : { size: before.size, frontier }
    const earlier = createMerkleTree(digest, { from: nearest ?? { size: 0, frontier: [] } })
    while (earlier.size() < Math.min(size, before.size)) {
      const page = await hashes(earlier.size(), Math.min(size, before.size))
      if (page.length === 0) throw damaged(log, earlier.size())
      for (const hash of page) earlier.append(hash)
    }
    for (const { hash } of placed.slice(0, Math.max(0, size - before.size))) earlier.append(hash)
    return earlier
  }

  async function insert(position: number): Promise<void> {
    const whole = placed.flatMap(({ content, monotonic_seq }) => {
      if (content === null) return []
      const { cells } = content
      cells[0] = position + 1 + monotonic_seq - before.size
      cells[1] = logId
      return [cells]
    })
    if (whole.length > 0) await copyRows(sql.client, `${prefix}"${table}"`, stream, whole, today)
    const gone = placed.filter(({ content }) => content === null)
    if (gone.length === 0) return
    await sql.run(
      `INSERT INTO ${prefix}fasten_expired (log_id, monotonic_seq, position, hash)
      SELECT $1, seq, $2::bigint + seq, hash FROM unnest($3::bigint[], $4::bytea[]) AS e (seq, hash)`,
      [
        logId,
        position + 1 - before.size,
        gone.map(({ monotonic_seq }) => monotonic_seq),
        bytesOfHashes(gone.map(({ hash }) => hash)),
      ],
    )
    await sql.run(
      `INSERT INTO ${prefix}fasten_retention AS r (log_id, expired) VALUES ($1, $2)
      ON CONFLICT (log_id) DO UPDATE SET expired = r.expired + excluded.expired`,
      [logId, gone.length],
    )
  }

  return {
    log,
    size: () => tree.size(),
    head_hash: () => head_hash,
    hashes,
    checkpoint,
    treeAt,
    async takenIds(rows) {
      const ids = rows.flatMap(({ content }) => (content === null ? [] : [content.id]))
      if (ids.length === 0) return new Set()
      const found = await sql.run(
        `SELECT r.id, l.log FROM ${prefix}"${table}" r LEFT JOIN ${prefix}fasten_logs l ON l.log_id = r.log_id
        WHERE r.id = ANY($1::text[]) AND r.stored_on >= $2::date`,
        [textArray(ids), notBefore(ids, today)],
        `ids_${stream}`,
      )
      const isEarlier = (other: string): boolean => {
        const its = generationOf(other)
        return its.base === base && its.generation < generation
      }
      return new Set(found.filter((row) => !isEarlier(String(row['log']))).map((row) => String(row['id'])))
    },
    place(rows) {
      for (const row of rows) {
        if (row.monotonic_seq !== tree.size())
          throw new TypeError(`row ${row.monotonic_seq} does not come next in ${log}, ${tree.size()} does`)
        tree.append(row.hash)
        placed.push(row)
        head_hash = row.hash
      }
    },
    async put({ size, root, note, signed_at, cosignatures, ...rest }) {
      await sql.run(
        `INSERT INTO ${prefix}fasten_checkpoints AS c (table_name, ${checkpointColumns})
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (table_name, log, size) DO UPDATE
        SET note = excluded.note, cosignatures = excluded.cosignatures, root = excluded.root, frontier = excluded.frontier
        WHERE excluded.cosignatures > c.cosignatures`,
        [table, log, size, root, rest.frontier.join(' '), note, signed_at, cosignatures],
        'put',
      )
    },
    async finish() {
      if (placed.length === 0) return 0
      const [counter] = await sql.run(
        `UPDATE ${prefix}fasten_counters SET value = value + $1 WHERE name = 'position' RETURNING value`,
        [placed.length],
        'position',
      )
      const position = Number(counter?.['value']) - placed.length
      if (!Number.isSafeInteger(position)) throw damaged(log, before.size)
      await insert(position)
      const moved = await sql.change(
        `UPDATE ${prefix}fasten_logs SET size = $2, head_hash = $3, position = $4, moved_at = $5, replica_frontier = $6
        WHERE log_id = $1 AND size = $7 AND head_hash = $8`,
        [
          logId,
          tree.size(),
          head_hash,
          position + placed.length,
          now(),
          tree.frontier().join(' '),
          before.size,
          before.head_hash,
        ],
        'move',
      )
      if (moved !== 1) throw damaged(log, before.size)
      return placed.length
    },
  }
}

function damaged(log: string, row: number): FastenError {
  return new FastenError(
    'STORE_CORRUPT',
    `the rows of a replica do not reach where its head says, at row ${row}`,
    {
      at: log,
      hint: 'somebody changed the database: run fasten verify on it',
    },
  )
}
