// SPDX-License-Identifier: Apache-2.0
import type { Args, OptionSpec, World } from '../command.ts'
import { usageError } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { postgresPlace, postgresTargetOptions } from '../postgres-place.ts'

export const name = 'postgres grants'
export const summary = 'print, or run, the SQL that gives database roles the least they need'
export const description =
  'A writer adds rows and can neither change nor delete one, a reader reads, a sweeper also takes the content out of rows whose time is up. ' +
  'The roles must exist; run this as the owner of the tables, and again after an update of fasten.'
export const words = [{ name: 'target', summary: 'the same as --store' }]
export const options: readonly OptionSpec[] = [
  { name: 'writer', value: '<role>', summary: 'the role that services connect as' },
  { name: 'reader', value: '<role>', summary: 'the role of people and tools that look' },
  { name: 'sweeper', value: '<role>', summary: 'the role that fasten retention and erase connect as' },
  { name: 'apply', summary: 'run it, in one transaction, instead of printing it' },
  ...postgresTargetOptions,
]
export const examples = [
  ['fasten postgres grants --writer app --reader auditor', 'look at it first'],
  ['fasten postgres grants postgres://owner@db/trail --writer app --apply', 'and run it'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const roles = Object.fromEntries(
    (['writer', 'reader', 'sweeper'] as const).flatMap((kind) => {
      const role = args.text(kind)
      return role === undefined ? [] : [[kind, role] as const]
    }),
  )
  if (Object.keys(roles).length === 0)
    throw usageError('BAD_ARGUMENT', 'no role to grant anything to', {
      hint: 'add --writer, --reader or --sweeper',
    })
  const { applyGrants, grantStatements } = await import('../../store/postgres/grants.ts')
  const { administer } = await import('../../store/postgres/administer.ts')
  const { dsn } = postgresPlace(args, world)
  await administer(dsn, async ({ sql, schema, at }) => {
    const statements = await grantStatements(sql, schema, roles)
    if (!args.flag('apply')) return world.out.lines(statements.map((statement) => `${statement};`))
    await applyGrants(sql, statements, at)
    return world.err.line(`${statements.length} statements were run in the schema "${schema}"`)
  })
  return exitCodes.ok
}
