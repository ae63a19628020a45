// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { FastenError, systemCode } from '../core/error.ts'
import type { IdSource } from '../core/ids.ts'
import { streams, type StreamName } from '../core/row.ts'
import type { DrainEvent } from '../store/drain-loop.ts'
import { startDrainThread, startInlineDrainer, type Drainer } from '../store/drain-thread.ts'
import type { Dsn } from '../store/dsn.ts'
import { assertEngine, openStore, type StoreTarget } from '../store/open.ts'
import type { Store } from '../store/ports.ts'
import { lockPath, spoolDirectory } from '../store/spool/layout.ts'
import { acquireLock } from '../store/spool/lock.ts'
import { createMemorySpool } from '../store/spool/memory-spool.ts'
import { createSpoolReader } from '../store/spool/reader.ts'
import { createSpoolWriter } from '../store/spool/writer.ts'
import type { SpoolReader, SpoolWriter } from '../store/spool/spool.ts'
import type { Config } from './config.ts'
import { createLane, type Lane, type LaneOptions } from './lane.ts'

/** One store with the streams that go into it. */
export interface LanePlan {
  readonly target: StoreTarget
  readonly streams: readonly StreamName[]
}

export interface OpenLane {
  readonly lane: Lane
  readonly drainer: Drainer
  readonly streams: readonly StreamName[]
  readonly target: StoreTarget
  /** Where the rows wait; null when they wait in memory. */
  readonly root: string | null
  /** The store the drainer writes to, when it runs on this thread; a database in memory can be read nowhere else. */
  readonly inlineStore: () => Promise<Store> | null
  close(timeoutMs: number): Promise<void>
}

/** Streams that name the same database share a spool, a drainer and its transactions. */
export function planLanes(config: Config): LanePlan[] {
  type Plan = { dsn: Dsn; tables: Partial<Record<StreamName, string>>; streams: StreamName[] }
  const plans = new Map<string, Plan>()
  for (const stream of streams) {
    const named = config.targets[stream]?.dsn
    if (!named) continue
    // A table belongs to the stream whose DSN names it, not to the database.
    const { table, ...dsn } = named
    const key = storeKey(dsn)
    const plan: Plan = plans.get(key) ?? { dsn, tables: {}, streams: [] }
    plans.set(key, plan)
    if (table !== undefined) plan.tables[stream] = table
    plan.streams.push(stream)
  }
  return [...plans.values()].map(({ dsn, tables, streams: own }) => ({
    target: { dsn, tables, streams: own },
    streams: own,
  }))
}

const storeKey = (dsn: Dsn): string =>
  dsn.kind === 'sqlite' ? `sqlite ${dsn.isMemory ? dsn.path : resolve(dsn.path)}` : `postgres ${dsn.url}`

/** `<database>-spool` beside a SQLite file; with FASTEN_SPOOL_DIR, or for a server, a folder named after the database. */
export function spoolRoot(dsn: Dsn, spoolDirectorySetting: string | undefined): string {
  const isFile = dsn.kind === 'sqlite'
  if (spoolDirectorySetting === undefined)
    return isFile ? `${resolve(dsn.path)}-spool` : resolve('.fasten-spool', nameOf(dsn))
  return join(resolve(spoolDirectorySetting), nameOf(dsn))
}

const nameOf = (dsn: Dsn): string => hash('sha256', storeKey(dsn), 'hex').slice(0, 16)

export interface OpenLaneParts {
  readonly config: Config
  readonly clock: Clock
  readonly ids: IdSource
  readonly onEvent: (event: DrainEvent) => void
  readonly onTrouble: LaneOptions['onTrouble']
  readonly onDiskFull: LaneOptions['onDiskFull']
  readonly onRelief: LaneOptions['onRelief']
}

/** Makes the spool, takes its lock, starts the drainer. Throws `SPOOL_…` when the spool cannot be made. */
export function openLane(plan: LanePlan, parts: OpenLaneParts): OpenLane {
  const { config, clock, ids, onEvent, onTrouble, onDiskFull, onRelief } = parts
  const { dsn } = plan.target
  assertEngine(dsn)
  const isMemory = config.durability === 'memory' || (dsn.kind === 'sqlite' && dsn.isMemory)
  const id = ids.randomHex(8)
  const spool = isMemory ? memorySpool(id) : fileSpool(id, spoolRoot(dsn, config.spoolDirectory))
  let inline: Promise<Store> | null = null

  const drainer = startDrainer()
  const lane = createLane({
    writer: spool.writer,
    drainer,
    spoolBytesMax: config.spoolBytesMax,
    overflowRowsMax: config.overflowRowsMax,
    defersToTick: config.durability === 'tick',
    onTrouble,
    onDiskFull,
    onRelief,
  })
  return {
    lane,
    drainer,
    streams: plan.streams,
    target: plan.target,
    root: spool.root,
    inlineStore: () => inline,
    async close(timeoutMs) {
      spool.release(await lane.close(timeoutMs))
    },
  }

  function startDrainer(): Drainer {
    const pace = { rowsMax: config.drainRowsMax, lingerMs: config.drainLingerMs }
    const onThisThread = () => ({
      root: spool.root,
      reader: spool.reader(),
      openStore: () => (inline ??= openStore(plan.target)),
      clock,
      ids,
      ...pace,
      adopts: !isMemory,
      onEvent,
    })
    if (isMemory || !config.usesDrainThread) return startInlineDrainer(onThisThread())
    return startDrainThread(
      { root: spool.root, spool: id, target: plan.target, ...pace },
      onThisThread,
      onEvent,
    )
  }
}

interface OpenSpool {
  readonly root: string
  readonly writer: SpoolWriter
  reader(): SpoolReader
  release(isFinished: boolean): void
}

function memorySpool(id: string): OpenSpool {
  const { writer, reader } = createMemorySpool(id)
  // Rejected rows have no quarantine on disk to go to; the folder is only made if there is one.
  return { root: join('.fasten-memory', id), writer, reader: () => reader, release() {} }
}

function fileSpool(id: string, root: string): OpenSpool {
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new FastenError('SPOOL_IO', `cannot make the spool: ${systemCode(cause) ?? String(cause)}`, {
      at: root,
      hint: 'give this user write access, or set FASTEN_SPOOL_DIR',
      cause,
    })
  }
  // The lock comes first: an adopter that sees the directory must find it held.
  const lock = acquireLock(lockPath(root, id))
  if (!lock)
    throw new FastenError('SPOOL_LOCKED', `spool ${id} is in use`, {
      at: root,
      hint: 'start again; ids are random',
    })
  const directory = spoolDirectory(root, id)
  const writer = createSpoolWriter({ id, directory })
  return {
    root,
    writer,
    reader: () => createSpoolReader(id, directory),
    release: (isFinished) => lock.release({ remove: isFinished }),
  }
}
