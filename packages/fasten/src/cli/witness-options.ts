// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path'
import { formatVerifierKey, verifierKey } from '../core/verifier-key.ts'
import type { WitnessAnswer } from '../core/witness.ts'
import { openNodeKeyPair } from '../store/keys/node-key.ts'
import { createSystemIds, noteCrypto, sha256 } from '../store/platform.ts'
import { openWitness } from '../store/witness/witness-state.ts'
import { usageError, type Args, type OptionSpec, type World } from './command.ts'
import { keysIn } from './signing.ts'

/** What a command needs to act as a witness. */
export const witnessOptions: readonly OptionSpec[] = [
  { name: 'name', value: '<name>', summary: 'the name of this witness, e.g. witness.example.org/w1' },
  { name: 'key', value: '<file>', summary: 'its key file; made on first use', isFile: true },
  {
    name: 'log-key',
    value: '<key|file>',
    summary: 'key of a log that it witnesses, or a file of such lines; repeatable',
    isRepeatable: true,
    isFile: true,
  },
  {
    name: 'state',
    value: '<file>',
    summary: 'where it remembers what it cosigned; it must never be lost',
    isFile: true,
  },
]

export interface OpenWitness {
  /** For the policy of whoever verifies. */
  readonly key: string
  answer(request: string | Uint8Array): WitnessAnswer
}

/** The witness of a command line. Throws `BAD_OPTION`, `KEY_…`, `BAD_VERIFIER_KEY` and `WITNESS_STATE`. */
export function witnessOf(args: Args, world: World): OpenWitness {
  const [name, keyFile, state] = (['name', 'key', 'state'] as const).map((option) => {
    const value = args.text(option)
    if (value === undefined)
      throw usageError('BAD_OPTION', `a witness needs --${option}`, { hint: 'see fasten help witness serve' })
    return value
  }) as [string, string, string]
  const logs = args.list('log-key').flatMap((text) => keysIn('log-key', text, world))
  if (logs.length === 0)
    throw usageError('BAD_OPTION', 'a witness needs --log-key', {
      hint: 'the operator prints it with fasten key show',
    })
  const { publicKey, sign } = openNodeKeyPair(resolve(world.cwd, keyFile), createSystemIds())
  const signer = { key: verifierKey(name, 'cosignature/v1', publicKey, sha256), sign }
  const { answer } = openWitness(resolve(world.cwd, state), () => ({
    logs,
    signer,
    now: Math.floor(world.clock.nowMicros() / 1_000_000),
    crypto: noteCrypto,
  }))
  return { key: formatVerifierKey(signer.key), answer }
}
