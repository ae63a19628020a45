// SPDX-License-Identifier: Apache-2.0
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { counted } from '../print/values.ts'
import { jsonLine } from '../../core/visible.ts'
import { targetOptions } from '../target.ts'

export const name = 'privacy rekey'
export const summary = "wrap every person's data keys under the newest key for personal data"
export const description =
  'For a change of the key that FASTEN_PRIVACY_KEY, FASTEN_PRIVACY_KEY_FILE or privacy.key gives: put the new key before the old one and ' +
  'restart the services, or let --new-key do the former; then run this. Values open without the old key from then on. Keep the old ' +
  'key for as long as you look for rows by an actor or target that was sealed under it. Broken off, it goes on when run again.'
export const options: readonly OptionSpec[] = [
  {
    name: 'new-key',
    summary: 'first put a new key before the others in privacy.key, where fasten made that file',
  },
  { name: 'dry-run', summary: 'only count' },
  { name: 'json', short: 'j', summary: 'one JSON object' },
  ...targetOptions.filter((option) => option.name === 'store'),
]
export const examples = [
  ['fasten privacy rekey --new-key', 'a new key, and everything wrapped under it'],
  ['fasten privacy rekey --dry-run', 'how much is not wrapped under the newest key'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ openPrivacyPlace, ringOf }, { rekey }, { fullEnv }] = await Promise.all([
    import('../privacy-place.ts'),
    import('../../store/privacy/rekey.ts'),
    import('../places.ts'),
  ])
  const isDry = args.flag('dry-run')
  const { store, personal, places, place } = await openPrivacyPlace(args, world)
  try {
    const env = fullEnv(world.env)
    if (args.flag('new-key')) await makeKey(places.keyFile, isDry, env)
    // Read again: it may be another one now.
    const ring = ringOf(place, env)
    if (ring === null) throw new TypeError('the key was there a moment ago')
    const rekeyed = await rekey(personal.keys, ring, { isDry })
    if (args.flag('json')) await world.out.line(jsonLine(rekeyed))
    else {
      await world.out.line(
        `${isDry ? 'would wrap' : 'wrapped'} ${counted(rekeyed.rewrapped, 'data key')} under the key ${rekeyed.kek}`,
      )
      if (rekeyed.unopened > 0)
        await world.err.line(
          `${counted(rekeyed.unopened, 'data key')} stay as they are: the key that wraps them is not at hand`,
        )
    }
    return rekeyed.unopened > 0 ? exitCodes.findings : exitCodes.ok
  } finally {
    await store.close()
  }
}

async function makeKey(
  path: string,
  isDry: boolean,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if (isDry) throw usageError('BAD_OPTION', '--new-key and --dry-run contradict each other')
  if (env['FASTEN_PRIVACY_KEY'] || env['FASTEN_PRIVACY_KEY_FILE'])
    throw usageError('BAD_OPTION', 'the key in use was given, so fasten cannot replace it', {
      hint: 'make one with openssl rand -base64 32, put it before the old one, and run this without --new-key',
    })
  const [{ putNewPrivacyKey }, { createSystemRandom }] = await Promise.all([
    import('../../store/privacy/new-privacy-key.ts'),
    import('../../store/platform.ts'),
  ])
  putNewPrivacyKey(path, createSystemRandom())
}
