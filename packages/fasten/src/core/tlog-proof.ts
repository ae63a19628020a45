// SPDX-License-Identifier: Apache-2.0
import { openCheckpoint, type CheckpointKeys, type TrustedCheckpoint } from './checkpoint.ts'
import { FastenError } from './error.ts'
import { noteBytesMax } from './note.ts'
import { decodeUtf8, fromBase64, hashFromBase64, hashToBase64, parseCount, toBase64 } from './octets.ts'
import type { NoteCrypto } from './signature.ts'
import { isIncluded } from './tree-proof.ts'

/** More hashes than any tree is high; longer paths are refused. */
export const pathHashesMax = 63

const firstLine = 'c2sp.org/tlog-proof@v1'

/** One file that shows, offline, that a row was in its log. Everything in it is a claim until `openTlogProof`. */
export interface TlogProof {
  /** What the row's hash is computed from, or anything else that helps; signed by nobody. We put the leaf there. */
  readonly extra?: Uint8Array
  readonly index: number
  /** Hashes in lower-case hex, from the row's sibling up. */
  readonly path: readonly string[]
  /** The note, with all its signatures. */
  readonly checkpoint: string
}

/** The text of a `.tlog-proof` file. Throws a TypeError for a path longer than `pathHashesMax`. */
export function formatTlogProof({ extra, index, path, checkpoint }: TlogProof): string {
  if (path.length > pathHashesMax) throw new TypeError(`a path has no ${path.length} hashes`)
  return [
    firstLine,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...path.map(hashToBase64),
    '',
    checkpoint,
  ].join('\n')
}

/** Throws FastenError `PROOF_MALFORMED`. Of the checkpoint only its beginning is found here. */
export function parseTlogProof(file: string | Uint8Array): TlogProof {
  const text = typeof file === 'string' ? file : decodeUtf8(file.subarray(0, 2 * noteBytesMax))
  if (text === undefined) throw malformed('it is not UTF-8')
  const blank = text.indexOf('\n\n')
  if (blank < 0) throw malformed('no blank line parts proof and checkpoint')
  const [first, ...lines] = text.slice(0, blank).split('\n')
  if (first !== firstLine) throw malformed(`its first line is not ${firstLine}`)
  const extraLine = lines[0]?.startsWith('extra ') === true ? lines.shift() : undefined
  const extra = extraLine === undefined ? undefined : fromBase64(extraLine.slice('extra '.length))
  if (extraLine !== undefined && extra === undefined) throw malformed('its extra data is not base64')
  const indexLine = lines.shift() ?? ''
  const index = indexLine.startsWith('index ') ? parseCount(indexLine.slice('index '.length)) : undefined
  if (index === undefined) throw malformed(`"${indexLine.slice(0, 40)}" is not its index`)
  return {
    ...(extra === undefined ? {} : { extra }),
    index,
    path: parsePath(lines, malformed),
    checkpoint: text.slice(blank + 2),
  }
}

/**
 * The checkpoint of a proof, once one of `keys` is found to have signed it and the row with hash `leafHash` is found to be included.
 * Throws FastenError as `openCheckpoint`, and `PROOF_WRONG` when the path leads elsewhere.
 */
export function openTlogProof(
  proof: TlogProof,
  leafHash: string,
  keys: CheckpointKeys,
  crypto: NoteCrypto,
): TrustedCheckpoint {
  const checkpoint = openCheckpoint(proof.checkpoint, keys, crypto)
  const { index, path } = proof
  if (!isIncluded({ index, path, leafHash }, checkpoint, crypto.digest))
    throw new FastenError('PROOF_WRONG', `row ${index} with hash ${leafHash.slice(0, 16)}… is not shown`, {
      at: checkpoint.origin,
      hint: 'the row or its proof was changed, or the proof is of another row',
    })
  return checkpoint
}

/** Hashes in base64, one a line, as proofs and witness requests have them. Throws what `refuse` makes of the reason. */
export function parsePath(lines: readonly string[], refuse: (why: string) => Error): readonly string[] {
  if (lines.length > pathHashesMax) throw refuse(`it has ${lines.length} hashes`)
  return lines.map((line) => {
    const hash = hashFromBase64(line)
    if (hash === undefined) throw refuse(`"${line.slice(0, 60)}" is not the base64 of a hash`)
    return hash
  })
}

function malformed(why: string): FastenError {
  return new FastenError('PROOF_MALFORMED', `this is no tlog-proof: ${why}`)
}
