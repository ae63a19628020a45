// SPDX-License-Identifier: Apache-2.0
import { openCheckpoint, openCosignedCheckpoint } from '../../core/checkpoint.ts'
import { FastenError } from '../../core/error.ts'
import { parseNote } from '../../core/note.ts'
import { verifierKey, type VerifierKey } from '../../core/verifier-key.ts'
import type { Signing } from '../keys/signing.ts'
import { noteCrypto, sha256 } from '../platform.ts'
import type { Store, StoredCheckpoint } from '../ports.ts'
import { keepCosignatures } from '../witness/witness-request.ts'

/**
 * Keeps the line by which a fleet cosigned a checkpoint with that checkpoint, where it holds: whoever verifies may then count the fleet as a
 * witness. `forged` when it does not hold under the fleet's key; `unknown` when the checkpoint is of a key that this process does not have. Nothing is
 * kept then, and nothing is lost: the next checkpoint is cosigned as well.
 */
export async function keepFleetCosignature(
  store: Store,
  signing: Signing | undefined,
  checkpoint: StoredCheckpoint,
  line: string,
  witness: VerifierKey,
): Promise<'kept' | 'forged' | 'unknown'> {
  const { seals } = store
  if (seals === undefined || signing === undefined) return 'unknown'
  const { log, size } = checkpoint
  // A witness may have cosigned it while it was on its way.
  const [latest = checkpoint] = (await store.checkpoints?.({ log, size })) ?? []
  const key = verifierKey(log, 'ed25519', signing.signer().publicKey, sha256)
  try {
    await keepCosignatures(seals, latest, `${line}\n`, { logs: [key], witnesses: [witness] })
    return 'kept'
  } catch (error) {
    if (!(error instanceof FastenError && error.code.startsWith('NOTE_'))) throw error
    return isSignedBy(latest.note, key) ? 'forged' : 'unknown'
  }
}

function isSignedBy(note: string, key: VerifierKey): boolean {
  try {
    openCheckpoint(note, { logs: [key] }, noteCrypto)
    return true
  } catch (error) {
    if (error instanceof FastenError) return false
    throw error
  }
}

/** Whether a line is this witness's cosignature under this very checkpoint. */
export function isCosigned({ note }: StoredCheckpoint, line: string, witness: VerifierKey): boolean {
  const { text } = parseNote(note)
  try {
    return openCosignedCheckpoint(`${text}\n${line}\n`, witness, noteCrypto).text === text
  } catch (error) {
    if (error instanceof FastenError) return false
    throw error
  }
}
