// SPDX-License-Identifier: Apache-2.0
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { jsonLine } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'fleet resume'
export const summary = 'go on with logs of which the fleet has other rows than are here'
export const description =
  'A log parts from its fleet when the store here lost rows that were shipped (a restored backup), or when two stores wrote in its name. ' +
  'It is not shipped any more then, and nothing mends it: both sides are evidence. Without names, such logs are listed. A log that is named is given ' +
  'up: once the services that write it were started again, their next row opens its next generation (~2), whose row 0 says what the fleet had, ' +
  'and which is shipped. Its rows so far stay here. Find out first where the other rows came from.'
export const words = [{ name: 'log', summary: 'a log to give up', isRepeatable: true }]
export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'one JSON object a line' },
  ...targetOptions.filter((option) => option.name === 'store'),
]
export const examples = [
  ['fasten fleet resume', 'which logs the fleet does not take any more'],
  ['fasten fleet resume acme/shop/n1/audit', 'and go on with this one as acme/shop/n1/audit~2'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ partedLogs }, { placesOf }, signing, { sealingOf }] = await Promise.all([
    import('../parted-logs.ts'),
    import('../places.ts'),
    import('../signing.ts'),
    import('../../store/open.ts'),
  ])
  const places = placesOf(targetOf({ ...args, words: [] }, world.env), world.env)
  const parted = await partedLogs(places, world.env, world.signal)
  if (parted === undefined)
    throw usageError('BAD_ARGUMENT', 'this node is in no fleet', {
      hint: 'set FASTEN_FLEET_URL and FASTEN_FLEET_TOKEN as its services have them; they enrol when they first run',
    })
  const other = args.words.find((word) => !parted.some(({ log }) => log === word))
  if (other !== undefined)
    throw usageError('BAD_ARGUMENT', `${JSON.stringify(other)} has not parted from the fleet`, {
      hint: 'fasten fleet resume lists those that have',
    })
  const chosen = parted.filter(({ log }) => args.words.includes(log))
  for (const { log, place, fleet } of chosen) {
    const opened = signing.existingSigning(place, world.env)
    const memory = opened?.memory ?? null
    if (opened === undefined || memory === null)
      throw usageError(
        'BAD_ARGUMENT',
        `nothing is remembered beside the store of ${log}: its logs are not signed`,
      )
    const { tableOf } = sealingOf({ dsn: place.dsn, streams: place.streams }, opened)
    memory.giveUp({ table: tableOf(log), log, ...fleet })
  }
  await world.out.lines(
    (chosen.length > 0 ? chosen : parted).map(({ log, size, fleet, kind }) =>
      args.flag('json')
        ? jsonLine({ log, size, fleet_size: fleet.size, kind, is_given_up: chosen.length > 0 })
        : `${log}  ${kind === 'ahead' ? `${size} rows here, ${fleet.size} at the fleet` : `row ${fleet.size - 1} is another at the fleet`}`,
    ),
  )
  if (chosen.length > 0) await world.err.line('given up; now start the services again that write there')
  return parted.length > 0 && chosen.length === 0 ? exitCodes.findings : exitCodes.ok
}
