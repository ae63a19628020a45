// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts'
import { FastenError } from './error.ts'

/** Where a log ends: what the next row needs to know of it. */
export interface Head {
  readonly log: string
  /** Rows in the log, which is the next `monotonic_seq`. */
  readonly size: number
  /** Hash of the newest row, or `genesis` in an empty log. */
  readonly head_hash: string
}

export interface Chained {
  /** The bytes that were hashed; they are stored and shipped verbatim. Copy them to keep them: they share a larger block. */
  readonly leaf: Uint8Array
  /** 64 lower-case hex: the citation of this row and the `prev_hash` of the next. */
  readonly hash: string
  /** The head after this row. */
  readonly head: Head
}

/** What `prev_hash` of row 0 says. */
export const genesis = 'genesis'

/** The longest leaf in bytes: entry bundles of tlog-tiles count with sixteen bits. */
export const leafBytesMax = 65_535

/**
 * Gives a draft its place behind `head`: fills the three openings of `draftText` and hashes the result. Pure; the store
 * calls it inside the transaction that read `head` and inserts the row.
 *
 * Throws FastenError `DRAFT_MALFORMED` when `text` is not a draft with exactly three openings, and `ROW_TOO_LARGE` when the
 * leaf would exceed `leafBytesMax`. Source: spec/chain.md#place.
 */
export function chain(text: Uint8Array, head: Head, digest: Digest): Chained {
  // Plain bytes: a Buffer's own methods cross into native code each time, which doubles the cost of a row.
  const draft = new Uint8Array(text.buffer, text.byteOffset, text.length)
  const first = draft.indexOf(0)
  const second = draft.indexOf(0, first + 1)
  const third = draft.indexOf(0, second + 1)
  const isDraft =
    first > 1 &&
    second > first &&
    third > second &&
    draft.indexOf(0, third + 1) === -1 &&
    draft[0] === openBrace &&
    draft[third + 1] === comma &&
    draft[draft.length - 1] === closeBrace
  if (!isDraft) throw malformed(text, head)

  const log = logMember(head.log)
  const seq = String(head.size)
  const seqLength = seqOpening.length + seq.length
  const prevLength = prevOpening.length + head.head_hash.length + 1
  const size = draft.length - 3 + log.length + seqLength + prevLength
  if (size > leafBytesMax) throw tooLarge(size, head)

  // One byte more than the leaf, so that the 0x00 that marks a leaf hash stands before it without a second copy.
  const bytes = takeBytes(size + 1)
  bytes.set(draft, 1)
  // The parts behind each opening move right, the last part first, and leave room for what was missing.
  const prevAt = third + log.length + seqLength - 1
  const seqAt = second + log.length
  bytes.copyWithin(prevAt + prevLength, third + 2, draft.length + 1)
  bytes.copyWithin(seqAt + seqLength, second + 2, third + 1)
  bytes.copyWithin(first + 1 + log.length, first + 2, second + 1)
  bytes.set(log, first + 1)
  writeAscii(bytes, writeAscii(bytes, seqAt, seqOpening), seq)
  bytes[writeAscii(bytes, writeAscii(bytes, prevAt, prevOpening), head.head_hash)] = quote

  const hash = digest(bytes)
  return { leaf: bytes.subarray(1), hash, head: { log: head.log, size: head.size + 1, head_hash: hash } }
}

/** SHA-256(0x00 ‖ leaf), the leaf hash of RFC 6962, as 64 lower-case hex. */
export function leafHash(leaf: Uint8Array, digest: Digest): string {
  const bytes = new Uint8Array(leaf.length + 1)
  bytes.set(leaf, 1)
  return digest(bytes)
}

const [openBrace, closeBrace, comma, quote] = [0x7b, 0x7d, 0x2c, 0x22]
const seqOpening = ',"monotonic_seq":'
const prevOpening = ',"prev_hash":"'

const blockBytes = 65_536
let block = new Uint8Array()
let blockUsed = 0

/** Fresh bytes, all 0, cut from a larger block: one allocation for some hundred rows costs a third of one for each. */
function takeBytes(size: number): Uint8Array {
  if (blockUsed + size > block.length) {
    block = new Uint8Array(Math.max(blockBytes, size))
    blockUsed = 0
  }
  blockUsed += size
  return block.subarray(blockUsed - size, blockUsed)
}

let cachedLog = ''
let cachedMember = new Uint8Array()

/** `,"log":"…"` as UTF-8. Rows come in runs of one log, so the last answer is kept. */
function logMember(log: string): Uint8Array {
  if (log !== cachedLog) {
    cachedMember = new TextEncoder().encode(`,"log":${JSON.stringify(log)}`)
    cachedLog = log
  }
  return cachedMember
}

/** The index after the text. */
function writeAscii(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index)
  return at + text.length
}

function malformed(text: Uint8Array, head: Head): FastenError {
  return new FastenError(
    'DRAFT_MALFORMED',
    `a draft of ${text.length} bytes does not have exactly three open places`,
    {
      at: head.log,
      hint: 'the bytes were not written by draftText, or were damaged since',
    },
  )
}

function tooLarge(size: number, head: Head): FastenError {
  return new FastenError('ROW_TOO_LARGE', `a leaf of ${size} bytes exceeds ${leafBytesMax}`, {
    at: head.log,
    hint: 'lower FASTEN_MAX_DETAIL_BYTES so that large details are cut before they are stored',
  })
}
