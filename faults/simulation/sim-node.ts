// SPDX-License-Identifier: Apache-2.0
/**
 * A node of a simulation: a real store in a real file, a real key, and the real shipper, whose time, network and randomness are the
 * simulation's. Beside them, what no part of the system sees: every row that each of its logs ever had.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FastenError } from '../../packages/fasten/src/core/error.ts'
import type { IdSource } from '../../packages/fasten/src/core/ids.ts'
import { hexOf } from '../../packages/fasten/src/core/octets.ts'
import { streams } from '../../packages/fasten/src/core/row.ts'
import { openSigning, type Signing } from '../../packages/fasten/src/store/keys/signing.ts'
import { openStore } from '../../packages/fasten/src/store/open.ts'
import { ed25519FromSeed, noteCrypto, sha256 } from '../../packages/fasten/src/store/platform.ts'
import type { Store } from '../../packages/fasten/src/store/ports.ts'
import { createSealer } from '../../packages/fasten/src/store/seal/sealer.ts'
import { createFleetClient } from '../../packages/fasten/src/store/ship/fleet-client.ts'
import { createShipper, type Shipper } from '../../packages/fasten/src/store/ship/shipper.ts'
import { acquireLock, type HeldLock } from '../../packages/fasten/src/store/spool/lock.ts'
import { createSampleDrafts } from '../../packages/fasten/src/testing/sample-drafts.ts'
import { spooled } from '../../packages/fasten/src/testing/store-contract.ts'
import { createChance, type Chance } from '../harness/chance.ts'
import type { Network } from './network.ts'
import type { Actor, Timeline } from './timeline.ts'

export interface SimNode {
  readonly name: string
  readonly publicKey: string
  readonly isUp: boolean
  /** Its history was cut or has two ends, by somebody's hand. */
  isForked: boolean
  /** What each of its logs has now, and what it had before somebody put it back: leaf hashes in order. */
  readonly logs: ReadonlyMap<string, readonly string[]>
  readonly before: readonly { readonly log: string; readonly hashes: readonly string[] }[]
  /** What the node was told that the fleet does not take, by log. */
  readonly refused: ReadonlyMap<string, string>
  /** Rows of each log that the store has recorded as shipped. */
  shipped(): Promise<readonly { readonly log: string; readonly size: number }[]>
  signedSizes(): Promise<ReadonlyMap<string, number>>
  start(): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** SIGTERM; it may ship for so long, and is down when that is over. */
  stop(timeoutMs: number): void
  write(rows: number): Promise<void>
  seal(): Promise<void>
  backup(): void
  /** Its database is put back to the last backup. False when there is none. */
  restore(): boolean
  /** Another machine with a copy of everything. This one must be down. */
  clone(): SimNode
}

export interface SimNodeOptions {
  readonly name: string
  readonly folder: string
  readonly token: string
  readonly timeline: Timeline
  readonly chance: Chance
  readonly network: Network
  /** Told after each record of what is shipped, and when something is as it should not be. */
  readonly onRecorded: (node: SimNode) => void
}

