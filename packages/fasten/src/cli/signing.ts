// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { keySettings } from '../capture/config.ts'
import { planSigning } from '../capture/open-lane.ts'
import type { Trust } from '../core/anchor.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { FastenError, systemCode } from '../core/error.ts'
import { parseNote } from '../core/note.ts'
import { parseTlogPolicy, policyKeys } from '../core/tlog-policy.ts'
import { parseVerifierKey, type VerifierKey } from '../core/verifier-key.ts'
import { openSealedMemory } from '../store/keys/sealed-memory.ts'
import { openSigning, type Signing, type SigningPlan } from '../store/keys/signing.ts'
import { openStore, sealingOf } from '../store/open.ts'
import { createSystemIds, sha256 } from '../store/platform.ts'
import { createSealer } from '../store/seal/sealer.ts'
import { usageError, type Args, type World } from './command.ts'
import { fullEnv, type Env, type Place } from './places.ts'

/** What the command line gives. Throws `BAD_VERIFIER_KEY`, `BAD_POLICY`, and `BAD_OPTION` for a file that cannot be read. */
export function trustOf(args: Args, world: World): Trust {
  const policyText = args.text('policy')
  const policy =
    policyText === undefined ? undefined : parseTlogPolicy(fileText('policy', policyText, world), sha256)
  const keys = policy && policyKeys(policy)
  return {
    logs: [...args.list('key').flatMap((text) => keysIn('key', text, world)), ...(keys?.logs ?? [])],
    own: [],
    witnesses: [
      ...args.list('witness').flatMap((text) => keysIn('witness', text, world)),
      ...(keys?.witnesses ?? []),
    ],
    ...(policy === undefined ? {} : { policy }),
    kept: args
      .list('checkpoint')
      .flatMap((file) => checkpointsIn(file, world).map((note) => ({ note, from: file }))),
  }
}

/** With what this machine knows of its own stores: the key file's public half, and the checkpoints that are remembered beside it. */
export function withOwn(trust: Trust, places: readonly Place[], env: Env): Trust {
  const own: Uint8Array[] = []
  const kept = [...trust.kept]
  for (const place of places) {
    const plan = signingPlanOf(place, env)
    if (plan === null) continue
    if (plan.memory !== null)
      for (const { note } of openSealedMemory(plan.memory).all())
        kept.push({ note, from: 'the memory beside the key' })
    if (plan.key.kind !== 'file' || existsSync(plan.key.path)) {
      const signer = existingSigning(place, env)?.signer()
      if (signer !== undefined) own.push(signer.publicKey)
    }
  }
  return { ...trust, own, kept }
}

/** How the environment says that a place is signed; null where it is not. */
export function signingPlanOf(place: Place, processEnv: Env): SigningPlan | null {
  return planSigning(place.dsn, keySettings(fullEnv(processEnv)))
}

/** The signing of a place that there is: makes no key. Throws `KEY_…`; undefined where nothing is signed. */
export function existingSigning(place: Place, env: Env): Signing | undefined {
  const plan = signingPlanOf(place, env)
  if (plan === null) return undefined
  const key = plan.key.kind === 'file' ? { ...plan.key, isOurs: false } : plan.key
  return openSigning({ ...plan, key }, createSystemIds())
}

/**
 * The checkpoints of a file, as `fasten checkpoint` prints those of several logs: a blank line lies between. Throws `BAD_OPTION` for one
 * that is none: it would be compared with nothing, and nobody would know. Whether it is believed is for others to say.
 */
export function checkpointsIn(file: string, world: World): readonly string[] {
  const text = fileText('checkpoint', file, world)
  const notes = `${text.trimEnd()}\n`.split(/(?<=^— .*\n)\n+/m).filter((note) => note !== '')
  try {
    for (const note of notes) parseCheckpoint(parseNote(note).text)
    return notes
  } catch (error) {
    if (!(error instanceof FastenError)) throw error
    throw usageError('BAD_OPTION', `--checkpoint "${file}" holds no checkpoint: ${error.message}`, {
      hint: 'give the very bytes that fasten checkpoint printed: a line end that a mail program changed is enough to spoil them',
    })
  }
}

/** One key, or a file with one on each line; blank lines and those that begin with # are passed over. */
export function keysIn(option: string, text: string, world: World): readonly VerifierKey[] {
  if (/^[^+\s]+\+[0-9a-f]{8}\+/.test(text)) return [parseVerifierKey(text, sha256)]
  const lines = fileText(option, text, world).split('\n')
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => parseVerifierKey(line, sha256))
}

export function fileText(option: string, file: string, world: World): string {
  try {
    return readFileSync(resolve(world.cwd, file), 'utf8')
  } catch (error) {
    throw usageError(
      'BAD_OPTION',
      `--${option} ${JSON.stringify(file)} cannot be read: ${systemCode(error) ?? String(error)}`,
      {
        hint: 'name a file, or give the text of a key as fasten key show prints it',
      },
    )
  }
}

/** Signs what is unsigned in the store of a place. Throws what kept it from signing. */
export async function signNow(place: Place, signing: Signing, world: Pick<World, 'clock'>): Promise<void> {
  const target = { dsn: place.dsn, streams: place.streams }
  const parts = { digest: sha256, clock: world.clock, ids: createSystemIds(), signing }
  const store = await openStore(target, parts)
  try {
    const sealer = createSealer({
      ...sealingOf(target, signing),
      store: async () => store,
      clock: world.clock,
      onFailure: () => {},
      onSealed: () => {},
    })
    await sealer.sealNow()
    await sealer.stop()
  } finally {
    await store.close()
  }
}
