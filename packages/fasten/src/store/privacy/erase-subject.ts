// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { RowSink } from '../ports.ts'
import { isHeld, type Hold } from '../retention/hold.ts'
import type { ErasureLedger } from './erasure-ledger.ts'
import type { KeyRing } from './key-ring.ts'
import type { Tombstone } from './key-store.ts'
import type { ErasedLog, PersonalRow, PersonalStore } from './personal-store.ts'
import { scrubSpools, type ScrubbedSpools } from './scrub-spools.ts'
import type { WrappedKey } from './sealed.ts'
import { lookForPerson, type WaitingPerson } from './waiting-person.ts'

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
  await strangersIn(store, ring)
  const keys = await keysOf(store, pseudonyms, waitingOf(spoolRoot, pseudonyms))
  const key_ids = idsOf(keys)
  return { subject: pseudonyms[0] ?? '', key_ids, logs: await store.plan(key_ids) }
}

/**
 * Erases a person from a store: when it resolves, their values and the keys to them are in no file that we know of, each log they
 * were in accounts for it, and no older copy of any part can bring them back. No hash changes; everything verifies as before.
 *
 * The order is chosen so that a crash at any point is finished by the next start (reapply.ts): rows first, since they are what everybody
 * else can see and believe, then the ledger, then the keys, then old pages, then what waits outside.
 * Throws FastenError, having changed nothing: `ERASURE_HELD` when a row is under a legal hold, stored or on its way, `PRIVACY_KEY_MISSING`
 * when no key of the ring wraps anything here, so that the person could not be recognised. A held row that comes while the erasure runs,
 * under a key of its own, keeps its values: `ERASURE_HELD` then says that the rest is erased.
 */
export async function eraseSubject(options: EraseOptions): Promise<ErasureReceipt> {
  const { store, ring, ledger, spoolRoot, tenant, subject, basis, erased_at, actor } = options
  const pseudonyms = ring.pseudonyms(tenant, subject)
  const strangers = await strangersIn(store, ring)
  const look = waitingOf(spoolRoot, pseudonyms)
  const keys = await keysOf(store, pseudonyms, look)
  const before = await store.keys.tombstones()
  const isKnown =
    keys.length > 0 ||
    before.some((one) => one.key_ids.length > 0 && one.subjects.some((name) => pseudonyms.includes(name)))
  const logs: ErasedLog[] = []
  const destroyed: string[] = []
  for (let key_ids = idsOf(keys), isFirst = true; isFirst || key_ids.length > 0; isFirst = false) {
    const tombstone: Tombstone = { tenant, subjects: pseudonyms, key_ids, basis, erased_at }
    const onRow = refuseHeld(subject, isFirst)
    logs.push(...(await store.erase(tombstone, { actor, waiting: () => look().rows, onRow })))
    ledger?.add(tombstone)
    destroyed.push(...key_ids)
    // Keys that came while the rows were erased have rows of their own, which nobody has looked at. After this no more can come.
    key_ids = await store.keys.destroy(tombstone)
    keys.push(...(await store.keys.get(key_ids)))
  }
  const scrubbed = await store.scrub()
  const spools: ScrubbedSpools =
    spoolRoot === null
      ? { blanked: 0, waiting: 0 }
      : await scrubSpools(
          spoolRoot,
          [...keys, ...look().keys.filter(({ made_at }) => made_at <= erased_at)],
          (spool) => store.spoolPosition(spool),
        )
  const merged = mergeLogs(logs)
  const open = [
    ...scrubbed.open,
    ...(isKnown
      ? []
      : [
          'nothing under this name was ever sealed here: is it spelt as the rows spell it, and is this the tenant?',
        ]),
    ...(strangers.length === 0
      ? []
      : [
          `values under keys of the tenant that are not at hand (${strangers.join(', ')}) could not be recognised as theirs: give those keys, too, and run it again`,
        ]),
    ...(spools.waiting === 0
      ? []
      : [
          `${spools.waiting} rows with values of the subject wait in a spool: run the erasure again once they are stored`,
        ]),
  ]
  return {
    subject: pseudonyms[0] ?? '',
    key_ids: destroyed.toSorted(),
    logs: merged,
    basis,
    erased_at,
    rows: merged.reduce((sum, { rows }) => sum + rows, 0),
    values: merged.reduce((sum, { values }) => sum + values, 0),
    done: [
      'every wrapped data key of the subject in the key store is destroyed, and none can come back',
      ...scrubbed.done,
      'each log they were in has rows SUBJECT_ERASED that account for them',
      `spools and quarantine of this machine: ${spools.blanked} entries blanked`,
      ...(ledger === null
        ? []
        : ['the erasure is in the ledger, from which a restored backup is erased again']),
    ],
    is_complete: open.length === 0,
    remaining: [
      ...open,
      ...scrubbed.remaining,
      'spools of other machines and open transactions hold what they have not stored yet, encrypted; it is refused on arrival',
      'backups of the key store made before the erasure open the encrypted values in backups of the database: the erasure is final when the older of the two has aged out',
      'rows keep what was not declared personal, such as an id in a target, and so do rows of requests (api) and lines (sys); exports with disclosed values that were handed out are out of reach',
    ],
  }
}

