// SPDX-License-Identifier: Apache-2.0
/**
 * How one draft rests in a spool file.
 *
 *   ┌────────┬────────────┬───────────┬──────────────────────────────┐
 *   │ "SPL1" │ length u32 │ crc32 u32 │ log name ␀ draft text (UTF-8) │   little-endian
 *   └────────┴────────────┴───────────┴──────────────────────────────┘
 *
 * The length stops a torn frame, the checksum a damaged one, and the magic lets a reader find the next good frame behind
 * damage instead of giving up the rest of the file.
 */
import { crc32 } from 'node:zlib'
import { parseLogName } from '../../core/log-name.ts'
import type { SpooledDraft } from '../ports.ts'

export const frameHeaderBytes = 12
/** A payload may not be larger: whatever claims to be is damage. Rows over 65,535 bytes go to quarantine later. */
export const framePayloadBytesMax = 1 << 20

const magic = 0x314c5053

/** Writes one frame at the start of `scratch` and answers its size, or the size it would need when it does not fit. */
export function encodeFrame(scratch: Buffer, log: string, text: string): number {
  const payload = `${log}\0${text}`
  // Three bytes are the most that UTF-8 needs for one UTF-16 unit.
  const roomNeeded = frameHeaderBytes + payload.length * 3
  if (roomNeeded > scratch.length) {
    const exact = frameHeaderBytes + Buffer.byteLength(payload)
    if (exact > scratch.length) return exact
  }
  const payloadBytes = scratch.write(payload, frameHeaderBytes)
  const end = frameHeaderBytes + payloadBytes
  scratch.writeUInt32LE(magic, 0)
  scratch.writeUInt32LE(payloadBytes, 4)
  scratch.writeUInt32LE(crc32(scratch.subarray(frameHeaderBytes, end)), 8)
  return end
}

export type DecodedFrame =
  | { readonly kind: 'frame'; readonly draft: SpooledDraft; readonly bytes: number }
  /** The bytes end before the frame does. */
  | { readonly kind: 'short' }
  | { readonly kind: 'damaged'; readonly reason: string }

/** Reads the frame that starts at `offset`. The draft's text is a view into `bytes`, not a copy. */
export function decodeFrame(bytes: Buffer, offset: number, end: number): DecodedFrame {
  if (end - offset < frameHeaderBytes) return { kind: 'short' }
  if (bytes.readUInt32LE(offset) !== magic) return { kind: 'damaged', reason: 'frame magic is wrong' }
  const payloadBytes = bytes.readUInt32LE(offset + 4)
  if (payloadBytes === 0 || payloadBytes > framePayloadBytesMax)
    return { kind: 'damaged', reason: `frame length ${payloadBytes} is impossible` }
  const start = offset + frameHeaderBytes
  if (end - start < payloadBytes) return { kind: 'short' }
  const payload = bytes.subarray(start, start + payloadBytes)
  if (crc32(payload) !== bytes.readUInt32LE(offset + 8))
    return { kind: 'damaged', reason: 'frame checksum does not match' }
  const divider = payload.indexOf(0)
  const log = payload.toString('utf8', 0, Math.max(divider, 0))
  const parts = parseLogName(log)
  if (!parts) return { kind: 'damaged', reason: `frame names no log: "${log.slice(0, 64)}"` }
  return {
    kind: 'frame',
    draft: { stream: parts.stream, log, text: payload.subarray(divider + 1) },
    bytes: frameHeaderBytes + payloadBytes,
  }
}

const magicBytes = Buffer.from('SPL1', 'latin1')

/** Offset of the next whole, valid frame after `offset`, or -1. */
export function findNextFrame(bytes: Buffer, offset: number, end: number): number {
  for (let at = bytes.indexOf(magicBytes, offset + 1); at !== -1 && at < end; at = bytes.indexOf(magicBytes, at + 1))
    if (decodeFrame(bytes, at, end).kind === 'frame') return at
  return -1
}
