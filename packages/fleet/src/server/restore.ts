// SPDX-License-Identifier: Apache-2.0
import { createReadStream, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { FastenError } from 'fasten'
import type { LogVerdict, Verdict } from 'fasten/core'
import { localReader } from 'fasten/reader'
import { createSystemClock, openForReading, sha256 } from 'fasten/store'
import type { Pool } from 'pg'
import type { FleetConfig } from '../config/config.ts'
import { checkBackup, fillFromBackup, type FillSummary } from '../database/backup/fill-from-backup.ts'
import { markFinished } from '../database/backup/unfinished.ts'
import { openEmbeddedPostgres } from '../database/embedded/embedded-postgres.ts'
import { ownerPool, ownerUrlOf, reached } from '../database/fleet-database.ts'
import { sealKey } from '../database/lay-fleet.ts'
import { createSeals, type Seals } from '../database/seals/seals.ts'
import { layRows } from '../trail/lay-rows.ts'
import { onMachine } from './on-machine.ts'
import { forgetPlace } from './remember-place.ts'
import { forgetSealing } from './seal-once.ts'
import { secretIn } from './secret-file.ts'

export interface RestoreOptions {
  /** Open the fleet although a log fails; the verdict is told in the fleet. Default false. */
  readonly despiteFailures?: boolean
  readonly onStep?: (step: string) => void
}

export interface Restored extends FillSummary {
  readonly verdict: Verdict
  /** Logs whose nodes had more rows when the backup was made; they send them again. */
  readonly behind: readonly BehindLog[]
}

export interface BehindLog {
  readonly log: string
  readonly size: number
  readonly size_at_node: number
}

/**
 * Fills an empty database from a backup, then verifies every log and every signed checkpoint in it, and only then lets servers in and tells
 * BACKUP_RESTORED. Sessions of the time of the backup are ended.
 *
 * The file is read once before the database is touched, so one that is damaged changes nothing. Throws FastenError
 * `FLEET_RESTORE_UNVERIFIED` when a log fails; the database then stays closed to servers, and the next restore begins anew.
 */
export async function restoreBackup(
  config: FleetConfig,
  path: string,
  { despiteFailures = false, onStep = () => {} }: RestoreOptions = {},
): Promise<Restored> {
  const file = resolve(path)
  onStep('reading the backup')
  await readBackup(file)
  const secret = givenSecret(config)
  const embedded =
    config.databaseUrl === undefined
      ? await openEmbeddedPostgres({ folder: join(config.dataDir, 'postgres'), onProgress: onStep })
      : undefined
  try {
    const url = embedded?.url ?? config.databaseUrl?.() ?? ''
    const pool = ownerPool(url, 4)
    let restored: Restored
    try {
      const ownerUrl = ownerUrlOf(url)
      forgetSealing(config.dataDir)
      forgetPlace(config.dataDir)
      const filled = await fillFromBackup(pool, createReadStream(file), {
        name: file,
        secret,
        layRows: () => layRows(ownerUrl),
        onTable: (table) => onStep(`restoring ${table}`),
      })
      onStep(`verifying ${filled.rows} rows`)
      const verdict = await verified(ownerUrl)
      if (verdict.verdict === 'FAIL' && !despiteFailures) throw unverified(file, verdict)
      await endSessions(pool, createSeals(sealKey(secret)))
      restored = { ...filled, verdict, behind: await behindLogs(pool) }
      await markFinished(pool)
    } catch (error) {
      throw reached(error, url)
    } finally {
      await pool.end()
    }
    await onMachine(config, async ({ fasten, actor }) => {
      const { header, verdict, digest, rows } = restored
      await fasten.emit({
        code: 'BACKUP_RESTORED',
        target: file,
        actor,
        actor_kind: 'user',
        detail: {
          digest,
          rows,
          logs: header.logs,
          made_at: header.made_at,
          verdict: verdict.verdict,
          failed: verdict.logs.filter((log) => log.verdict === 'FAIL').map(({ log }) => log),
        },
      }).stored
    })
    return restored
  } finally {
    await embedded?.stop()
  }
}

/** Reads a backup from end to end and touches nothing. Throws FastenError `FLEET_BACKUP_DAMAGED` or `FLEET_BACKUP_UNREADABLE`. */
export async function readBackup(path: string): Promise<FillSummary> {
  const file = resolve(path)
  try {
    return await checkBackup(createReadStream(file), file)
  } catch (error) {
    if (!['ENOENT', 'EACCES', 'EISDIR', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
    throw new FastenError(
      'FLEET_BACKUP_UNREADABLE',
      `the backup cannot be read: ${(error as Error).message}`,
      {
        at: file,
        hint: 'give the file that `fleet backup` wrote',
        cause: error,
      },
    )
  }
}

/** A new one would not open what is restored. */
function givenSecret(config: FleetConfig): Buffer {
  const given = config.secret?.()
  if (given === undefined && !existsSync(join(config.dataDir, 'secret')))
    throw new FastenError('FLEET_SECRET_DIFFERS', 'there is no secret here, and a backup has none in it', {
      at: join(config.dataDir, 'secret'),
      hint: 'put the file `secret` of the fleet there, or give its FLEET_SECRET',
    })
  return given ?? secretIn(config.dataDir)
}

async function verified(ownerUrl: string): Promise<Verdict> {
  const store = await openForReading(ownerUrl, { at: 'FLEET_DATABASE_URL' })
  try {
    const clock = createSystemClock()
    const sources = { streams: { audit: store, sys: store, api: store } }
    return await localReader({ sources, digest: sha256, clock }).verify({})
  } finally {
    await store.close()
  }
}

function unverified(file: string, { logs }: Verdict): FastenError {
  const failed = logs.filter(({ verdict }) => verdict === 'FAIL')
  const words = failed.slice(0, 3).map(wordsOf).join('; ')
  return new FastenError(
    'FLEET_RESTORE_UNVERIFIED',
    `${failed.length} of ${logs.length} logs fail: ${words}`,
    {
      at: file,
      hint: 'it is so in the backup itself: restore an older one, or this one with --despite-failures to look into it',
    },
  )
}

function wordsOf({ log, breaks }: LogVerdict): string {
  const first = breaks[0]
  return first === undefined ? log : `${log} at row ${first.from_index}: ${first.message}`
}

/** Who was logged in then may have been logged out since. */
async function endSessions(pool: Pool, seals: Seals): Promise<void> {
  const sql = await pool.connect()
  try {
    await sql.query('BEGIN')
    const { rows } = await sql.query<{ session_id: string }>(
      `UPDATE fleet_sessions SET ended_at = clock_timestamp(), ended_by = 'fleet restore' WHERE ended_at IS NULL
      RETURNING session_id`,
    )
    await seals.seal(sql, 'session', ...rows.map(({ session_id }) => session_id))
    await sql.query('COMMIT')
    sql.release()
  } catch (error) {
    sql.release(error as Error)
    throw error
  }
}

async function behindLogs(pool: Pool): Promise<readonly BehindLog[]> {
  const { rows: there } = await pool.query<{ is: boolean }>(
    "SELECT to_regclass('fleet_node_logs') IS NOT NULL AS is",
  )
  if (there[0]?.is !== true) return []
  const { rows } = await pool.query<{ log: string; size: string; size_at_node: string }>(
    `SELECT n.log, coalesce(l.size, 0)::text AS size, n.size::text AS size_at_node
    FROM fleet_node_logs n LEFT JOIN fasten_logs l ON l.log = n.log
    WHERE n.size > coalesce(l.size, 0) ORDER BY n.log`,
  )
  return rows.map(({ log, size, size_at_node }) => ({
    log,
    size: Number(size),
    size_at_node: Number(size_at_node),
  }))
}