const waitingOf = (spoolRoot: string | null, pseudonyms: readonly string[]): (() => WaitingPerson) =>
  spoolRoot === null ? () => ({ keys: [], rows: [] }) : lookForPerson(spoolRoot, pseudonyms)

/** What waits is asked first: a row on its way to the store is found there, or here. */
async function keysOf(
  store: PersonalStore,
  pseudonyms: readonly string[],
  look: () => WaitingPerson,
): Promise<WrappedKey[]> {
  const { keys } = look()
  return [...keys, ...(await store.keys.ofSubjects(pseudonyms))]
}

const idsOf = (keys: readonly WrappedKey[]): readonly string[] =>
  [...new Set(keys.map(({ id }) => id))].sort()

/**
 * The tenant's keys that wrap something here and are not in the ring: whose values those are, nobody can say. When it is all of them,
 * the key at hand is the wrong one, and a receipt for it would be a lie.
 */
async function strangersIn({ keys }: PersonalStore, ring: KeyRing): Promise<readonly string[]> {
  const all = await keys.keks()
  const strangers = all.filter((id) => !ring.ids.includes(id))
  if (all.length === 0 || strangers.length < all.length) return strangers
  throw new FastenError(
    'PRIVACY_KEY_MISSING',
    `the values here are sealed under ${strangers.join(', ')}, and the key at hand is ${ring.ids.join(', ')}`,
    {
      at: strangers.join(', '),
      hint: 'set FASTEN_PRIVACY_KEY, FASTEN_PRIVACY_KEY_FILE or FASTEN_KEY_DIR as the application does; nothing was changed',
    },
  )
}

/** An anchor that is sealed may be the person; a hold on them keeps such a row as well. */
const refuseHeld =
  (subject: string, isFirst: boolean) =>
  (row: PersonalRow, holds: readonly Hold[]): void => {
    const { actor, on_behalf_of, target, ...rest } = row
    const facts = {
      ...rest,
      actor: actor ?? subject,
      on_behalf_of: on_behalf_of ?? subject,
      target: target ?? subject,
    }
    const hold = isHeld(facts, holds)
    if (hold !== undefined) throw held(hold.hold_id, row, isFirst)
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

function held(hold: string, row: PersonalRow, isFirst: boolean): FastenError {
  return new FastenError(
    'ERASURE_HELD',
    row.monotonic_seq === null
      ? `a row that waits for ${row.log} is under the legal hold ${hold}`
      : `row ${row.monotonic_seq} of ${row.log} is under the legal hold ${hold}`,
    {
      at: row.log,
      hint: isFirst
        ? 'release the hold, or erase once it has ended; nothing was changed'
        : 'it came while the erasure ran: what was there before is erased, and rows say so; release the hold, or erase the rest once it has ended',
    },
  )
}
