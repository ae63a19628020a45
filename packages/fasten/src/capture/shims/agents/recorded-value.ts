// SPDX-License-Identifier: Apache-2.0
import { personalSignOf } from '../../../core/personal-signs.ts'
import { createRedactor } from '../../../core/redact.ts'
import type { JsonValue } from '../../../core/row.ts'
import { noDigest, type DigestOf } from './digest.ts'

/**
 * What a row keeps of a value. `hash`: its digest. `redacted`: the digest, and the value without its secrets and without what looks as if it were
 * about a person. `full`: the digest, and the value without its secrets, which nothing lets through. `none`: nothing at all.
 *
 * Values are personal by declaration: they are sealed where there is a privacy key, and left out where there is none.
 */
export type ValuePolicy = 'hash' | 'redacted' | 'full' | 'none'

const policies: readonly ValuePolicy[] = ['hash', 'redacted', 'full', 'none']

/** The policy, or a TypeError that names the option. */
export function checkedPolicy(given: unknown, option: string): ValuePolicy {
  const policy = policies.find((one) => one === given)
  if (policy === undefined)
    throw new TypeError(`${option} must be one of ${policies.join(', ')}, not ${JSON.stringify(given)}`)
  return policy
}

/** Bytes of JSON that a row keeps of one value; a larger one is replaced by a summary of itself. */
export const valueBytesMax = 8_192

export interface RecordedValue {
  readonly hash: string
  readonly value?: JsonValue
}

/** What the policy keeps of the value, as it is at this moment: what is changed later changes nothing here. Never throws. */
export function recordedValue(value: unknown, policy: ValuePolicy, digest: DigestOf): RecordedValue {
  if (policy === 'none') return { hash: noDigest }
  const hash = digest(value)
  if (policy === 'hash') return { hash }
  const kept = bounded(value)
  return { hash, value: policy === 'full' ? kept : withoutPersonal(kept) }
}

const bounded = (value: unknown): JsonValue => createRedactor({ detailBytesMax: valueBytesMax }).value(value)

function withoutPersonal(value: JsonValue): JsonValue {
  if (typeof value === 'string') return personalSignOf(value) === undefined ? value : '***'
  if (Array.isArray(value)) return value.map((item: JsonValue) => withoutPersonal(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutPersonal(member)]))
}
