// SPDX-License-Identifier: Apache-2.0
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { jsonLine } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'key rotate'
export const summary =
  'replace the key that signs, and record it in every log, signed with the old key and the new'
export const description =
  'Each log gets a KEY_ROTATED row that both keys signed, so that an auditor who holds the old key follows to the new one. The old key file ' +
  'is archived; running services sign with the new one from their next checkpoint on. Broken off half-way, it goes on when run again. ' +
  'With --revoke it says that the old key is in wrong hands.'
export const options: readonly OptionSpec[] = [
  {
    name: 'revoke',
    summary: 'the old key is in wrong hands: nothing that only it signed is believed from here on',
  },
  {
    name: 'new-key',
    value: '<file>',
    summary: 'the key to change to, where the key in use was given (FASTEN_NODE_KEY, FASTEN_NODE_KEY_FILE)',
    isFile: true,
  },
  { name: 'json', short: 'j', summary: 'one JSON object a line' },
  ...targetOptions.filter((option) => option.name === 'store'),
]
export const examples = [
  ['fasten key rotate > new.keys', 'and hand the new lines to whoever has the old ones'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [
    { placesOf },
    signing,
    rotate,
    { openNodeKey },
    { openStore, sealingOf },
    { createSystemIds, sha256 },
    { resolve },
  ] = await Promise.all([
    import('../places.ts'),
    import('../signing.ts'),
    import('../../store/keys/rotate.ts'),
    import('../../store/keys/node-key.ts'),
    import('../../store/open.ts'),
    import('../../store/platform.ts'),
    import('node:path'),
  ])
  const ids = createSystemIds()
  const file = args.text('new-key')
  /** Key files of ours, each of which several stores may share. */
  const ours = new Map<string, () => string>()
  let count = 0
  for (const place of placesOf(targetOf(args, world.env), world.env)) {
    const plan = signing.signingPlanOf(place, world.env)
    const opened = signing.existingSigning(place, world.env)
    if (plan === null || opened === undefined) continue
    const { key } = plan
    const isOurs = key.kind === 'file' && key.isOurs
    if (isOurs === (file !== undefined)) throw otherKey(isOurs)
    const old = opened.signer()
    const next =
      file === undefined ? rotate.prepareNextKey(pathOf(plan), ids) : openNodeKey(resolve(world.cwd, file))
    if (isOurs) ours.set(pathOf(plan), () => rotate.takeNextKey(pathOf(plan), old, ids))
    const target = { dsn: place.dsn, streams: place.streams }
    const store = await openStore(target, { digest: sha256, clock: world.clock, ids, signing: opened })
    try {
      const rotated = await rotate.rotateLogs(store, {
        old,
        next,
        isRevoked: args.flag('revoke'),
        memory: opened.memory,
        clock: world.clock,
        tableOf: sealingOf(target, opened).tableOf,
      })
      await world.out.lines(rotated.map((each) => (args.flag('json') ? jsonLine(each) : each.key)))
      count += rotated.length
    } finally {
      await store.close()
    }
  }
  if (count === 0) {
    throw usageError('BAD_ARGUMENT', 'no log here names a key that could be replaced', {
      hint: 'the key is named when a service first writes; see fasten key show',
    })
  }
  for (const take of ours.values()) await world.err.line(`the old key is kept in ${take()}`)
  if (file !== undefined)
    await world.err.line(`now let FASTEN_NODE_KEY or FASTEN_NODE_KEY_FILE give ${file} to every service`)
  return exitCodes.ok
}

function pathOf({ key }: { readonly key: { readonly kind: string; readonly path?: string } }): string {
  return key.path ?? ''
}

function otherKey(isOurs: boolean): Error {
  return isOurs
    ? usageError('BAD_OPTION', '--new-key, where fasten made the key itself', {
        hint: 'leave it out: the next key is made as well',
      })
    : usageError('BAD_OPTION', 'the key in use was given, so fasten cannot replace it', {
        hint: 'make one with openssl genpkey -algorithm ed25519 -out next.key, and name it with --new-key next.key',
      })
}
