// SPDX-License-Identifier: Apache-2.0
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { actorOf, erase, erasureOptions } from './erase.ts'

export const name = 'erase approve'
export const summary = 'carry out an erasure that somebody else asked for'
export const description =
  'Whoever approves must not be whoever asked, and names the person again; the row in the trail names both. The receipt is printed as ' +
  'fasten erase prints it.'
export const words = [
  { name: 'request', summary: 'the id that fasten erase request printed', isRequired: true },
  { name: 'subject', summary: 'the person, as the request named them', isRequired: true },
]
export const options: readonly OptionSpec[] = erasureOptions
export const examples = [
  ['fasten erase approve 3f09c1d2a4b5 user:42 --by ann', 'ann approves what bob asked for'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [id = '', subject = ''] = args.words
  const [{ openPrivacyPlace }, { dropRequest, readRequest }] = await Promise.all([
    import('../privacy-place.ts'),
    import('../../store/privacy/erasure-request.ts'),
  ])
  const { store, ring, places } = await openPrivacyPlace(args, world)
  const request = readRequest(places.ledger, id)
  await store.close()
  if (request === undefined)
    throw usageError('BAD_ARGUMENT', `there is no request ${JSON.stringify(id)}`, {
      hint: 'see fasten erase request',
    })
  const approver = actorOf(args)
  if (approver === request.requested_by)
    throw usageError('BAD_ARGUMENT', `${approver} asked for this erasure and cannot approve it`, {
      hint: 'somebody else runs this, or is named with --by',
    })
  const isSame = ring.pseudonyms(request.tenant, subject).includes(request.subject)
  if (!isSame) throw usageError('BAD_ARGUMENT', 'the request is about another person')
  const { basis, requested_by } = request
  const code = await erase({
    args,
    world,
    subject,
    basis,
    tenant: request.tenant,
    actor: `${approver}, asked by ${requested_by}`,
  })
  if (code === exitCodes.ok) dropRequest(places.ledger, id)
  return code
}
