// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../../core/log-name.ts'
import { streams } from '../../core/row.ts'
import type { RetryOutcome } from '../../store/quarantine-retry.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Place } from '../places.ts'
import { counted } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { quarantineOptions, quarantineRoots } from '../quarantine-roots.ts'

export const name = 'quarantine retry'
export const summary = 'offer quarantined rows to the store again'
export const description =
  'After the reason is gone (a repaired schema, a raised limit): each row is offered to its store once more, in a transaction ' +
  'of its own. What is stored leaves the quarantine; what is refused again stays. Stopping half-way loses and doubles nothing.'
export const words = [
  { name: 'name', summary: 'names from fasten quarantine list; all when none is given', isRepeatable: true },
]
export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'one JSON object a line' },
  ...quarantineOptions,
]

export async function run(args: Args, world: World): Promise<number> {
  const roots = await quarantineRoots(args, world)
  const names = args.words.length === 0 ? undefined : args.words
  const outcomes: RetryOutcome[] = []
  for (const { root, place } of roots) outcomes.push(...(await retryAt(root, place, names)))
  const unknown = names?.find((wanted) => !outcomes.some((outcome) => outcome.name === wanted))
  if (unknown !== undefined) {
    throw usageError('BAD_ARGUMENT', `nothing named ${JSON.stringify(unknown)} is in quarantine`, {
      hint: 'see fasten quarantine list',
    })
  }
  if (args.flag('json')) await world.out.lines(outcomes.map(jsonLine))
  else await world.out.lines(outcomes.map((outcome) => outcomeLine(outcome, world)))
  const stored = outcomes.filter((outcome) => outcome.kind === 'stored').length
  await world.err.line(
    `${counted(stored, 'row')} stored, ${counted(outcomes.length - stored, 'entry', 'entries')} left in quarantine`,
  )
  return stored === outcomes.length ? exitCodes.ok : exitCodes.findings
}

async function retryAt(
  root: string,
  place: Place,
  names: readonly string[] | undefined,
): Promise<readonly RetryOutcome[]> {
  const [{ listQuarantine }, { retryQuarantine }, { openStore }] = await Promise.all([
    import('../../store/quarantine.ts'),
    import('../../store/quarantine-retry.ts'),
    import('../../store/open.ts'),
  ])
  const wanted = listQuarantine(root).filter((entry) => names?.includes(entry.name) ?? true)
  // Only the tables that are needed: opening a store to write makes those it is told of.
  const needed = new Set(
    wanted.map((entry) => (entry.log === null ? undefined : parseLogName(entry.log)?.stream)),
  )
  const used = streams.filter((stream) => needed.has(stream))
  if (used.length === 0)
    return wanted.map((entry) => ({ name: entry.name, kind: 'not_a_row', message: entry.message }))
  const store = await openStore({ dsn: place.dsn, streams: used })
  try {
    return await retryQuarantine(root, store, names)
  } finally {
    await store.close()
  }
}

function outcomeLine({ name: entry, kind, message }: RetryOutcome, world: World): string {
  const { paint } = world.out.look
  if (kind === 'stored') return `${paint('good', '✓')} ${visible(entry)}  stored`
  const why = kind === 'not_a_row' ? `not a row, kept: ${message}` : `refused again: ${message}`
  return `${paint('danger', '✗')} ${visible(entry)}  ${visible(why)}`
}