export function createSimNode(options: SimNodeOptions, parent?: SimNode): SimNode {
  const { name, folder, timeline, chance, network } = options
  const path = join(folder, 'rows.db')
  const backupPath = join(folder, 'backup.db')
  const ids = seededIds(chance)
  // What becomes an id of a row is of this simulation alone, since several share a database.
  const rowIds = seededIds(createChance(chance.between(0, 0x7fff_ffff) ^ numberOf(name)))
  const clock = timeline.clock(chance.between(-7_200_000, 7_200_000))
  if (parent === undefined) makeKey(folder, chance)
  const signing = openSigning(
    { key: { kind: 'file', path: join(folder, 'node.key'), isOurs: true }, memory: join(folder, 'sealed') },
    ids,
  ) as Signing
  const publicKey = hexOf(signing.signer().publicKey)
  const logs = new Map<string, string[]>()
  const before: { log: string; hashes: readonly string[] }[] = []
  const refused = new Map<string, string>()
  let store: Store | undefined
  let actor: Actor | undefined
  let shipper: Shipper | undefined
  let held: HeldLock | null = null
  let samples = createSampleDrafts()
  let position = 0n
  let lives = 0
  let hasBackup = false
  let isEnding = false

  const opened = (): Store => {
    if (store === undefined) throw new TypeError(`${node.name} is down`)
    return store
  }

  /** Takes over what the store has and this ledger has not. */
  async function learn(): Promise<void> {
    for (const { log, size } of await opened().heads()) {
      const known = logs.get(log) ?? []
      logs.set(log, known)
      while (known.length < size)
        known.push(...((await opened().leafHashes?.(log, known.length, size)) ?? []))
    }
  }

  /** The store as the shipper has it: things happen between its questions, and some fail. */
  function gated(real: Store, own: Actor): Store {
    const gate = async (): Promise<void> => {
      if (chance.next() < 0.25) await own.sleep(chance.between(0, 80))
      if (chance.next() < network.weather / 60)
        throw new FastenError('STORE_BUSY', 'the database is locked', { at: path })
    }
    return {
      ...real,
      async heads() {
        await gate()
        return real.heads()
      },
      ...(real.pruner === undefined
        ? {}
        : {
            pruner: {
              ...real.pruner,
              async markReplicated(places, at) {
                await gate()
                await real.pruner?.markReplicated(places, at)
                options.onRecorded(node)
                await gate()
              },
            },
          }),
    }
  }

  const node: SimNode = {
    name,
    publicKey,
    isForked: false,
    get isUp() {
      return store !== undefined
    },
    logs,
    before,
    refused,
    shipped: async () => (await opened().shipped?.()) ?? [],
    async signedSizes() {
      const signed = (await opened().checkpoints?.({})) ?? []
      return new Map(signed.map(({ log, size }) => [log, size]))
    },
    async start() {
      if (store !== undefined) return
      const life = lives++
      store = await openStore(
        { dsn: { kind: 'sqlite', path, isMemory: false }, streams: [...streams] },
        { digest: sha256, clock, ids: rowIds, signing },
      )
      await learn()
      samples = createSampleDrafts({
        boot_id: rowIds.randomHex(8),
        service_id: 'pump',
        source_node_id: parent?.name ?? name,
      })
      const own = timeline.actor(`${name}.${life}`)
      const seen = gated(store, own)
      actor = own
      own.enter()
      shipper = createShipper({
        settings: {
          url: 'http://fleet.test',
          token: options.token,
          credentialFile: join(folder, 'fleet.json'),
          source_node_id: parent?.name ?? name,
          service_id: 'pump',
          publicKeys: [publicKey],
          archives: [],
        },
        store: async () => seen,
        signing,
        clock,
        ids,
        timer: (ms, then) => (isEnding ? timeline.in(ms, then) : own.timer(ms, then)),
        lock: () => (held ??= acquireLock(join(folder, 'ship.lock'))),
        spool: () => ({ rows: 0, bytes: 0 }),
        client: createFleetClient({ url: 'http://fleet.test', exchange: network.exchange(name, own) }),
        onState: () => {},
        onEvent(event) {
          const log = 'log' in event ? ` ${event.log}` : ''
          const code = 'code' in event ? ` ${event.code}` : ''
          timeline.tell(`${name} tells ${event.event}${log}${code}`)
          if (event.event === 'fleet_log_refused') refused.set(event.log, event.code)
          if (event.event === 'fleet_log_accepted') refused.delete(event.log)
          if (event.event === 'fleet_rolled_back')
            timeline.violated(
              `${name} is told that the fleet lost rows of ${event.log}: ${event.shipped} → ${event.size}`,
            )
        },
      })
    },
    async kill() {
      if (store === undefined) return
      timeline.tell(`${name} dies`)
      actor?.kill()
      await down()
    },
    stop(timeoutMs) {
      const own = actor
      if (own === undefined || shipper === undefined) return
      timeline.tell(`${name} ends`)
      // Its limit is no time that the shipper itself waits for.
      isEnding = true
      const ended = shipper.stop(timeoutMs)
      isEnding = false
      void ended.then(async () => {
        if (own.isDead) return
        await down()
        own.leave()
      })
      shipper = undefined
    },
    async write(rows) {
      if (store === undefined) return
      const stream = chance.pick(streams)
      const drafts = Array.from({ length: rows }, () => spooled(samples.of(stream)))
      const { rejected } = await store.append({ spool: spoolOf(lives), position: ++position, drafts })
      if (rejected.length > 0) timeline.violated(`${name} does not store ${rejected[0]?.message}`)
      await learn()
      shipper?.grew()
    },
    async seal() {
      if (store === undefined) return
      const real = store
      const sealer = createSealer({
        store: async () => real,
        signing,
        crypto: noteCrypto,
        clock,
        tableOf: (log) => `${log.split('/').at(-1)?.split('~')[0]}_log`,
        heartbeatMs: 0,
        onFailure() {},
        onSealed: () => shipper?.grew(),
      })
      try {
        await sealer.sealNow()
      } catch (error) {
        // One that was put back signs no log that is shorter than what it signed; the next row opens another.
        if (!node.isForked) throw error
        timeline.tell(`${name} does not sign`)
      }
      await sealer.stop()
      await learn()
    },
    backup() {
      rmSync(backupPath, { force: true })
      const database = new DatabaseSync(path)
      database.exec(`VACUUM INTO '${backupPath}'`)
      database.close()
      hasBackup = true
      timeline.tell(`${name} is backed up`)
    },
    restore() {
      if (!hasBackup || store !== undefined) return false
      for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
      cpSync(backupPath, path)
      for (const [log, hashes] of logs) before.push({ log, hashes })
      logs.clear()
      node.isForked = true
      timeline.tell(`${name} is put back`)
      return true
    },
    clone() {
      const copy = `${folder}-copy`
      cpSync(folder, copy, { recursive: true })
      node.isForked = true
      timeline.tell(`${name} is copied`)
      const twin = createSimNode({ ...options, name: `${name}'`, folder: copy }, node)
      twin.isForked = true
      return twin
    },
  }

  async function down(): Promise<void> {
    const closing = store
    store = undefined
    shipper = undefined
    actor = undefined
    held?.release()
    held = null
    await closing?.close()
  }

  return node
}

const numberOf = (text: string): number => createHash('sha256').update(text).digest().readInt32BE()

const spoolOf = (life: number): string => String(life).padStart(16, '0')

/** The key of a node is the seed's as well, and with it every signature. */
function makeKey(folder: string, chance: Chance): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const seed = createHash('sha256').update(String(chance.next())).digest()
  const pem = ed25519FromSeed(seed).export({ format: 'pem', type: 'pkcs8' })
  writeFileSync(join(folder, 'node.key'), pem, { mode: 0o600 })
}

function seededIds(chance: Chance): IdSource {
  return {
    randomHex: (bytes) =>
      Array.from({ length: bytes }, () => chance.between(0, 255).toString(16).padStart(2, '0')).join(''),
    randomBase32: (count) => Uint8Array.from({ length: count }, () => chance.between(0, 31)),
  }
}
