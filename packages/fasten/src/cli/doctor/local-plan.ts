// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { World } from '../command.ts'
import { openLocal, type LocalStores } from '../open-reader.ts'
import { dsnText, isThere, placesOf, type Env, type Place } from '../places.ts'
import { spoolRootOf } from '../spool-root.ts'
import type { Target } from '../target.ts'
import { fail, skip, warn, type Check, type Finding } from './check.ts'
import { diskCheck, syncCheck, type SyncFinding } from './disk-checks.ts'
import { fleetCheck } from './fleet-check.ts'
import { clockCheck, envCheck, runtimeCheck } from './host-checks.ts'
import { keyCheck } from './key-check.ts'
import { privacyCheck } from './privacy-check.ts'
import { quarantineCheck, spoolCheck } from './queue-checks.ts'
import {
  chainCheck,
  correlationCheck,
  engineCheck,
  shimCheck,
  storeCheck,
  unregisteredCheck,
} from './store-checks.ts'
import { troubleCheck } from './trouble-check.ts'

export interface Plan {
  readonly checks: readonly Check[]
  close(): Promise<void>
}

export interface PlanOptions {
  readonly isFull: boolean
  readonly isReadOnly: boolean
  readonly isEmitForced: boolean
}

/** Everything that can be said of the stores on this machine. The probe comes first among those that read, so that they see it. */
export async function localPlan(target: Target, options: PlanOptions, world: World): Promise<Plan> {
  const { clock } = world
  const measured: SyncFinding = { fileTimeMs: null }
  let places: readonly Place[]
  try {
    places = placesOf(target, world.env)
  } catch (error) {
    return { checks: [runtimeCheck(), failed('store', error)], close: async () => {} }
  }
  const [first] = places
  if (first === undefined) throw new TypeError('a target without a place')
  const host = [runtimeCheck(), envCheck(world.env, target.kind === 'store' ? dsnText(first) : undefined)]
  const disks = uniqueFolders(places, world.env).map((folder, index) =>
    diskCheck(index === 0 ? 'disk' : 'spool disk', folder),
  )
  const spools = [...new Set(places.map((place) => spoolRootOf(place, world.env)))]
  const delivery: readonly Check[] = [
    ...disks,
    options.isReadOnly
      ? skipped('fsync', 'not measured with --read-only')
      : syncCheck(folderOf(first, world.env), clock, measured),
    await emitCheck(first, options, world),
    ...spools.flatMap((root) => [spoolCheck(root), quarantineCheck(root)]),
    keyCheck(first, world.env),
  ]
  // Opened when the first check asks, which is after the probe: that one may have made the store.
  const opening = lazily(() => openLocal(places, (text) => void world.err.line(text)))
  let newestRow: string | null = null
  const reading = readingChecks(places, opening, options, world, (timestamp) => {
    newestRow = timestamp
  })
  return {
    checks: [
      ...host,
      ...delivery,
      ...reading,
      clockCheck(
        clock,
        () => newestRow,
        () => measured.fileTimeMs,
      ),
    ],
    async close() {
      await opening.opened()?.then(
        (stores) => stores.reader.close(),
        () => {},
      )
    },
  }
}

interface Lazily<T> {
  get(): Promise<T>
  /** What `get` made, without making it. */
  opened(): Promise<T> | undefined
}

function lazily<T>(make: () => Promise<T>): Lazily<T> {
  let made: Promise<T> | undefined
  return { get: () => (made ??= make()), opened: () => made }
}

