// SPDX-License-Identifier: Apache-2.0
import { systemCode } from '../../core/error.ts'
import type { EvidenceRow } from '../ports.ts'
import type { ErasureLedger } from './erasure-ledger.ts'
import type { KeyStore } from './key-store.ts'
import type { SealedValue, SealedValues } from './personal-store.ts'
import type { WrappedKey } from './sealed.ts'

/** A personal value as a database has it, without its key. */
export type BoxAt = Omit<SealedValue, 'key'>

/**
 * Values with their keys. Nothing is handed out of a value whose key the ledger knows to be destroyed: a database that was put back may
 * not know it yet. Who has no rights to the keys gets none, which is no sign that they are gone.
 */
export async function sealedFrom(
  boxes: readonly BoxAt[],
  keys: KeyStore,
  ledger: ErasureLedger | null,
): Promise<readonly SealedValue[]> {
  if (boxes.length === 0) return []
  const wrapped = await keysFor(boxes, keys)
  const erased = new Set(ledger?.read().flatMap(({ key_ids }) => key_ids))
  return boxes.map((value): SealedValue => {
    const isErased = value.isErased || erased.has(value.key_id)
    if (isErased) return { ...value, isErased, box: null, key: null }
    return { ...value, key: wrapped === undefined ? undefined : (wrapped.get(value.key_id) ?? null) }
  })
}

async function keysFor(
  boxes: readonly BoxAt[],
  keys: KeyStore,
): Promise<ReadonlyMap<string, WrappedKey> | undefined> {
  try {
    return new Map((await keys.get(boxes.map(({ key_id }) => key_id))).map((key) => [key.id, key]))
  } catch (error) {
    if (isForbidden(error)) return undefined
    throw error
  }
}

/** SQLSTATE of a role without rights, also behind the error of a store. */
const isForbidden = (error: unknown): boolean =>
  systemCode(error) === '42501' ||
  (error instanceof Error && error.cause !== undefined && isForbidden(error.cause))

/** Adds their personal values to rows of evidence. Only rows that commit to some are asked about; the verifier reads which. */
export function createPersonalEvidence(
  valuesAt: SealedValues,
): (rows: readonly EvidenceRow[]) => Promise<readonly EvidenceRow[]> {
  return async (rows) => {
    const positions = rows.flatMap(({ leaf, position }) => (leaf !== null && commits(leaf) ? [position] : []))
    if (positions.length === 0) return rows
    const byPosition = Map.groupBy(await valuesAt('audit', positions), ({ position }) => position)
    return rows.map((row) => ({ ...row, personal: byPosition.get(row.position) ?? [] }))
  }
}

const commits = (leaf: Uint8Array): boolean =>
  Buffer.from(leaf.buffer, leaf.byteOffset, leaf.length).includes('"sd":{"/')
