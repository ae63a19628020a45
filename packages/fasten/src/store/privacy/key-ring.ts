// SPDX-License-Identifier: Apache-2.0
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import { FastenError } from '../../core/error.ts'
import type { WrappedKey } from './sealed.ts'

/** So many bytes, unguessable. */
export type RandomBytes = (count: number) => Uint8Array

/**
 * The keys that wrap data keys and make pseudonyms: the newest, which is used for what is new, and older ones, which still open
 * what they wrapped. Each tenant has keys of its own, derived from these.
 */
export interface KeyRing {
  /** Ids of the keys, the newest first: 16 hex, which tell nothing of the key. */
  readonly ids: readonly string[]
  /** Wraps a data key, with the subject it belongs to, under the newest key. */
  wrap(
    key: Uint8Array,
    owner: {
      readonly id: string
      readonly tenant: string
      readonly subject: string
      readonly made_at: string
    },
  ): WrappedKey
  /**
   * The data key and its subject; undefined when the ring lacks the key that wraps it. Throws FastenError `PRIVACY_KEY_DAMAGED` when it
   * was changed since.
   */
  unwrap(wrapped: WrappedKey): { readonly key: Uint8Array; readonly subject: string } | undefined
  /**
   * The name of a subject where it may be read by others, under each key, the newest first. 32 hex each. The same for every way in which
   * Unicode composes the characters of the subject; case and spaces tell people apart.
   */
  pseudonyms(tenant: string, subject: string): readonly string[]
  /** What a value of a member is found by, under each key, the newest first. 32 hex each. */
  lookups(tenant: string, pointer: string, value: string): readonly string[]
}

/** Bytes of the keys of a ring. */
export const keyBytes = 32

/**
 * A ring of one or more keys of 32 bytes, the newest first. Nothing but the platform's own HKDF, HMAC and AES-256-GCM is used.
 * Throws TypeError for a key of another size, and for none.
 */
export function createKeyRing(keys: readonly Uint8Array[], random: RandomBytes): KeyRing {
  if (keys.length === 0 || keys.some(({ length }) => length !== keyBytes))
    throw new TypeError(`a key ring needs at least one key, each of ${keyBytes} bytes`)
  const all = keys.map((key) => ({ id: idOf(key), key, byTenant: new Map<string, TenantKeys>() }))
  const [newest] = all as [(typeof all)[number]]

  function tenantKeys(one: (typeof all)[number], tenant: string): TenantKeys {
    const known = one.byTenant.get(tenant)
    if (known !== undefined) return known
    const derived = {
      wrap: derive(one.key, `wrap ${tenant}`, keyBytes),
      name: derive(one.key, `name ${tenant}`, keyBytes),
      find: derive(one.key, `find ${tenant}`, keyBytes),
    }
    if (one.byTenant.size >= tenantsMax) one.byTenant.clear()
    one.byTenant.set(tenant, derived)
    return derived
  }

  /** `ë` is one character or two, as the keyboard had it; the person is the same. */
  const nameOf = (one: (typeof all)[number], tenant: string, subject: string): string =>
    shortHmac(tenantKeys(one, tenant).name, subject.normalize('NFC'))

  return {
    ids: all.map(({ id }) => id),
    wrap(key, { id, tenant, subject, made_at }) {
      const box = sealBox(
        tenantKeys(newest, tenant).wrap,
        Buffer.concat([key, Buffer.from(subject)]),
        id,
        random,
      )
      return {
        id,
        tenant,
        subject: nameOf(newest, tenant, subject),
        kek: newest.id,
        made_at,
        wrapped: box.toString('base64'),
      }
    },
    unwrap({ id, tenant, kek, wrapped }) {
      const one = all.find((candidate) => candidate.id === kek)
      if (one === undefined) return undefined
      const opened = openBox(tenantKeys(one, tenant).wrap, Buffer.from(wrapped, 'base64'), id)
      if (opened === undefined || opened.length < keyBytes) {
        throw new FastenError(
          'PRIVACY_KEY_DAMAGED',
          `the data key ${id} is not what was wrapped under ${kek}`,
          {
            at: id,
            hint: 'restore the key store from a backup; the values under this key cannot be read until then',
          },
        )
      }
      return { key: opened.subarray(0, keyBytes), subject: opened.subarray(keyBytes).toString() }
    },
    pseudonyms: (tenant, subject) => all.map((one) => nameOf(one, tenant, subject)),
    lookups: (tenant, pointer, value) =>
      all.map((one) => shortHmac(tenantKeys(one, tenant).find, `${pointer}\0${value}`)),
  }
}

/**
 * Seals bytes so that they open under the same key and the same `context` only: nonce, ciphertext, tag. The nonce is random, 96 bits:
 * a data key seals far fewer than 2^32 values before it is replaced.
 */
export function sealBox(key: Uint8Array, plain: Uint8Array, context: string, random: RandomBytes): Buffer {
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(context))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What was sealed, or undefined when key, context or a single bit of the box is another. */
export function openBox(key: Uint8Array, box: Uint8Array, context: string): Buffer | undefined {
  if (box.length < nonceBytes + tagBytes) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes))
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(box.subarray(box.length - tagBytes))
  const opened = decipher.update(box.subarray(nonceBytes, box.length - tagBytes))
  try {
    decipher.final()
    return opened
  } catch {
    // How the platform says that the tag does not fit.
    return undefined
  }
}

interface TenantKeys {
  readonly wrap: Buffer
  readonly name: Buffer
  readonly find: Buffer
}

const nonceBytes = 12
const tagBytes = 16
/** Derived keys held at once; deriving costs some 20 µs. */
const tenantsMax = 10_000

const derive = (key: Uint8Array, purpose: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `fasten privacy 1 ${purpose}`, bytes))

const idOf = (key: Uint8Array): string => derive(key, 'id', 8).toString('hex')

const shortHmac = (key: Uint8Array, text: string): string =>
  createHmac('sha256', key).update(text).digest('hex').slice(0, 32)
