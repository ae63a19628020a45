// SPDX-License-Identifier: Apache-2.0
import { logName, parseLogName } from '../../core/log-name.ts'
import type { AuditRow, JsonValue } from '../../core/row.ts'
import type { Store, StoredRow } from '../ports.ts'
import type { KeyRing } from './key-ring.ts'
import { createOpener, type DisclosureState } from './opener.ts'
import type { PersonalStore } from './personal-store.ts'

export interface ReportedRow {
  readonly row: AuditRow
  /** By pointer: values about the subject opened, those about others `sealed`. */
  readonly disclosures: Readonly<
    Record<string, { readonly state: DisclosureState; readonly value?: JsonValue }>
  >
}

/** All that a store keeps about one person. */
export interface SubjectReport {
  readonly subject: string
  readonly tenant: string
  /** Oldest first. */
  readonly rows: readonly ReportedRow[]
  /** Rows by code. */
  readonly counts: Readonly<Record<string, number>>
  readonly first_at: string | null
  readonly last_at: string | null
}

export interface ReportOptions {
  readonly store: Store
  readonly personal: PersonalStore
  readonly ring: KeyRing
  readonly tenant: string
  readonly subject: string
  /** Who asks, for the row that tells of it. */
  readonly actor: string
}

/**
 * Reads everything about a person: rows that name them in clear as actor, principal or target, rows in which such an anchor is
 * sealed, and rows that keep values under a key of theirs. What is about somebody else in the same rows stays sealed. Each log
 * that something was read from gets a row SUBJECT_ACCESSED, which names the person by pseudonym only.
 */
export async function reportSubject(options: ReportOptions): Promise<SubjectReport> {
  const { store, personal, ring, tenant, subject, actor } = options
  const pseudonyms = ring.pseudonyms(tenant, subject)
  const mine = new Set((await personal.keys.ofSubjects(pseudonyms)).map(({ id }) => id))
  const found = new Map<number, StoredRow>()
  const inTenant = tenant === '' ? {} : { tenant_id: tenant }
  for (const name of ['actor', 'on_behalf_of', 'target'] as const) {
    const lookups = ring.lookups(tenant, `/${name}`, subject)
    const filter = { ...inTenant, [name]: subject, sealed: { [name]: lookups } }
    for await (const row of scanAll(store, filter)) found.set(row.position, row)
  }
  for (const position of await personal.positions([...mine])) {
    if (found.has(position)) continue
    const [row] = await store.scan({
      stream: 'audit',
      filter: { after_position: position - 1 },
      order: 'stored',
      limit: 1,
    })
    if (row?.position === position) found.set(position, row)
  }
  const stored = [...found.values()].sort((one, other) => one.position - other.position)
  const rows = await disclosed(options, stored, mine)
  const about = tenant === '' ? rows.filter(({ row }) => row.tenant_id === undefined) : rows
  await tell(personal, about, pseudonyms[0] ?? '', actor)
  const times = about.map(({ row }) => row.timestamp).sort()
  return {
    subject,
    tenant,
    rows: about,
    counts: Object.fromEntries(
      Array.from(
        Map.groupBy(about, ({ row }) => row.code),
        ([code, group]) => [code, group.length],
      ),
    ),
    first_at: times[0] ?? null,
    last_at: times.at(-1) ?? null,
  }
}

async function* scanAll(store: Store, filter: object): AsyncGenerator<StoredRow> {
  for (let after = 0; ;) {
    const rows = await store.scan({
      stream: 'audit',
      filter: { ...filter, after_position: after },
      order: 'stored',
      limit: pageRows,
    })
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return
    after = last.position
  }
}

async function disclosed(
  { store, ring }: ReportOptions,
  stored: readonly StoredRow[],
  mine: ReadonlySet<string>,
): Promise<readonly ReportedRow[]> {
  const opener = createOpener(ring)
  const values = await store.sealedValues?.(
    'audit',
    stored.map(({ position }) => position),
  )
  const byPosition = Map.groupBy(values ?? [], ({ position }) => position)
  return stored.flatMap(({ row, position }) => {
    if (row.stream !== 'audit') return []
    const shown = (byPosition.get(position) ?? []).map((value) => {
      const { state, value: opened } = opener.open(row.id, value)
      const isTheirs = mine.has(value.key_id) || state === 'erased'
      if (!isTheirs) return [value.pointer, { state: 'sealed' as const }] as const
      return [value.pointer, opened === undefined ? { state } : { state, value: opened }] as const
    })
    return [{ row, disclosures: Object.fromEntries(shown) }]
  })
}

async function tell(
  personal: PersonalStore,
  rows: readonly ReportedRow[],
  subject: string,
  actor: string,
): Promise<void> {
  for (const [log, group] of Map.groupBy(rows, ({ row }) => row.log)) {
    const parts = parseLogName(log)
    if (parts === undefined) continue
    await personal.tell(logName({ ...parts, generation: 1 }), {
      code: 'SUBJECT_ACCESSED',
      facts: { log, rows: group.length, subject },
      target: subject,
      target_kind: 'subject',
      actor,
    })
  }
}

const pageRows = 1_000
