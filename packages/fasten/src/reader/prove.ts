// SPDX-License-Identifier: Apache-2.0
import { parseCheckpoint } from '../core/checkpoint.ts'
import { FastenError } from '../core/error.ts'
import { parseNote } from '../core/note.ts'
import { formatTlogProof } from '../core/tlog-proof.ts'
import { createNodeCollector, inclusionPlan, proofFrom } from '../core/tree-proof.ts'
import { sha256 } from '../store/platform.ts'
import type { RowSource, StoredCheckpoint } from '../store/ports.ts'

export interface RowProof {
  /** The text of a `.tlog-proof` file, with the row's leaf as its extra data. */
  readonly file: string
  /** Rows of the checkpoint. */
  readonly size: number
  /** From the row's sibling up, lower-case hex. */
  readonly path: readonly string[]
}

/**
 * The proof that a row is in its log, against the newest checkpoint that covers it, preferring one that witnesses have cosigned. Reads the
 * hash of every row below that checkpoint's size. Throws FastenError `PROOF_IMPOSSIBLE` when no checkpoint covers the row yet,
 * when its bytes are gone, or when the hashes do not make the root that was signed.
 */
export async function proveRow(
  source: RowSource,
  { log, monotonic_seq: index }: { readonly log: string; readonly monotonic_seq: number },
): Promise<RowProof> {
  const checkpoint = await coveringCheckpoint(source, log, index)
  const { size, root } = parseCheckpoint(parseNote(checkpoint.note).text)
  const plan = inclusionPlan(index, size)
  const collector = createNodeCollector(plan, sha256)
  for (let from = 0; from < size;) {
    const hashes = (await source.leafHashes?.(log, from, Math.min(size, from + pageRows))) ?? []
    if (hashes.length === 0) throw impossible(log, `row ${from} is missing`, 'run fasten verify')
    for (const hash of hashes) collector.append(hash)
    from += hashes.length
  }
  if (collector.root() !== root)
    throw impossible(
      log,
      `the first ${size} rows do not make the root that was signed`,
      'run fasten verify; it names what was changed',
    )
  const path = proofFrom(plan, collector.nodeAt, sha256)
  const extra = await leafAt(source, log, index)
  return { file: formatTlogProof({ extra, index, path, checkpoint: checkpoint.note }), size, path }
}

async function coveringCheckpoint(source: RowSource, log: string, index: number): Promise<StoredCheckpoint> {
  const all = (await source.checkpoints?.({ log })) ?? []
  const covering = all.filter(({ size }) => size > index)
  const best = covering.find(({ cosignatures }) => cosignatures > 0) ?? covering[0]
  if (best !== undefined) return best
  throw impossible(
    log,
    `no signed checkpoint covers row ${index}`,
    'sign one with fasten checkpoint; with FASTEN_SIGNING=off there never is one',
  )
}

async function leafAt(source: RowSource, log: string, index: number): Promise<Uint8Array> {
  for await (const { monotonic_seq, leaf } of source.evidence(log, index, index)) {
    if (monotonic_seq === index && leaf !== null) return leaf
  }
  throw impossible(
    log,
    `the bytes of row ${index} are gone`,
    'a row that has expired can still be cited by its hash',
  )
}

function impossible(log: string, why: string, hint: string): FastenError {
  return new FastenError('PROOF_IMPOSSIBLE', why, { at: log, hint })
}

const pageRows = 16_384
