// SPDX-License-Identifier: Apache-2.0
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'witness request'
export const summary = 'write a file that asks a witness to cosign the newest checkpoint of a log'
export const description =
  'The file holds the checkpoint and the proof that it continues what the witness saw last; no row. Carry it to the witness (fasten witness ' +
  'sign), and its answer back (fasten witness accept).'
export const options: readonly OptionSpec[] = [
  { name: 'log', value: '<log>', summary: 'the log' },
  {
    name: 'old',
    value: '<number>',
    summary: 'how many rows the witness saw last (default: those of the newest cosigned checkpoint)',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  {
    name: 'out',
    short: 'o',
    value: '<file>',
    summary: 'where to write it; standard output otherwise',
    isFile: true,
  },
  ...targetOptions.filter((option) => option.name === 'store'),
]

export async function run(args: Args, world: World): Promise<number> {
  const [
    { placeOfLog },
    { openForReading },
    { newestCheckpoint, witnessRequest },
    { writeFile },
    { resolve },
  ] = await Promise.all([
    import('../places.ts'),
    import('../../store/open.ts'),
    import('../../store/witness/witness-request.ts'),
    import('node:fs/promises'),
    import('node:path'),
  ])
  const log = args.text('log')
  if (log === undefined)
    throw usageError('BAD_OPTION', 'a log is needed', { hint: 'give --log, as fasten key show names it' })
  const place = placeOfLog(log, targetOf(args, world.env), world.env)
  const store = await openForReading(place.text, { at: place.at })
  try {
    const cosigned = (await store.checkpoints?.({ log }))?.find(({ cosignatures }) => cosignatures > 0)
    const old = args.count('old') ?? cosigned?.size ?? 0
    const request = await witnessRequest(store, await newestCheckpoint(store, log), old)
    const out = args.text('out')
    if (out === undefined) await world.out.write(request)
    else await writeFile(resolve(world.cwd, out), request)
    return exitCodes.ok
  } finally {
    await store.close()
  }
}
