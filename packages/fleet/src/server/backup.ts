// SPDX-License-Identifier: Apache-2.0
import { link, open, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { FastenError } from 'fasten'
import type { FleetConfig } from '../config/config.ts'
import { writeBackup, type BackupSummary } from '../database/backup/write-backup.ts'
import { onMachine } from './on-machine.ts'

export interface MadeBackup extends BackupSummary {
  /** Absolute; undefined for the standard output. */
  readonly path: string | undefined
}

type Write = (to: Writable) => Promise<BackupSummary>

/**
 * A backup of the whole fleet at `place`: a file that is not there yet, a folder in which it gets a name, or `-` for `out`. The file has its
 * name once every byte of it rests on disk, readable by this user alone; what does not come so far leaves nothing. BACKUP_MADE is told in the
 * fleet itself, with the digest of the file.
 */
export async function makeBackup(
  config: FleetConfig,
  place: string,
  { out, onTable = () => {} }: { readonly out: Writable; readonly onTable?: (table: string) => void },
): Promise<MadeBackup> {
  return onMachine(config, async ({ database, fasten, actor }) => {
    const write: Write = (to) => writeBackup(database.pool, to, { fleet: config.name, onTable })
    const made =
      place === '-' ? { ...(await write(out)), path: undefined } : await writeFile(resolve(place), write)
    await fasten.emit({
      code: 'BACKUP_MADE',
      target: made.path ?? 'standard output',
      actor,
      actor_kind: 'user',
      detail: {
        digest: made.digest,
        bytes: made.bytes,
        rows: made.rows,
        logs: made.header.logs,
        made_at: made.header.made_at,
      },
    }).stored
    return made
  })
}

async function writeFile(place: string, write: Write): Promise<MadeBackup> {
  let unfinished: string | undefined
  try {
    const isFolder = await isFolderAt(place)
    unfinished = isFolder ? join(place, `.fleet-backup-${process.pid}`) : `${place}.part-${process.pid}`
    const file = await open(unfinished, 'wx', 0o600)
    const out = file.createWriteStream({ flush: true })
    const done = finished(out)
    done.catch(() => {
      // Whoever writes next, or the line below, is told.
    })
    const summary = await write(out).finally(() => out.end())
    await done
    const path = isFolder ? join(place, nameOf(summary)) : place
    // Unlike a renamed one it takes nobody's place.
    await link(unfinished, path)
    await rm(unfinished)
    await syncFolder(dirname(path))
    return { ...summary, path }
  } catch (error) {
    if (unfinished !== undefined) await rm(unfinished, { force: true })
    throw told(error, place)
  }
}

async function isFolderAt(place: string): Promise<boolean> {
  const there = await stat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (there?.isDirectory() === false) throw unwritable('there is a file of that name', place)
  return there !== undefined
}

const nameOf = ({ header }: BackupSummary): string =>
  `${header.fleet}-${header.made_at.slice(0, 19).replaceAll(':', '-')}Z.fleet-backup`

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function told(error: unknown, at: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return ['EEXIST', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EIO'].includes(code)
    ? unwritable((error as Error).message, at, error)
    : error
}

function unwritable(why: string, at: string, cause?: unknown): FastenError {
  return new FastenError('FLEET_BACKUP_UNWRITABLE', `the backup cannot be written: ${why}`, {
    at,
    hint: 'give a folder with room that this user may write to, or a file that is not there yet',
    cause,
  })
}
