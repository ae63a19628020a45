// SPDX-License-Identifier: Apache-2.0
import { streams } from '../../core/row.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { jsonLine } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'checkpoint'
export const summary = 'sign the ends of the logs now, and print the newest checkpoint of each'
export const description =
  'Signs every log that has rows behind its newest checkpoint, with the key of this machine, and prints what an auditor may keep: three lines ' +
  'and their signatures. A checkpoint that was kept elsewhere shows later what was changed or cut off: fasten verify --checkpoint.'
export const options: readonly OptionSpec[] = [
  { name: 'log', value: '<log>', summary: 'only this log' },
  { name: 'read-only', summary: 'sign nothing; print what was signed last' },
  { name: 'json', short: 'j', summary: 'one JSON object a line' },
  ...targetOptions.filter((option) => option.name === 'store'),
]
export const examples = [
  ['fasten checkpoint --log _/shop/edge-07/audit > kept.txt', 'one to keep, on paper if need be'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ placesOf }, { existingSigning, signNow }, { openForReading }] = await Promise.all([
    import('../places.ts'),
    import('../signing.ts'),
    import('../../store/open.ts'),
  ])
  const only = args.text('log')
  let printed = 0
  for (const place of placesOf(targetOf(args, world.env), world.env)) {
    const signing = args.flag('read-only') ? undefined : existingSigning(place, world.env)
    if (signing !== undefined) await signNow(place, signing, world)
    const store = await openForReading(place.text, { at: place.at })
    try {
      const newest = (await store.checkpoints?.({})) ?? []
      for (const { log, size, root, note, signed_at, cosignatures } of newest) {
        if (only !== undefined && log !== only) continue
        if (!streams.some((stream) => place.streams.includes(stream) && log.includes(`/${stream}`))) continue
        if (printed++ > 0 && !args.flag('json')) await world.out.line('')
        if (args.flag('json'))
          await world.out.line(jsonLine({ log, size, root, signed_at, cosignatures, note }))
        else await world.out.write(note)
      }
    } finally {
      await store.close()
    }
  }
  if (printed > 0) return exitCodes.ok
  throw usageError(
    'BAD_ARGUMENT',
    only === undefined ? 'no log has a checkpoint' : `${JSON.stringify(only)} has no checkpoint`,
    {
      hint: 'logs are signed when a service writes; see fasten key show',
    },
  )
}
