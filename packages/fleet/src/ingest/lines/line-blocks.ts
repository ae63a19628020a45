// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'

/** Lines that are stored together, in the order they came. */
export interface LineBlock {
  readonly lines: readonly Line[]
  /**
   * Says which bytes the body has from its beginning to the end of this block: 64 hex. The same lines of the same body have it, and nothing else does.
   */
  readonly digest: string
}

export interface Line {
  /** From 1. */
  readonly number: number
  /** Without its newline, at most one byte more than `lineBytesMax`. */
  readonly bytes: Uint8Array
}

export interface LineBlocks {
  /** The blocks that are complete with these bytes. They hold copies. */
  push(bytes: Uint8Array): Iterable<LineBlock>
  /** What is left, once the body has ended as it should; a last line needs no newline. */
  end(): LineBlock | undefined
}

/** The longest line that is read. A row has at most 65,535 bytes, and what of a line does not fit into it is cut. */
export const lineBytesMax = 1_048_576
/** A block ends with the line that reaches one of these. They are part of the protocol: who sends a body again gets the same blocks. */
export const blockRowsMax = 1_000
export const blockBytesMax = 1_048_576

/**
 * Cuts a body into blocks as its bytes come in, and holds one block of it. Where blocks end hangs on the lines alone and not on how they arrived, so a
 * body that was cut off and is sent again has the same blocks with the same digests; and since the last, open block of a body that was cut off is
 * never answered, no row is known by two digests. Lines with nothing in them but blanks are counted and left out.
 */
export function createLineBlocks(): LineBlocks {
  const digest = createHash('sha256')
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let hasPending = false
  let lines: Line[] = []
  let blockBytes = 0
  let number = 0

  function hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    hasPending = true
    digest.update(bytes)
    blockBytes += bytes.length
    const room = lineBytesMax + 1 - pendingBytes
    if (room <= 0) return
    const kept = new Uint8Array(bytes.subarray(0, room))
    pending.push(kept)
    pendingBytes += kept.length
  }

  function endLine(): void {
    number++
    const bytes = pending.length === 1 ? (pending[0] as Uint8Array) : Buffer.concat(pending, pendingBytes)
    pending = []
    pendingBytes = 0
    hasPending = false
    if (!isBlank(bytes)) lines.push({ number, bytes })
  }

  function takeBlock(): LineBlock {
    const block = { lines, digest: digest.copy().digest('hex') }
    lines = []
    blockBytes = 0
    return block
  }

  return {
    *push(bytes) {
      let at = 0
      for (;;) {
        const newline = bytes.indexOf(0x0a, at)
        hold(bytes.subarray(at, newline < 0 ? bytes.length : newline))
        if (newline < 0) return
        digest.update('\n')
        endLine()
        if (lines.length >= blockRowsMax || blockBytes >= blockBytesMax) yield takeBlock()
        at = newline + 1
      }
    },
    end() {
      if (hasPending) {
        endLine()
        // A newline behind the last line changes nothing.
        digest.update('\n')
      }
      return lines.length === 0 ? undefined : takeBlock()
    },
  }
}

function isBlank(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false
  return true
}
