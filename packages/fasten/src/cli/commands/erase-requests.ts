// SPDX-License-Identifier: Apache-2.0
import { type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { erasureOptions } from './erase.ts'

export const name = 'erase requests'
export const summary = 'the erasures that somebody asked for and nobody has approved yet'
export const description =
  'Oldest first. A request names the person by pseudonym only; whoever approves has to know whom it is about.'
export const options: readonly OptionSpec[] = erasureOptions
  .filter((option) => option.name === 'json' || option.name === 'store')
  .map((option) => (option.name === 'json' ? { ...option, summary: 'one JSON object a line' } : option))
export const examples = [['fasten erase requests', 'what waits for a second person']] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ listRequests }, { privacyPlaces }, { placesOf, fullEnv }, { targetOf }] = await Promise.all([
    import('../../store/privacy/erasure-request.ts'),
    import('../../store/privacy/privacy-places.ts'),
    import('../places.ts'),
    import('../target.ts'),
  ])
  const place = placesOf(targetOf(args, world.env), world.env).find(({ streams }) =>
    streams.includes('audit'),
  )
  const places = place && privacyPlaces(place.dsn, fullEnv(world.env)['FASTEN_KEY_DIR'] || undefined)
  const requests = places ? listRequests(places.ledger) : []
  await world.out.lines(
    requests.map((request) =>
      args.flag('json')
        ? jsonLine(request)
        : `${request.request_id}  ${request.requested_at}  asked by ${visible(request.requested_by)}: ${visible(request.basis)}  (${request.subject})`,
    ),
  )
  if (requests.length === 0 && !args.flag('json')) await world.err.line('no request is open')
  return exitCodes.ok
}
