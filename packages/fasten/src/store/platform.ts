// SPDX-License-Identifier: Apache-2.0
import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import type { Digest } from '../core/digest.ts'
import type { IdSource } from '../core/ids.ts'

/** SHA-256 by the platform, one shot: half the price of `createHash` for row-sized input. */
export const sha256: Digest = (bytes) => hash('sha256', bytes, 'hex')

/**
 * The machine's clock. The wall clock has milliseconds; the last three digits count the readings within one, so that
 * rows of one process keep their order in text. They stop at 999 and never run ahead of the clock.
 */
export function createSystemClock(): Clock {
  let lastMs = 0
  let within = 0
  return {
    nowMicros() {
      const ms = Date.now()
      within = ms === lastMs ? Math.min(within + 1, 999) : 0
      lastMs = ms
      return ms * 1000 + within
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
