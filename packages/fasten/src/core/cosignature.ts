// SPDX-License-Identifier: Apache-2.0
import { signatureLine, type NoteSigner } from './signature-line.ts'

/** What a witness signs: a header, its time in seconds since 1970, and the checkpoint's text. Source: spec/proofs.md#cosignatures. */
export function cosignatureMessage(text: string, time: number): string {
  return `cosignature/v1\ntime ${time}\n${text}`
}

/** Time and signature of the 72 bytes of a cosignature; undefined for other bytes, or a time beyond 2^53 - 1. */
export function readCosignature(bytes: Uint8Array): { time: number; signature: Uint8Array } | undefined {
  if (bytes.length !== 72) return undefined
  const time = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)
  return time > BigInt(Number.MAX_SAFE_INTEGER)
    ? undefined
    : { time: Number(time), signature: bytes.subarray(8) }
}

/** The 72 bytes: the time, big-endian, and the signature over `cosignatureMessage`. */
export function cosignatureBytes(time: number, signature: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + signature.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(time))
  bytes.set(signature, 8)
  return bytes
}

/**
 * The line, with its newline, by which a witness says of a checkpoint's text: at `time` (whole seconds since 1970) this was the largest
 * tree of this log that I knew, and it continues all I had seen. Checking that is the caller's work (core/witness.ts does).
 */
export function cosign(text: string, time: number, { key, sign }: NoteSigner): string {
  if (key.kind !== 'cosignature/v1') throw new TypeError(`a ${key.kind} key does not cosign`)
  if (!Number.isSafeInteger(time) || time <= 0)
    throw new TypeError(`${time} is no time in whole seconds since 1970`)
  const signature = sign(new TextEncoder().encode(cosignatureMessage(text, time)))
  return signatureLine(key, cosignatureBytes(time, signature))
}
