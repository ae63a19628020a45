// SPDX-License-Identifier: Apache-2.0
import { commitmentOf } from '../core/disclosure.ts'
import type { Digest } from '../core/digest.ts'
import type { JsonValue } from '../core/row.ts'
import { isInDetail } from '../core/swept.ts'
import type { Exclusion, RowSource, ScanFilter, StoredRow } from '../store/ports.ts'
import type { KeyRing } from '../store/privacy/key-ring.ts'
import type { SealedValue } from '../store/privacy/personal-store.ts'
import type { DisclosureState, Opener } from '../store/privacy/opener.ts'
import { rowsWithoutDetails } from './expired-row.ts'

/** A personal value as a reader shows it: outside of the leaf, with what became of it. */
export interface ShownDisclosure {
  readonly state: DisclosureState
  /** Only where it is `disclosed`. */
  readonly value?: JsonValue
}

export type ShownDisclosures = Readonly<Record<string, ShownDisclosure>>

/**
 * What stands under `disclosures` of each row: nothing for a row without personal members, else every member that the row commits
 * to, by pointer. A value is shown only if it is the one that the row commits to; one that is not is `damaged`.
 */
export async function disclosuresOf(
  source: RowSource,
  rows: readonly StoredRow[],
  opener: Opener,
  digest: Digest,
): Promise<readonly (ShownDisclosures | undefined)[]> {
  const personal = rows.flatMap(({ row, position }) =>
    row.stream === 'audit' && row.sd !== undefined ? [position] : [],
  )
  if (personal.length === 0) return rows.map(() => undefined)
  const values = (await source.sealedValues?.('audit', personal)) ?? []
  const byPosition = Map.groupBy(values, ({ position }) => position)
  const besideOf = (position: number): ReadonlyMap<string, SealedValue> =>
    new Map(byPosition.get(position)?.map((value) => [value.pointer, value]))
  const hasExpired = await expiredDetails(source, rows, besideOf)
  return rows.map(({ row, position }) => {
    if (row.stream !== 'audit' || row.sd === undefined) return undefined
    const beside = besideOf(position)
    return Object.fromEntries(
      Object.entries(row.sd).map(([pointer, commitment]): [string, ShownDisclosure] => {
        const found = beside.get(pointer)
        if (found === undefined)
          return [pointer, { state: isInDetail(pointer) && hasExpired(position) ? 'expired' : 'missing' }]
        const { state, text, value } = opener.open(row.id, found)
        if (text === undefined || value === undefined) return [pointer, { state }]
        return [pointer, commitmentOf(text, digest) === commitment ? { state, value } : { state: 'damaged' }]
      }),
    )
  })
}

/** Which rows with `pii_in_detail` lack values of their detail that a sweep says it took; by store position. */
async function expiredDetails(
  source: RowSource,
  rows: readonly StoredRow[],
  besideOf: (position: number) => ReadonlyMap<string, SealedValue>,
): Promise<(position: number) => boolean> {
  const lacking = rows.filter(({ row, position }) => {
    if (row.stream !== 'audit' || row.sd === undefined || row.pii_in_detail !== true) return false
    const beside = besideOf(position)
    return Object.keys(row.sd).some((pointer) => isInDetail(pointer) && !beside.has(pointer))
  })
  const expired = new Set<number>()
  for (const [log, group] of Map.groupBy(lacking, ({ row }) => row.log)) {
    const seqs = await rowsWithoutDetails(
      source,
      log,
      group.map(({ row }) => row.monotonic_seq),
    )
    for (const { row, position } of group) if (seqs.has(row.monotonic_seq)) expired.add(position)
  }
  return (position) => expired.has(position)
}

/** The filter with what lets it find rows in which the wanted actor, target or principal is sealed. */
export function withLookups(filter: ScanFilter, ring: KeyRing): ScanFilter {
  const withSealed = <F extends Exclusion>(one: F): F => {
    const sealed: Record<string, readonly string[]> = {}
    for (const name of ['actor', 'on_behalf_of', 'target'] as const) {
      const wanted = one[name]
      if (wanted !== undefined) sealed[name] = ring.lookups(filter.tenant_id ?? '', `/${name}`, wanted)
    }
    return Object.keys(sealed).length === 0 ? one : { ...one, sealed }
  }
  const found = withSealed(filter)
  return filter.not === undefined ? found : { ...found, not: filter.not.map(withSealed) }
}
