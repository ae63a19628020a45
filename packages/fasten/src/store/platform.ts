// SPDX-License-Identifier: Apache-2.0
import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { Digest } from '../core/digest.ts'
import type { IdSource } from '../core/ids.ts'

/** SHA-256 by the platform, one shot: half the price of `createHash` for row-sized input. */
export const sha256: Digest = (bytes) => hash('sha256', bytes, 'hex')

/**
 * The machine's clock in microseconds. The wall clock counts milliseconds only, so a monotonic timer fills the last three digits; it
 * is pulled back into the wall's millisecond whenever the two part. Never behind an earlier reading unless the wall clock stepped.
 */
export function createSystemClock(): Clock {
  let offset = Date.now() * 1000 - Math.floor(performance.now() * 1000)
  return {
    nowMicros() {
      const wall = Date.now() * 1000
      const micros = Math.floor(performance.now() * 1000) + offset
      const within = Math.min(Math.max(micros, wall), wall + 999)
      offset += within - micros
      return within
    },
    monotonicNanos: () => process.hrtime.bigint(),
  }
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Cryptographic randomness, drawn in blocks because one system call per id would dominate `emit`. */
export function createSystemIds(blockBytes = 4096): IdSource {
  let block = randomBytes(blockBytes)
  let used = 0
  const take = (): number => {
    if (used === block.length) {
      block = randomBytes(blockBytes)
      used = 0
    }
    return block[used++] ?? 0
  }
  return {
    randomHex(bytes) {
      let text = ''
      for (let index = 0; index < bytes; index++) text += hexOfByte[take()]
      return text
    },
    randomBase32(count) {
      const digits = new Uint8Array(count)
      for (let index = 0; index < count; index++) digits[index] = take() & 31
      return digits
    },
  }
}
