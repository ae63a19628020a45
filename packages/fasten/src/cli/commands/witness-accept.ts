// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'witness accept'
export const summary = 'keep the cosignature that a witness gave with the checkpoint it is of'
export const options: readonly OptionSpec[] = [
  { name: 'log', value: '<log>', summary: 'the log' },
  { name: 'in', value: '<file>', summary: 'the answer of the witness', isFile: true },
  {
    name: 'witness',
    value: '<key|file>',
    summary: 'the key of the witness: what another one signed is not kept; repeatable',
    isRepeatable: true,
    isFile: true,
  },
  ...targetOptions.filter((option) => option.name === 'store'),
]

export async function run(args: Args, world: World): Promise<number> {
  const [
    { placeOfLog },
    { existingSigning, fileText, keysIn },
    { openStore },
    { keepCosignatures },
    { verifierKey },
    platform,
  ] = await Promise.all([
    import('../places.ts'),
    import('../signing.ts'),
    import('../../store/open.ts'),
    import('../../store/witness/witness-request.ts'),
    import('../../core/verifier-key.ts'),
    import('../../store/platform.ts'),
  ])
  const [log, file] = [args.text('log'), args.text('in')]
  const witnesses = args.list('witness').flatMap((text) => keysIn('witness', text, world))
  if (log === undefined || file === undefined || witnesses.length === 0)
    throw usageError('BAD_OPTION', '--log, --in and --witness are needed', {
      hint: 'the witness says its key when it signs',
    })
  const place = placeOfLog(log, targetOf(args, world.env), world.env)
  const signing = existingSigning(place, world.env)
  if (signing === undefined)
    throw usageError('BAD_ARGUMENT', 'nothing is signed here', { hint: 'see FASTEN_SIGNING' })
  const ids = platform.createSystemIds()
  const parts = { digest: platform.sha256, clock: world.clock, ids, signing }
  const store = await openStore({ dsn: place.dsn, streams: place.streams }, parts)
  try {
    const key = verifierKey(log, 'ed25519', signing.signer().publicKey, platform.sha256)
    const answer = fileText('in', file, world)
    // Newer ones may have been signed since the request was written.
    for (const checkpoint of (await store.checkpoints?.({ log, limit: 1000 })) ?? []) {
      try {
        if (store.seals === undefined) break
        const { size, cosignatures } = await keepCosignatures(store.seals, checkpoint, answer, {
          logs: [key],
          witnesses,
        })
        await world.err.line(`kept: the checkpoint of ${size} rows has ${cosignatures} cosignatures`)
        return exitCodes.ok
      } catch (error) {
        if (!(error instanceof FastenError && error.code === 'NOTE_FORGED')) throw error
      }
    }
    throw new FastenError('NOTE_UNTRUSTED', 'the answer is of no checkpoint that is kept here', {
      at: log,
      hint: 'write a request anew, and carry its answer back',
    })
  } finally {
    await store.close()
  }
}
