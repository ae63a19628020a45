// SPDX-License-Identifier: Apache-2.0
/**
 * What was signed last, kept beside the key and not in the database: whoever puts an older copy of the database back, empties a table
 * or deletes the file does not change this. One small file for each log, replaced as a whole and flushed.
 */
import { hash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { threadId } from 'node:worker_threads'
import { parseCheckpoint } from '../../core/checkpoint.ts'
import { FastenError, systemCode } from '../../core/error.ts'
import { logName, parseLogName } from '../../core/log-name.ts'
import { parseNote } from '../../core/note.ts'
import { readJson } from '../../core/read-json.ts'
import type { Remembered } from '../heads.ts'
import { syncDirectory } from '../spool/layout.ts'

/**
 * What was signed in an earlier life of this node is what that life left behind; or, of a log that was given up, what others have of it: rows that are
 * others here, or not here at all, and so the log has ended.
 */
export function recallFrom(
  memory: SealedMemory | null | undefined,
): (table: string, base: string) => Remembered | undefined {
  return (table, base) => {
    const signed = memory?.recall(table, base)
    const givenUp = memory?.givenUp(table, base)
    const isOver = givenUp !== undefined && generationOf(givenUp.log) >= generationOf(signed?.log ?? base)
    const end = isOver ? givenUp : signed
    if (end === undefined) return undefined
    const { log, size, head_hash } = end
    return { generation: generationOf(log), head: { log, size, head_hash } }
  }
}

/** The newest signed end of a log, in its newest generation. */
export interface SealedEnd {
  /** The row table, where the store has several for one stream; else its usual name. */
  readonly table: string
  readonly log: string
  readonly size: number
  /** Hash of row `size - 1`. */
  readonly head_hash: string
  /** The signed checkpoint, as an auditor may keep it. */
  readonly note: string
}

/** A log that is not to be continued, and the end of it that somebody else has. */
export type GivenUp = Omit<SealedEnd, 'note'>

export interface SealedMemory {
  /** The newest generation of `base` that was given up. */
  givenUp(table: string, base: string): GivenUp | undefined
  /** Durable when it returns. Whoever opens the store from then on opens the next generation of that log where its rows differ from this end. */
  giveUp(end: GivenUp): void
  /** The end that was signed last of any generation of `base`, a generation 1 name; undefined when none was. */
  recall(table: string, base: string): SealedEnd | undefined
  /** Durable when it returns. An end older than the one that is kept changes nothing: several processes write here. */
  keep(ends: readonly SealedEnd[]): void
  all(): readonly SealedEnd[]
}

/**
 * The memory in a folder, which is made with the first end that is kept. A file in it that does not say what we write there is an
 * error, `SEALED_MEMORY_UNREADABLE`: to pass over it would be to forget.
 */
export function openSealedMemory(folder: string): SealedMemory {
  const known = new Map<string, SealedEnd>()

  function recall(table: string, base: string): SealedEnd | undefined {
    const name = fileName(table, base)
    return known.get(name) ?? read(join(folder, name), sealedEnd)
  }

  const givenUpPath = (table: string, base: string): string =>
    join(folder, `${fileName(table, base)}.given-up`)

  return {
    recall,
    givenUp: (table, base) => read(givenUpPath(table, base), givenUpEnd),
    giveUp(end) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        replace(givenUpPath(end.table, baseOf(end.log)), end)
        syncDirectory(folder)
      } catch (cause) {
        throw notKept(folder, cause)
      }
    },
    keep(ends) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        for (const end of ends) {
          const name = fileName(end.table, baseOf(end.log))
          const before = read(join(folder, name), sealedEnd)
          const isLast = before === undefined || isNewer(end, before)
          if (isLast) replace(join(folder, name), end)
          known.set(name, isLast ? end : before)
        }
        syncDirectory(folder)
      } catch (cause) {
        throw cause instanceof FastenError ? cause : notKept(folder, cause)
      }
    },
    all() {
      return namesIn(folder).flatMap((name) => read(join(folder, name), sealedEnd) ?? [])
    },
  }
}

function isNewer(end: SealedEnd, before: SealedEnd): boolean {
  const [one, other] = [generationOf(end.log), generationOf(before.log)]
  return one === other ? end.size > before.size : one > other
}

const generationOf = (log: string): number => parseLogName(log)?.generation ?? 1

/** The name of the first generation. */
function baseOf(log: string): string {
  const parts = parseLogName(log)
  if (parts === undefined) throw new TypeError(`"${log}" is not the name of a log`)
  return logName({ ...parts, generation: 1 })
}

/** A log's name may be longer than a file's; what it is stands in the file. */
const fileName = (table: string, base: string): string =>
  `${hash('sha256', `${table} ${base}`, 'hex').slice(0, 32)}.json`

function replace(path: string, end: SealedEnd | GivenUp): void {
  // One name for each thread of each process: two that write at once must not write into one file.
  const draft = `${path}.${process.pid}.${threadId}.new`
  const handle = openSync(draft, 'w', 0o600)
  try {
    writeFileSync(handle, `${JSON.stringify(end, null, 2)}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(draft, path)
}

function notKept(folder: string, cause: unknown): FastenError {
  return new FastenError(
    'SEALED_MEMORY_IO',
    `what was signed cannot be kept: ${systemCode(cause) ?? String(cause)}`,
    {
      at: resolve(folder),
      hint: 'free disk space, or give this user write access; FASTEN_KEY_DIR names another folder',
      cause,
    },
  )
}

function read<End>(path: string, endIn: (value: Unread) => End | undefined): End | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR') return undefined
    throw unreadable(path, systemCode(cause) ?? String(cause), cause)
  }
  const end = parsed(text, endIn)
  if (end === undefined) throw unreadable(path, 'it does not say what was signed')
  return end
}

type Unread = Partial<Record<string, unknown>>

function parsed<End>(text: string, endIn: (value: Unread) => End | undefined): End | undefined {
  try {
    return endIn(readJson(text) ?? {})
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function givenUpEnd({ table, log, size, head_hash }: Unread): GivenUp | undefined {
  const isSound =
    typeof table === 'string' &&
    typeof log === 'string' &&
    parseLogName(log) !== undefined &&
    Number.isSafeInteger(size) &&
    typeof head_hash === 'string'
  return isSound ? { table, log, size: size as number, head_hash } : undefined
}

function sealedEnd(value: Unread): SealedEnd | undefined {
  const end = givenUpEnd(value)
  const { note } = value
  return end !== undefined && typeof note === 'string' && isCheckpointOf(note, end.log, end.size)
    ? { ...end, note }
    : undefined
}

/**
 * Whether a note is a checkpoint of that end, signed in the log's name. Both are written together, so anything else is damage; passed over,
 * it would let a cut log verify as one that nobody ever signed.
 */
function isCheckpointOf(note: string, log: string, size: number): boolean {
  try {
    const { text, signatures } = parseNote(note)
    const claim = parseCheckpoint(text)
    return claim.origin === log && claim.size === size && signatures.some(({ name }) => name === log)
  } catch (error) {
    if (error instanceof FastenError) return false
    throw error
  }
}

function unreadable(path: string, why: string, cause?: unknown): FastenError {
  return new FastenError('SEALED_MEMORY_UNREADABLE', `what was signed last cannot be read: ${why}`, {
    at: path,
    hint: 'restore the file; or, knowing that a database put back will then go unnoticed, move it away',
    ...(cause === undefined ? {} : { cause }),
  })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
