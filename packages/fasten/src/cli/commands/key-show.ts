// SPDX-License-Identifier: Apache-2.0
import { streams } from '../../core/row.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { jsonLine } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'key show'
export const summary = 'print the keys that sign the logs of a store, for an auditor to keep'
export const description =
  'One line for each log: its name, the id of its key, and the public key. Hand the lines to an auditor by another way than the one the ' +
  'rows will come by; fasten verify --key reads them. Private keys are never printed.'
export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'one JSON object a line' },
  ...targetOptions.filter((option) => option.name === 'store'),
]
export const examples = [['fasten key show > auditor.keys', 'the keys of every log of the store']] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ placesOf }, { existingSigning }, { openForReading }, { logKeyText }, { sha256 }] =
    await Promise.all([
      import('../places.ts'),
      import('../signing.ts'),
      import('../../store/open.ts'),
      import('../../store/keys/key-facts.ts'),
      import('../../store/platform.ts'),
    ])
  let shown = 0
  for (const place of placesOf(targetOf(args, world.env), world.env)) {
    const signing = existingSigning(place, world.env)
    if (signing === undefined) continue
    const store = await openForReading(place.text, { at: place.at })
    try {
      const { publicKey } = signing.signer()
      const heads = (await store.heads()).filter(({ stream }) => place.streams.includes(stream))
      const order = (stream: (typeof streams)[number]): number => streams.indexOf(stream)
      for (const { log } of heads.toSorted((one, other) => order(one.stream) - order(other.stream))) {
        const key = logKeyText(log, publicKey, sha256)
        await world.out.line(args.flag('json') ? jsonLine({ log, key }) : key)
        shown++
      }
    } finally {
      await store.close()
    }
  }
  if (shown > 0) return exitCodes.ok
  throw usageError('BAD_ARGUMENT', 'nothing is signed here yet', {
    hint: 'the key is made when a service first writes; FASTEN_SIGNING=off means that none ever is',
  })
}
