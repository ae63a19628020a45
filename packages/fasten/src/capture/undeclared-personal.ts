// SPDX-License-Identifier: Apache-2.0
import { signIn, type PersonalSign } from '../core/personal-signs.ts'
import type { AuditDraft, Clean } from '../core/row.ts'

export interface UndeclaredPersonal {
  /** Looks at a row on its way; changes and holds up nothing. */
  look(row: Clean<AuditDraft>): void
  /** Rows by code that were seen to hold what looks personal. Those of a code that were looked at, not all there are. */
  counts(): Readonly<Record<string, number>>
}

/**
 * Notices values in clear that look as if they were about a person, in details of codes that do not declare them. Once a row is hashed
 * nothing but its whole leaf can be taken away, so `onFirst` is told once for each code, early: the first 100 rows of a code are looked
 * at, then one in 16, which costs a row a few microseconds at most.
 */
export function createUndeclaredPersonal(
  onFirst: (code: string, member: string, sign: PersonalSign) => void,
): UndeclaredPersonal {
  const seen = new Map<string, { rows: number; signs: number }>()
  return {
    look({ code, detail }) {
      const about = seen.get(code) ?? { rows: 0, signs: 0 }
      // Codes are registered and few; whoever has more is not worth the memory.
      if (about.rows === 0 && seen.size < codesMax) seen.set(code, about)
      about.rows++
      if (about.rows > rowsAlways && about.rows % rowsBetween !== 0) return
      const found = signIn(detail)
      if (found === undefined) return
      about.signs++
      if (about.signs === 1 && seen.has(code)) onFirst(code, found.member, found.sign)
    },
    counts: () =>
      Object.fromEntries(
        [...seen].filter(([, { signs }]) => signs > 0).map(([code, { signs }]) => [code, signs]),
      ),
  }
}

const rowsAlways = 100
const rowsBetween = 16
const codesMax = 10_000
