// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { RowSink } from '../ports.ts'
import type { ErasureLedger } from './erasure-ledger.ts'
import type { KeyRing } from './key-ring.ts'
import type { Tombstone } from './key-store.ts'
import type { ErasedLog, PersonalRow, PersonalStore } from './personal-store.ts'
import { keysInSpools, scrubSpools, type ScrubbedSpools } from './scrub-spools.ts'
import type { WrappedKey } from './sealed.ts'

export interface EraseOptions {
  readonly store: PersonalStore & Pick<RowSink, 'spoolPosition'>
  readonly ring: KeyRing
  /** Null for a private store. */
  readonly ledger: ErasureLedger | null
  /** Folder of the spools; null when rows wait in memory. */
  readonly spoolRoot: string | null
  readonly tenant: string
  readonly subject: string
  /** The legal ground, e.g. `GDPR Art. 17(1)(b)`. It is kept for ever: it must not name anybody. */
  readonly basis: string
  readonly erased_at: string
  /** Who erases, for the row that tells of it. */
  readonly actor?: string
  /** Why a row may not be touched (a legal hold), or undefined. */
  readonly holdOn?: (row: PersonalRow) => string | undefined
}

export interface ErasurePlan {
  /** Pseudonym: what is kept of the person. */
  readonly subject: string
  readonly key_ids: readonly string[]
  readonly logs: readonly ErasedLog[]
}

/** What was done, and what only time can do. Kept by whoever asked for the erasure. */
export interface ErasureReceipt extends ErasurePlan {
  readonly basis: string
  readonly erased_at: string
  readonly rows: number
  readonly values: number
  readonly done: readonly string[]
  /** True only of what we can reach: `remaining` says what we cannot. */
  readonly is_complete: boolean
  readonly remaining: readonly string[]
}

/** What an erasure would destroy. Changes nothing. */
export async function planErasure({
  store,
  ring,
  spoolRoot,
  tenant,
  subject,
}: EraseOptions): Promise<ErasurePlan> {
  const pseudonyms = ring.pseudonyms(tenant, subject)
  const keys = await keysOf(store, pseudonyms, spoolRoot)
  const key_ids = [...new Set(keys.map(({ id }) => id))].sort()
  return { subject: pseudonyms[0] ?? '', key_ids, logs: await store.plan(key_ids) }
}

/**
 * Erases a person from a store: when it resolves, their values and the keys to them are in no file that we know of, each log they
 * were in accounts for it, and no older copy of any part can bring them back. No hash changes; everything verifies as before.
 *
 * The order is chosen so that a crash at any point is finished by the next start (reapply.ts): rows first, since they are what everybody
 * else can see and believe, then the ledger, then the keys, then old pages, then what waits outside.
 * Throws FastenError `ERASURE_HELD`, having changed nothing, when a row is under a legal hold.
 */
export async function eraseSubject(options: EraseOptions): Promise<ErasureReceipt> {
  const { store, ring, ledger, spoolRoot, tenant, subject, basis, erased_at, actor, holdOn } = options
  const pseudonyms = ring.pseudonyms(tenant, subject)
  const keys = await keysOf(store, pseudonyms, spoolRoot)
  const key_ids = [...new Set(keys.map(({ id }) => id))].sort()
  let tombstone: Tombstone = { tenant, subjects: pseudonyms, key_ids, basis, erased_at }
  const refuseHeld = (row: PersonalRow): void => {
    const hold = holdOn?.(row)
    if (hold !== undefined) throw held(hold, row)
  }
  const logs = [...(await store.erase(tombstone, { actor, onRow: refuseHeld }))]
  ledger?.add(tombstone)
  const destroyed = await store.keys.destroy(tombstone)
  const late = destroyed.filter((id) => !key_ids.includes(id))
  if (late.length > 0) {
    // Keys that arrived while the rows were erased.
    tombstone = { ...tombstone, key_ids: destroyed }
    ledger?.add(tombstone)
    logs.push(...(await store.erase(tombstone, { actor })))
  }
  await store.scrub()
  const spools: ScrubbedSpools =
    spoolRoot === null
      ? { blanked: 0, waiting: 0 }
      : await scrubSpools(spoolRoot, keys, (spool) => store.spoolPosition(spool))
  const merged = mergeLogs(logs)
  return {
    subject: pseudonyms[0] ?? '',
    key_ids: destroyed,
    logs: merged,
    basis,
    erased_at,
    rows: merged.reduce((sum, { rows }) => sum + rows, 0),
    values: merged.reduce((sum, { values }) => sum + values, 0),
    done: [
      'every wrapped data key of the subject is destroyed, and none can come back',
      'the encrypted values and their look-ups are deleted from the database and its write-ahead log',
      'each log they were in has rows SUBJECT_ERASED that account for them',
      `spools and quarantine: ${spools.blanked} entries blanked`,
      ...(ledger === null
        ? []
        : ['the erasure is in the ledger, from which a restored backup is erased again']),
    ],
    is_complete: spools.waiting === 0,
    remaining: [
      ...(spools.waiting === 0
        ? []
        : [
            `${spools.waiting} rows with values of the subject wait in a spool: run the erasure again once they are stored`,
          ]),
      ...store.remaining,
      'backups of the key store made before the erasure open the encrypted values in backups of the database: the erasure is final when the older of the two has aged out',
      'rows keep what was not declared personal, such as an id in a target; exports with disclosed values that were handed out are out of reach',
    ],
  }
}

async function keysOf(
  store: PersonalStore,
  pseudonyms: readonly string[],
  spoolRoot: string | null,
): Promise<readonly WrappedKey[]> {
  const waiting =
    spoolRoot === null ? [] : keysInSpools(spoolRoot).filter(({ subject }) => pseudonyms.includes(subject))
  return [...(await store.keys.ofSubjects(pseudonyms)), ...waiting]
}

function mergeLogs(logs: readonly ErasedLog[]): readonly ErasedLog[] {
  return Array.from(
    Map.groupBy(logs, ({ log }) => log),
    ([log, parts]) => ({
      log,
      rows: parts.reduce((sum, { rows }) => sum + rows, 0),
      values: parts.reduce((sum, { values }) => sum + values, 0),
    }),
  )
}

function held(hold: string, row: PersonalRow): FastenError {
  return new FastenError(
    'ERASURE_HELD',
    `row ${row.monotonic_seq} of ${row.log} is under the legal hold ${hold}`,
    {
      at: row.log,
      hint: 'release the hold, or erase once it has ended; nothing was changed',
    },
  )
}
