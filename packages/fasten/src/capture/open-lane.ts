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
import { databaseOf, type Dsn } from '../store/dsn.ts'
import { keyFolder } from '../store/keys/key-folder.ts'
import type { Signer } from '../store/keys/signer.ts'
import { openSigning, type SigningPlan } from '../store/keys/signing.ts'
import type { FleetSettings } from '../store/ship/fleet-settings.ts'
import { assertEngine, openStore, sealingOf, type StoreTarget } from '../store/open.ts'
import { sha256 } from '../store/platform.ts'
import type { AppendedRow, Store } from '../store/ports.ts'
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
  /** Its rows go to a fleet. */
  readonly isShipped: boolean
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
    const key = databaseOf(dsn)
    const plan: Plan = plans.get(key) ?? { dsn, tables: {}, streams: [] }
    plans.set(key, plan)
    if (table !== undefined) plan.tables[stream] = table
    plan.streams.push(stream)
  }
  return [...plans.values()].map(({ dsn, tables, streams: own }) => ({
    target: {
      dsn,
      tables,
      streams: own,
      ...(config.keyDirectory === undefined ? {} : { keyDirectory: config.keyDirectory }),
      ...(config.sqliteDriver === undefined ? {} : { driver: config.sqliteDriver }),
    },
    streams: own,
  }))
}

/** `<database>-spool` beside a SQLite file; with FASTEN_SPOOL_DIR, or for a server, a folder named after the database. */
export function spoolRoot(dsn: Dsn, spoolDirectorySetting: string | undefined): string {
  const isFile = dsn.kind === 'sqlite'
  if (spoolDirectorySetting === undefined)
    return isFile ? `${resolve(dsn.path)}-spool` : resolve('.fasten-spool', nameOf(dsn))
  return join(resolve(spoolDirectorySetting), nameOf(dsn))
}

const nameOf = (dsn: Dsn): string => hash('sha256', databaseOf(dsn), 'hex').slice(0, 16)

export interface OpenLaneParts {
  readonly config: Config
  /** Where rows of stores that outlive the process are shipped. */
  readonly fleet: FleetSettings | undefined
  readonly clock: Clock
  readonly ids: IdSource
  /** For a key of kind `object`. */
  readonly signer: Signer | undefined
  readonly onEvent: (event: DrainEvent) => void
  readonly onMoved: (rows: readonly AppendedRow[]) => void
  readonly onTrouble: LaneOptions['onTrouble']
  readonly onDiskFull: LaneOptions['onDiskFull']
  readonly onRelief: LaneOptions['onRelief']
  readonly onQueueEvent: LaneOptions['onQueueEvent']
  readonly onSpoolRelief: LaneOptions['onSpoolRelief']
}

/**
 * Makes or reads the key, makes the spool, takes its lock, starts the drainer. Throws `KEY_…` when there should be a key and is none
 * to use, `SPOOL_…` when the spool cannot be made.
 */
export function openLane(plan: LanePlan, parts: OpenLaneParts): OpenLane {
  const { config, clock, ids, onEvent, onMoved, onTrouble, onDiskFull, onRelief } = parts
  const { dsn } = plan.target
  assertEngine(dsn)
  const isMemory = config.durability === 'memory' || (dsn.kind === 'sqlite' && dsn.isMemory)
  const signingPlan = isMemory ? null : planSigning(dsn, config)
  const target: StoreTarget = signingPlan === null ? plan.target : { ...plan.target, signing: signingPlan }
  // Here and not in the drainer's thread: what is wrong with a key fails the start.
  const signing = signingPlan === null ? undefined : openSigning(signingPlan, ids, parts.signer)
  const id = ids.randomHex(8)
  const fleet = isMemory ? undefined : parts.fleet
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
    onQueueEvent: parts.onQueueEvent,
    onSpoolRelief: parts.onSpoolRelief,
  })
  return {
    lane,
    drainer,
    streams: plan.streams,
    target: plan.target,
    root: spool.root,
    inlineStore: () => inline,
    isShipped: fleet !== undefined,
    async close(timeoutMs) {
      spool.release(await lane.close(timeoutMs))
    },
  }

  function startDrainer(): Drainer {
    const sealing = { heartbeatMs: config.heartbeatMs, witnesses: config.witnesses }
    const pace = {
      rowsMax: config.drainRowsMax,
      lingerMs: config.drainLingerMs,
      holdMs: config.flushTimeoutMs,
    }
    const retention = isMemory ? undefined : { ...config.retention, service_id: config.service_id }
    const onThisThread = () => ({
      root: spool.root,
      reader: spool.reader(),
      openStore: () => (inline ??= openStore(target, { digest: sha256, clock, ids, signing })),
      sealing: signing && sealingOf(target, signing, sealing),
      retention,
      fleet,
      clock,
      ids,
      ...pace,
      adopts: !isMemory,
      onEvent,
      onMoved,
    })
    const isBound = isMemory || config.key.kind === 'object'
    if (isBound || !config.usesDrainThread) return startInlineDrainer(onThisThread())
    return startDrainThread(
      { root: spool.root, spool: id, target, ...pace, sealing, retention, fleet },
      onThisThread,
      onEvent,
      onMoved,
    )
  }
}

/** How the logs of a store are signed: with the key that was given, or with one beside the store. */
export function planSigning(
  dsn: Dsn,
  { key, keyDirectory }: Pick<Config, 'key' | 'keyDirectory'>,
): SigningPlan | null {
  const folder = keyFolder(dsn, keyDirectory)
  if (folder === null || key.kind === 'off') return null
  if (key.kind === 'object') return { key, memory: folder.memory }
  if (key.kind === 'text') return { key: { ...key, text: key.text() }, memory: folder.memory }
  const { path } = key
  return { key: { kind: 'file', path: path ?? folder.keyFile, isOurs: path === null }, memory: folder.memory }
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
