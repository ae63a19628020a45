// SPDX-License-Identifier: Apache-2.0
import type { HeldRows, Hold } from '../../store/retention/hold.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { table, type Column } from '../print/table.ts'
import { counted, pairs } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { retentionOptions } from '../retention-store.ts'

export const name = 'retention hold'
export const summary = 'keep rows whatever their class: add, list or release legal holds'
export const description =
  'Rows under a hold are neither swept nor erased. A hold keeps the rows that fit everything it names; placing and releasing one is ' +
  'told in every log that it concerns, with the reason and who ordered it, but without the values that it names.'
export const words = [
  { name: 'action', summary: 'add, list or release', choices: ['add', 'list', 'release'], isRequired: true },
  { name: 'hold', summary: 'for release: the id of the hold' },
]
const group = 'Which rows to keep (all must fit):'
export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'one JSON object a line' },
  { name: 'reason', value: '<text>', summary: 'why; required for add and release' },
  { name: 'by', value: '<who>', summary: 'who ordered it; required for add and release' },
  { name: 'code', value: '<code>', summary: 'a code, or the beginning of one with * behind it', group },
  { name: 'actor', value: '<actor>', summary: 'who did it, or on whose behalf', group },
  { name: 'of', value: '<target>', summary: 'what it was done to', group },
  { name: 'request-id', value: '<id>', summary: 'the request', group },
  { name: 'tenant-id', value: '<id>', summary: 'the tenant', group },
  { name: 'since', value: '<time>', summary: 'not before; RFC 3339, a date, or -30d', group },
  { name: 'until', value: '<time>', summary: 'not after', group },
  ...retentionOptions,
]
export const examples = [
  ["fasten retention hold add --actor alice --reason 'case 7' --by counsel", 'keep what alice did'],
  ['fasten retention hold list', 'the holds of a store, those in force first'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ withPrunable }, { parseTime, formatMicros }] = await Promise.all([
    import('../retention-store.ts'),
    import('../../core/timestamp.ts'),
  ])
  const [action, hold_id] = args.words
  const time = (option: string): string | undefined => {
    const text = args.text(option)
    const micros = text === undefined ? undefined : parseTime(text, world.clock.nowMicros())
    if (text !== undefined && micros === undefined)
      throw usageError('BAD_OPTION', `--${option} is ${JSON.stringify(text)}, which is no time`)
    return micros === undefined ? undefined : formatMicros(micros)
  }
  const required = (option: 'reason' | 'by'): string => {
    const text = args.text(option)
    if (text === undefined || text.trim() === '')
      throw usageError('BAD_OPTION', `fasten retention hold ${String(action)} needs --${option}`)
    return text
  }
  // The words of this command are no place to read from.
  const stores = { ...args, words: [] }
  const found: Hold[] = []
  if (action === 'add') {
    const [since, until] = [time('since'), time('until')]
    const rows: HeldRows = Object.fromEntries(
      Object.entries({
        code: args.text('code'),
        actor: args.text('actor'),
        target: args.text('of'),
        request_id: args.text('request-id'),
        tenant_id: args.text('tenant-id'),
        since,
        until,
      }).filter(([, value]) => value !== undefined),
    )
    if (Object.keys(rows).length === 0)
      throw usageError('BAD_OPTION', 'a hold names the rows it keeps', { hint: 'for example --actor alice' })
    const order = { rows, reason: required('reason'), by: required('by') }
    await withPrunable(
      stores,
      world,
      'write',
      async ({ pruner }) => void found.push(await pruner.placeHold(order)),
    )
  } else if (action === 'release') {
    if (hold_id === undefined)
      throw usageError('BAD_ARGUMENT', 'which hold?', { hint: 'see fasten retention hold list' })
    const [by, reason] = [required('by'), required('reason')]
    await withPrunable(stores, world, 'write', async ({ pruner }) => {
      found.push(await pruner.releaseHold(hold_id, by, reason))
    })
  } else
    await withPrunable(
      stores,
      world,
      'read',
      async ({ pruner }) => void found.push(...(await pruner.holds())),
    )
  await print(found, args, world)
  return exitCodes.ok
}

async function print(holds: readonly Hold[], args: Args, world: World): Promise<void> {
  const sorted = holds.toSorted(
    (one, other) => Number(one.released_at !== null) - Number(other.released_at !== null),
  )
  if (args.flag('json')) return world.out.lines(sorted.map(jsonLine))
  await world.out.lines(table(sorted, columns, world.out.look))
  const inForce = holds.filter(({ released_at }) => released_at === null).length
  await world.err.line(`${counted(inForce, 'hold')} in force`)
}

const columns: readonly Column<Hold>[] = [
  { title: 'hold', text: ({ hold_id }) => visible(hold_id) },
  {
    title: 'state',
    text: ({ released_at }) => (released_at === null ? 'in force' : `released ${released_at.slice(0, 10)}`),
  },
  { title: 'since', text: ({ placed_at }) => visible(placed_at.slice(0, 10)), style: () => 'quiet' },
  { title: 'by', text: ({ placed_by }) => visible(placed_by), yields: 3, keeps: 6 },
  { title: 'rows', text: ({ rows }) => pairs(rows), yields: 2, keeps: 12 },
  { title: 'reason', text: ({ reason }) => visible(reason), yields: 1, keeps: 8 },
]
