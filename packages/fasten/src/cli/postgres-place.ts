// SPDX-License-Identifier: Apache-2.0
import type { PostgresDsn } from '../store/dsn.ts'
import { FastenError } from '../core/error.ts'
import type { Args, OptionSpec, World } from './command.ts'
import { placesOf, type Place } from './places.ts'
import { targetOf, targetOptions } from './target.ts'

/** Where the database is; there is no URL to ask about it. */
export const postgresTargetOptions: readonly OptionSpec[] = targetOptions.filter(
  ({ name }) => name === 'store',
)

/** The one Postgres database that the command line or the environment names. Throws `BAD_TARGET` for anything else. */
export function postgresPlace(args: Args, world: World): Place & { readonly dsn: PostgresDsn } {
  const store = args.text('store')
  const word = args.words[0]
  const named = {
    ...args,
    text: (name: string) => (name === 'store' ? store : undefined),
    count: () => undefined,
  }
  const found = placesOf(targetOf(named, world.env, word), world.env).filter(
    (place): place is Place & { readonly dsn: PostgresDsn } => place.dsn.kind === 'postgres',
  )
  const [place] = found
  if (place !== undefined) return place
  throw new FastenError('BAD_TARGET', 'no Postgres database is named', {
    hint: 'name one: postgres://owner:password@host/database, or set FASTEN_AUDIT_DSN',
  })
}