function readingChecks(
  places: readonly Place[],
  opening: Lazily<LocalStores>,
  { isFull }: PlanOptions,
  world: World,
  onNewest: (timestamp: string | null) => void,
): readonly Check[] {
  const [first] = places
  let hasFailed = false
  const needing = (name: string, run: (stores: LocalStores) => Promise<Finding> | Finding): Check => ({
    name,
    run: async () => {
      // The probe may have brought the store into being, so each check looks again.
      if (first !== undefined && !isThere(first))
        return name === 'store' ? notThere(first) : skip('there is no store yet')
      if (hasFailed) return skip('the store cannot be read')
      try {
        return await run(await opening.get())
      } catch (error) {
        // What makes the store unreadable is said once.
        hasFailed = name === 'store'
        throw error
      }
    },
  })
  const asking = (name: string, check: (stores: LocalStores) => Check): Check =>
    needing(name, (stores) => check(stores).run())
  return [
    ...places.map((place) =>
      needing('store', async ({ stores }) => {
        const opened = stores.find((each) => each.place === place)
        if (opened === undefined) return skip(`no ${place.streams.join(' or ')} rows yet at ${place.at}`)
        const { last_insert_at } = await opened.store.describe()
        if (place === first) onNewest(last_insert_at)
        return storeCheck(place, opened.store, world.clock).run()
      }),
    ),
    needing('engine', ({ stores }) =>
      stores[0] === undefined ? skip('no store') : engineCheck(stores[0].store).run(),
    ),
    {
      name: 'privacy',
      async run() {
        const isOpen = first !== undefined && isThere(first) && !hasFailed
        const store = isOpen ? (await opening.get()).stores[0]?.store : undefined
        return first === undefined ? skip('no store') : privacyCheck(first, world.env, store).run()
      },
    },
    asking('chain', ({ reader }) => chainCheck(reader, isFull, world.signal)),
    asking('shims', ({ reader }) => shimCheck(reader, world.clock)),
    asking('correlation', ({ reader }) => correlationCheck(reader)),
    asking('codes', ({ reader }) => unregisteredCheck(reader)),
    asking('trouble', ({ reader }) => troubleCheck(reader, world.clock)),
    asking('fleet', ({ reader }) => fleetCheck(reader, world, places)),
  ]
}

function notThere(place: Place): Finding {
  const folder = place.path === null ? null : dirname(place.path)
  if (folder !== null && !existsSync(folder))
    return fail(`there is no folder ${folder}`, { hint: `make it: mkdir -p ${folder}` })
  if (place.at === '--store')
    return fail(`there is no database at ${place.path}`, { hint: 'check the path, or make it with --emit' })
  return warn(`no database yet at ${place.path}`, {
    hint: 'the first row makes it; name another with --store, or write a probe with --emit',
  })
}

/** The probe, unless it would surprise: a database where none was, or files that the service could not write afterwards. */
async function emitCheck(
  place: Place,
  { isReadOnly, isEmitForced }: PlanOptions,
  world: World,
): Promise<Check> {
  if (isReadOnly) return skipped('emit', 'no probe with --read-only')
  if (place.dsn.kind === 'sqlite' && place.dsn.isMemory)
    return skipped('emit', 'a store in memory is seen by its own process only')
  if (!isEmitForced) {
    if (!isThere(place)) return skipped('emit', 'no probe where there is no database yet; --emit makes one')
    const owner = place.path === null ? undefined : statSync(place.path).uid
    const self = process.getuid?.()
    if (owner !== undefined && self !== undefined && owner !== self && process.platform !== 'win32') {
      return skipped(
        'emit',
        `no probe as user ${self} in the store of user ${owner}; run as that user, or add --emit`,
      )
    }
  }
  const { probeCheck } = await import('./probe-check.ts')
  return probeCheck(place, world.clock)
}

function skipped(name: string, message: string): Check {
  return { name, run: () => skip(message) }
}

function failed(name: string, error: unknown): Check {
  return {
    name,
    run: () => {
      throw error
    },
  }
}

function folderOf(place: Place, env: Env): string {
  return dirname(place.path ?? spoolRootOf(place, env))
}

/** Folders of databases and spools, each once; those of one parent are one. */
function uniqueFolders(places: readonly Place[], env: Env): readonly string[] {
  return [...new Set(places.flatMap((place) => [folderOf(place, env), dirname(spoolRootOf(place, env))]))]
}
