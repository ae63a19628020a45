// SPDX-License-Identifier: Apache-2.0
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { postgresPlace, postgresTargetOptions } from '../postgres-place.ts'

export const name = 'postgres migrate'
export const summary = 'make the tables of fasten, or bring them to the newest layout'
export const description =
  'A service whose database user may create tables does this by itself at its start. Where it may not, the owner runs this once, and again ' +
  'after an update of fasten. It only ever adds, in one transaction, and is harmless when there is nothing to do.'
export const words = [{ name: 'target', summary: 'the same as --store' }]
export const options: readonly OptionSpec[] = [...postgresTargetOptions]
export const examples = [
  ['fasten postgres migrate postgres://owner@db/trail', 'tables for all three streams'],
  ['fasten postgres migrate "postgres://owner@db/trail?schema=audit"', 'in a schema of their own'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const place = postgresPlace(args, world)
  const { openStore } = await import('../../store/open.ts')
  const { streams } = await import('../../core/row.ts')
  // A table that the DSN names is one stream's; all three cannot lie in it.
  const own = place.dsn.table === undefined ? streams : place.streams.slice(0, 1)
  const store = await openStore({ dsn: place.dsn, streams: own })
  try {
    const { dsn, streams: kept } = await store.describe()
    await world.out.line(`${dsn}: the layout is the newest, with tables for ${kept.join(', ')}`)
  } finally {
    await store.close()
  }
  return exitCodes.ok
}
