// SPDX-License-Identifier: Apache-2.0
import {
  createPrivateKey,
  createPublicKey,
  hash,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { Clock } from '../core/clock.ts'
import type { Digest } from '../core/digest.ts'
import type { IdSource } from '../core/ids.ts'
import type { Ed25519Sign, Ed25519Verify, NoteCrypto } from '../core/signature.ts'

/** SHA-256 by the platform, one shot: half the price of `createHash` for row-sized input. */
export const sha256: Digest = (bytes) => hash('sha256', bytes, 'hex')

/** Ed25519 by the platform. */
export const verifyEd25519: Ed25519Verify = (publicKey, message, signature) => {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const key = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') },
  })
  return verify(null, message, key, signature)
}

export const noteCrypto: NoteCrypto = { digest: sha256, verifyEd25519 }

/** An Ed25519 private key as a function, and the 32 bytes of its public half. Throws a TypeError for a key of another kind. */
export function ed25519Pair(privateKey: KeyObject): { publicKey: Uint8Array; sign: Ed25519Sign } {
  if (privateKey.asymmetricKeyType !== 'ed25519' || privateKey.type !== 'private')
    throw new TypeError(
      `this is no private Ed25519 key but ${privateKey.asymmetricKeyType ?? privateKey.type}`,
    )
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    publicKey: new Uint8Array(Buffer.from(x, 'base64url')),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  }
}

/** The private key of a seed of 32 bytes (RFC 8032 section 5.1.5). */
export function ed25519FromSeed(seed: Uint8Array): KeyObject {
  // The fixed DER opening of an Ed25519 key in PKCS #8 (RFC 8410 section 7); the seed follows.
  const opening = Buffer.from('302e020100300506032b657004220420', 'hex')
  return createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.concat([opening, seed]) })
}

export interface SystemClockOptions {
  /**
   * Told when the wall clock has moved by more than two seconds against the monotonic one within a minute: by how many seconds.
   * It is noticed at a reading, and costs one comparison there.
   */
  readonly onStep?: (seconds: number) => void
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly wallMs?: () => number
  /** Milliseconds that only ever grow. Default `performance.now`. */
  readonly uptimeMs?: () => number
}

const clockStepMicros = 2_000_000

/**
 * The machine's clock in microseconds. The wall clock counts milliseconds only, so a monotonic timer fills the last three digits; it
 * is pulled back into the wall's millisecond whenever the two part. Never behind an earlier reading unless the wall clock stepped.
 */
export function createSystemClock({
  onStep,
  wallMs = () => Date.now(),
  uptimeMs = () => performance.now(),
}: SystemClockOptions = {}): Clock {
  let offset = wallMs() * 1000 - Math.floor(uptimeMs() * 1000)
  let usual = offset
  let usualSince = Math.floor(uptimeMs() * 1000)
  let toldAt = -Infinity

  /** The two clocks drift apart by some parts in a million; what grows by seconds within a minute has jumped, or stands still. */
  function watch(upMicros: number): void {
    const driftMicros = offset - usual
    if (driftMicros < clockStepMicros && driftMicros > -clockStepMicros) {
      if (upMicros - usualSince < 60_000_000) return
    } else {
      // A clock that jumps all the time is told of once a second.
      if (upMicros - toldAt < 1_000_000) return
      toldAt = upMicros
      onStep?.(driftMicros / 1_000_000)
    }
    usual = offset
    usualSince = upMicros
  }

  return {
    nowMicros() {
      const wall = wallMs() * 1000
      const upMicros = Math.floor(uptimeMs() * 1000)
      const micros = upMicros + offset
      const within = Math.min(Math.max(micros, wall), wall + 999)
      offset += within - micros
      watch(upMicros)
      return within
    },
    monotonicNanos: () => process.hrtime.bigint(),
  }
}

/** Cryptographic randomness by the byte, drawn in blocks. */
export function createSystemRandom(blockBytes = 4096): (count: number) => Uint8Array {
  let block = randomBytes(blockBytes)
  let used = 0
  return (count) => {
    if (count > block.length - used) {
      block = randomBytes(Math.max(blockBytes, count))
      used = 0
    }
    used += count
    return block.subarray(used - count, used)
  }
}

/**
 * This start of this machine and how long ago it was, in microseconds, by a clock that nobody sets and that counts while the machine
 * sleeps. Where the system does not name its starts, each process counts as one.
 */
export function createUptime(
  ids: IdSource,
): () => { readonly machine: string; readonly uptimeMicros: number } {
  const machine = startOfMachine() ?? ids.randomHex(16)
  return () => ({ machine, uptimeMicros: Math.floor(uptime() * 1e6) })
}

function startOfMachine(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Not Linux, or a sandbox without /proc.
    return undefined
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
