// SPDX-License-Identifier: Apache-2.0
import { formatMicros } from '../../core/timestamp.ts'
import type { ErasureRequest } from '../../store/privacy/erasure-request.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { jsonLine } from '../../core/visible.ts'
import { actorOf, erasureOptions, refuseNaming } from './erase.ts'

export const name = 'erase request'
export const summary = 'ask for an erasure that somebody else has to approve'
export const description =
  'Nothing is destroyed. The request is kept beside the ledger of erasures and names the person by pseudonym only; whoever approves ' +
  'names them again.'
export const words = [{ name: 'subject', summary: 'whose values to destroy', isRequired: true }]
export const options: readonly OptionSpec[] = [
  { name: 'basis', value: '<ground>', summary: 'the legal ground, kept for ever in the trail' },
  ...erasureOptions,
]
export const examples = [
  ['fasten erase request user:42 --basis "GDPR Art. 17(1)(b)"', 'prints the id to approve'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const basis = args.text('basis')
  if (basis === undefined || basis.trim() === '')
    throw usageError('BAD_OPTION', 'an erasure needs --basis, the legal ground it rests on')
  refuseNaming(basis, args.words[0] ?? '')
  const [{ openPrivacyPlace }, { keepRequest }, { createSystemIds }] = await Promise.all([
    import('../privacy-place.ts'),
    import('../../store/privacy/erasure-request.ts'),
    import('../../store/platform.ts'),
  ])
  const { store, ring, places } = await openPrivacyPlace(args, world)
  try {
    const tenant = args.text('tenant') ?? ''
    const request: ErasureRequest = {
      request_id: createSystemIds().randomHex(6),
      tenant,
      subject: ring.pseudonyms(tenant, args.words[0] ?? '')[0] ?? '',
      basis,
      requested_by: actorOf(args),
      requested_at: formatMicros(world.clock.nowMicros()),
    }
    keepRequest(places.ledger, request)
    if (args.flag('json')) await world.out.line(jsonLine(request))
    else
      await world.out.line(
        `request ${request.request_id}: somebody else runs fasten erase approve ${request.request_id} SUBJECT`,
      )
    return exitCodes.ok
  } finally {
    await store.close()
  }
}
