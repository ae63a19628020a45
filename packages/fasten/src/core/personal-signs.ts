// SPDX-License-Identifier: Apache-2.0
import type { JsonValue } from './row.ts'

/** What a text looks like that is probably about a person. */
export type PersonalSign = 'email' | 'phone' | 'iban'

/**
 * True when the name of a member sounds as if its value were about a person: `email`, `customerPhone`, `birth_date`. Judged by its words,
 * so `emailed` and `streetlight_id` do not count. A hint for people, nothing that redaction relies on.
 */
export function soundsPersonal(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
  if (words.some((word) => personalWords.has(word))) return true
  return words.some((word, at) => pairs.has(`${word} ${words[at + 1] ?? ''}`))
}

/** What the text as a whole looks like. Linear in its length; texts over 256 characters are prose and not looked at. */
export function personalSignOf(text: string): PersonalSign | undefined {
  if (text.length < 6 || text.length > 256) return undefined
  if (/^[^\s@<>"]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(text)) return 'email'
  if (/^[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?$/.test(text)) return 'iban'
  // With a plus in front, or with gaps: plain digits are more often an id than a number to call.
  const isDialled = /^\+\d[\d ()./-]{6,20}$/.test(text) || /^\(?0\d{1,5}[) /-]+\d[\d ./-]{4,14}$/.test(text)
  return isDialled ? 'phone' : undefined
}

export interface FoundSign {
  readonly member: string
  readonly sign: PersonalSign
}

/** The first sign in a detail, with the path that leads to it; looks at no more than 64 values, three levels deep. */
export function signIn(detail: JsonValue): FoundSign | undefined {
  let left = 64
  const look = (value: JsonValue | undefined, path: string, depth: number): FoundSign | undefined => {
    if (left-- <= 0 || value === undefined) return undefined
    if (typeof value === 'string') {
      const sign = personalSignOf(value)
      return sign === undefined ? undefined : { member: path, sign }
    }
    if (typeof value !== 'object' || value === null || depth === 0) return undefined
    for (const [name, member] of Object.entries(value)) {
      const found = look(member, Array.isArray(value) ? path : `${path}.${name}`, depth - 1)
      if (found !== undefined) return found
    }
    return undefined
  }
  return look(detail, 'detail', 4)
}

const personalWords: ReadonlySet<string> = new Set(
  'email mail phone mobile fax iban surname firstname lastname fullname birthday birthdate dob passport ssn gender nationality address street postcode zip'.split(
    ' ',
  ),
)
const pairs: ReadonlySet<string> = new Set([
  'e mail',
  'first name',
  'last name',
  'full name',
  'birth date',
  'tax id',
  'ip address',
  'postal code',
  'card number',
])
