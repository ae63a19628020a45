// SPDX-License-Identifier: Apache-2.0
import { commitmentOf } from './disclosure.ts'
import type { Digest } from './digest.ts'
import { createExpiredPlaces } from './expired-places.ts'
import type { JsonObject } from './row.ts'
import { isInDetail, type SweptRun } from './swept.ts'

/** A personal value beside a row, as evidence. */
export interface EvidenceDisclosure {
  readonly pointer: string
  /** The data key it is, or was, encrypted under. */
  readonly key_id: string
  /**
   * `opened`: its text is here and must be what the row commits to. `sealed`: it is there, and nobody here can open it.
   * `gone`: value or key are destroyed, which a row SUBJECT_ERASED must account for. `damaged`: it does not open under its key.
   */
  readonly state: 'opened' | 'sealed' | 'gone' | 'damaged'
  readonly text?: string
}

export type DisclosureBreak = (
  kind: 'disclosure_mismatch' | 'disclosure_missing',
  seq: number,
  message: string,
  /** Neighbours of one run are one break. */
  run?: string,
) => void

/**
 * Judges the personal values of one log: each that a row commits to is there and is what was committed to, or is gone and
 * accounted for. Memory grows with the number of destroyed keys, not with the rows.
 *
 * Of a row with `pii_in_detail` the values in detail may also have expired, on the clock of the class `short`: they are not there at
 * all then, and a later row DISCLOSURES_SWEPT names the row.
 *
 * An account is a verified row SUBJECT_ERASED, of this log or of its successor, that names the log and, under each destroyed key, how
 * many of its values are gone. More gone than accounted for is not believed: otherwise one erasure could cover for any.
 */
export function createDisclosureCheck(log: string, digest: Digest, accounts: readonly JsonObject[] = []) {
  const gone = new Map<string, { values: number; readonly first: number; rows: number }>()
  const accounted = new Map<string, number>()
  let rowsErased = 0
  let sealed = 0
  const expiredPlaces = createExpiredPlaces()
  let waiting = 0
  let rowsExpired = 0
  for (const account of accounts) addAccount(account)

  function addAccount(detail: JsonObject): void {
    const { keys, log: of } = detail
    if (of !== log || typeof keys !== 'object' || keys === null) return
    for (const [id, values] of Object.entries(keys))
      if (typeof values === 'number') accounted.set(id, (accounted.get(id) ?? 0) + values)
  }

  return {
    /** The detail of a verified SUBJECT_ERASED row. */
    addAccount,
    /** Whether an account speaks of values that are gone here. */
    needs: ({ keys, log: of }: JsonObject): boolean =>
      of === log && typeof keys === 'object' && keys !== null && Object.keys(keys).some((id) => gone.has(id)),
    /** Rows whose details a verified DISCLOSURES_SWEPT row names; how many of them waited for it. */
    explain(runs: readonly SweptRun[]): number {
      const explained = expiredPlaces.explain(runs)
      waiting -= explained
      rowsExpired += explained
      return explained
    },
    /** Rows without values that have not been explained yet. */
    unexplained: () => waiting,
    /**
     * A verified row with its `sd`; true when nothing is wrong with it as far as can be said now. With `mayExpire` (`pii_in_detail`) a
     * value of detail may be gone until `finish` asks for an explanation.
     */
    check(
      seq: number,
      sd: Readonly<Record<string, unknown>>,
      disclosures: readonly EvidenceDisclosure[],
      say: DisclosureBreak,
      mayExpire = false,
    ): boolean {
      let isSound = true
      let isWaiting = false
      let goneKey: string | undefined
      const beside = new Map(disclosures.map((one) => [one.pointer, one]))
      for (const [pointer, commitment] of Object.entries(sd)) {
        const found = beside.get(pointer)
        beside.delete(pointer)
        if (found === undefined && mayExpire && isInDetail(pointer)) isWaiting = true
        else if (found === undefined) {
          say(
            'disclosure_missing',
            seq,
            `the value of ${pointer} is not beside the row, and nothing says why`,
          )
          isSound = false
        } else if (found.state === 'gone') {
          const key = gone.get(found.key_id) ?? { values: 0, first: seq, rows: 0 }
          gone.set(found.key_id, key)
          key.values++
          goneKey ??= found.key_id
        } else if (found.state === 'damaged') {
          say('disclosure_mismatch', seq, `the value of ${pointer} does not open under its key`)
          isSound = false
        } else if (found.state === 'sealed') sealed++
        else if (commitmentOf(found.text ?? '', digest) !== commitment) {
          say('disclosure_mismatch', seq, `the value of ${pointer} is not the one that the row commits to`)
          isSound = false
        }
      }
      for (const pointer of beside.keys()) {
        say('disclosure_mismatch', seq, `a value of ${pointer} lies beside the row, which commits to none`)
        isSound = false
      }
      if (isSound && isWaiting) {
        waiting++
        expiredPlaces.add(seq)
      }
      const first = goneKey === undefined ? undefined : gone.get(goneKey)
      if (first !== undefined) first.rows++
      return isSound
    },
    /** Says what is gone and unaccounted for; with `isPartial`, the account may lie outside of what was read: then it only counts. */
    finish(say: DisclosureBreak, isPartial: boolean): { readonly bad: number; readonly unaccounted: number } {
      let bad = 0
      let unaccounted = 0
      for (const seq of expiredPlaces.rest()) {
        bad++
        say(
          'disclosure_missing',
          seq,
          'values of the detail are not beside the row, and no later row of a sweep says why',
          'detail',
        )
      }
      for (const [id, { values, first, rows }] of gone) {
        const excess = values - (accounted.get(id) ?? 0)
        if (excess <= 0) {
          rowsErased += rows
          continue
        }
        if (isPartial) unaccounted += values
        else {
          bad += rows
          const told = excess === values ? 'no row accounts for them' : `rows account for ${values - excess}`
          say(
            'disclosure_missing',
            first,
            `${values} values under the key ${id.slice(0, 16)} are gone, from row ${first} on; ${told}`,
          )
        }
      }
      return { bad, unaccounted }
    },
    rowsErased: () => rowsErased,
    /** Rows whose details have expired and are explained. */
    rowsExpired: () => rowsExpired,
    sealed: () => sealed,
  }
}
