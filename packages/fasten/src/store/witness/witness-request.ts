// SPDX-License-Identifier: Apache-2.0
import { parseCheckpoint } from '../../core/checkpoint.ts'
import { FastenError } from '../../core/error.ts'
import { createNodeCollector, consistencyPlan, proofFrom } from '../../core/tree-proof.ts'
import { parseNote } from '../../core/note.ts'
import type { VerifierKey } from '../../core/verifier-key.ts'
import { addCosignatures, formatCheckpointRequest } from '../../core/witness.ts'
import { noteCrypto, sha256 } from '../platform.ts'
import type { CheckpointStore, RowSource, StoredCheckpoint } from '../ports.ts'

/** The newest checkpoint of a log. Throws FastenError `PROOF_IMPOSSIBLE` when it has none. */
export async function newestCheckpoint(source: RowSource, log: string): Promise<StoredCheckpoint> {
  const [newest] = (await source.checkpoints?.({ log, limit: 1 })) ?? []
  if (newest !== undefined) return newest
  throw new FastenError('PROOF_IMPOSSIBLE', `${log} has no signed checkpoint`, {
    at: log,
    hint: 'sign one with fasten checkpoint',
  })
}

/**
 * The `add-checkpoint` request for a checkpoint, to a witness that knows the first `old` rows (0: none). Reads the hash of every row. Throws
 * FastenError `PROOF_IMPOSSIBLE` when rows are missing or are not what was signed.
 */
export async function witnessRequest(
  source: RowSource,
  { log, note }: StoredCheckpoint,
  old: number,
): Promise<string> {
  const { size, root } = parseCheckpoint(parseNote(note).text)
  const refuse = (why: string): FastenError =>
    new FastenError('PROOF_IMPOSSIBLE', why, { at: log, hint: 'run fasten verify' })
  if (old > size) throw refuse(`the witness has seen ${old} rows, the newest checkpoint has ${size}`)
  const plan = consistencyPlan(old, size)
  const collector = createNodeCollector(plan, sha256)
  for (let from = 0; from < size;) {
    const hashes = (await source.leafHashes?.(log, from, Math.min(size, from + 16_384))) ?? []
    if (hashes.length === 0) throw refuse(`row ${from} is missing`)
    for (const hash of hashes) collector.append(hash)
    from += hashes.length
  }
  if (collector.root() !== root) throw refuse(`the first ${size} rows do not make the root that was signed`)
  return formatCheckpointRequest({ old, path: proofFrom(plan, collector.nodeAt, sha256), checkpoint: note })
}

/** Keeps a witness's answer with the checkpoint it cosigned. Throws FastenError as `addCosignatures`: what no known witness signed is not kept. */
export async function keepCosignatures(
  seals: CheckpointStore,
  checkpoint: StoredCheckpoint,
  answer: string,
  keys: { readonly logs: readonly VerifierKey[]; readonly witnesses: readonly VerifierKey[] },
): Promise<StoredCheckpoint> {
  const note = addCosignatures(checkpoint.note, answer, keys, noteCrypto)
  const cosigned = { ...checkpoint, note, cosignatures: parseNote(note).signatures.length - 1 }
  await seals.put([cosigned])
  return cosigned
}
