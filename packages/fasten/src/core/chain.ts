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
  /** The bytes that were hashed; they are stored and shipped verbatim. */
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
  const first = text.indexOf(0)
  const second = text.indexOf(0, first + 1)
  const third = text.indexOf(0, second + 1)
  const isDraft =
    first > 1 && second > first && third > second && text.indexOf(0, third + 1) === -1 &&
    text[0] === openBrace && text[third + 1] === comma && text[text.length - 1] === closeBrace
  if (!isDraft) throw malformed(text, head)

  const log = logMember(head.log)
  const seq = `,"monotonic_seq":${head.size}`
  const prev = `,"prev_hash":"${head.head_hash}"`
  const size = text.length - 3 + log.length + seq.length + prev.length
  if (size > leafBytesMax) throw tooLarge(size, head)

  // One byte more than the leaf, so that the 0x00 that marks a leaf hash stands before it without a second copy.
  const bytes = new Uint8Array(size + 1)
  bytes.set(text.subarray(0, first), 1)
  let at = 1 + first
  bytes.set(log, at)
  at += log.length
  bytes.set(text.subarray(first + 1, second), at)
  at = writeAscii(bytes, at + second - first - 1, seq)
  bytes.set(text.subarray(second + 1, third), at)
  at = writeAscii(bytes, at + third - second - 1, prev)
  bytes.set(text.subarray(third + 1), at)

  const hash = digest(bytes)
  return { leaf: bytes.subarray(1), hash, head: { log: head.log, size: head.size + 1, head_hash: hash } }
}

/** SHA-256(0x00 ‖ leaf), the leaf hash of RFC 6962, as 64 lower-case hex. */
export function leafHash(leaf: Uint8Array, digest: Digest): string {
  const bytes = new Uint8Array(leaf.length + 1)
  bytes.set(leaf, 1)
  return digest(bytes)
}

const [openBrace, closeBrace, comma] = [0x7b, 0x7d, 0x2c]

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

function writeAscii(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) bytes[at + index] = text.charCodeAt(index)
  return at + text.length
}

function malformed(text: Uint8Array, head: Head): FastenError {
  return new FastenError('DRAFT_MALFORMED', `a draft of ${text.length} bytes does not have exactly three open places`, {
    at: head.log,
    hint: 'the bytes were not written by draftText, or were damaged since',
  })
}

function tooLarge(size: number, head: Head): FastenError {
  return new FastenError('ROW_TOO_LARGE', `a leaf of ${size} bytes exceeds ${leafBytesMax}`, {
    at: head.log,
    hint: 'lower FASTEN_MAX_DETAIL_BYTES so that large details are cut before they are stored',
  })
}
