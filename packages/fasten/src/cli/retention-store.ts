// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import type { Clock } from '../core/clock.ts'
import { streams } from '../core/row.ts'
import { openForReading, openStore } from '../store/open.ts'
import { createSystemIds, createUptime, sha256 } from '../store/platform.ts'
import type { Store } from '../store/ports.ts'
import type { RowPruner } from '../store/retention/pruner.ts'
import type { ClockReading } from '../store/retention/retention-clock.ts'
import type { Args, OptionSpec, World } from './command.ts'
import { fullEnv, isThere, placesOf, type Place } from './places.ts'
import { targetOf, targetOptions } from './target.ts'

/** Rows are swept where they lie, so there is no URL to name. */
export const retentionOptions: readonly OptionSpec[] = targetOptions.filter(({ name }) => name === 'store')

export interface PrunableStore {
  readonly store: Store
  readonly pruner: RowPruner
  /** Of its streams, those that have rows here: others may have no table, and whoever sweeps may not be allowed to make one. */
  readonly place: Place
  /** True where logs of the store are signed, so that only rows under a checkpoint may go. */
  readonly isSigned: boolean
}

/**
 * Does `work` with each store that a command line means, one after the other, and closes it. For `write` only tables that are
 * there are opened. Throws `STORE_UNSUPPORTED` for a store that cannot take rows away.
 */
export async function withPrunable(
  args: Args,
  world: World,
  mode: 'read' | 'write',
  work: (store: PrunableStore) => Promise<void>,
): Promise<void> {
  const keyDirectory = fullEnv(world.env)['FASTEN_KEY_DIR'] || undefined
  const places = placesOf(targetOf(args, world.env, args.words[0]), world.env)
  for (const [index, place] of places.entries()) {
    if (index > 0 && !isThere(place)) continue
    const reading = await openForReading(place.text, { at: place.at, keyDirectory })
    let store = reading
    try {
      const isSigned = ((await reading.checkpoints?.({ limit: 1 })) ?? []).length > 0
      const logs = new Set((await reading.heads()).map(({ stream }) => stream))
      const used = streams.filter((stream) => logs.has(stream))
      if (mode === 'write') {
        if (used.length === 0) continue
        const target = {
          dsn: place.dsn,
          streams: used,
          ...(keyDirectory === undefined ? {} : { keyDirectory }),
        }
        store = await openStore(target, { digest: sha256, clock: world.clock, ids: createSystemIds() })
      }
      const { pruner } = store
      if (pruner === undefined)
        throw new FastenError(
          'STORE_UNSUPPORTED',
          `rows cannot be taken out of this ${(await store.describe()).kind} store`,
          {
            at: place.at,
          },
        )
      await work({ store, pruner, place: { ...place, streams: used }, isSigned })
    } finally {
      if (store !== reading) await store.close()
      await reading.close()
    }
  }
}

/** What this machine's clocks say now. */
export function createReading(clock: Clock): () => ClockReading {
  const uptime = createUptime(createSystemIds())
  return () => ({ ...uptime(), wallMicros: clock.nowMicros() })
}

/** The database of a place, as people name it, without any password. */
export async function shownStore({ store }: PrunableStore): Promise<string> {
  return (await store.describe()).dsn
}
