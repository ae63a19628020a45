// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import type { PoolClient } from 'pg'
import { isoOf } from '../tiers.ts'

/** Names that are told apart, per tenant and day of the rows. What comes later is counted under `other`. */
export interface NameLimits {
  /** Service, method and route together; default 2000. */
  readonly routes: number
  /** Service and node together; default 1000. */
  readonly places: number
  /** Service, code and outcome together; default 2000. */
  readonly codes: number
}

export const nameLimits: NameLimits = { routes: 2000, places: 1000, codes: 2000 }

/** Parentheses, because a route or a node may well be called other. */
export const other = '(other)'

export interface NameAsked {
  readonly tenant: string
  readonly second: number
  readonly kind: keyof NameLimits
  readonly name: readonly string[]
}

export interface NameAdmission {
  /** Whether this name keeps its own line. The first that come do, in the order of asking, which is that of the commits. */
  readonly isAdmitted: (asked: NameAsked) => boolean
  /** Notes a row of that tenant and day that went under `other`. */
  readonly countOther: (asked: Pick<NameAsked, 'tenant' | 'second'>) => void
  /** Writes down what was admitted. */
  readonly save: () => Promise<void>
}

interface Day {
  readonly day: string
  readonly tenant: string
  readonly before: Readonly<Record<keyof NameLimits, number>>
  readonly added: Record<keyof NameLimits, number>
  other: number
}

/** Looks up everything that will be asked for, in two statements. */
export async function admitNames(
  sql: PoolClient,
  limits: NameLimits,
  all: readonly NameAsked[],
): Promise<NameAdmission> {
  const known = new Set<string>()
  const added = new Set<string>()
  const wanted = new Set<string>()
  const days = new Map<string, Day>()
  const { nameKey, dayKey } = createKeys()
  for (const asked of all) {
    wanted.add(nameKey(asked))
    const key = dayKey(asked)
    if (!days.has(key)) days.set(key, { ...newDay, day: dayOf(asked), tenant: asked.tenant, added: zeros() })
  }
  const { rows } = await sql.query<{ key: string }>(
    `SELECT n.day || ' ' || encode(n.digest, 'hex') AS key FROM unnest($1::date[], $2::bytea[]) AS w (day, digest)
      JOIN fleet_red_names n USING (day, digest)`,
    columnsOf(wanted),
  )
  for (const { key } of rows) known.add(key)
  const counted = await sql.query<{ key: string; routes: number; places: number; codes: number }>(
    `SELECT d.day || ' ' || encode(d.tenant_digest, 'hex') AS key, routes, places, codes
      FROM unnest($1::date[], $2::bytea[]) AS w (day, tenant_digest) JOIN fleet_red_days d USING (day, tenant_digest)`,
    columnsOf(days.keys()),
  )
  for (const { key, ...before } of counted.rows) {
    const day = days.get(key)
    if (day !== undefined) days.set(key, { ...day, before })
  }

  return {
    isAdmitted(asked) {
      const key = nameKey(asked)
      if (known.has(key)) return true
      const day = days.get(dayKey(asked))
      if (day === undefined) throw new TypeError('a name is asked for that was not announced')
      if (day.before[asked.kind] + day.added[asked.kind] >= limits[asked.kind]) return false
      day.added[asked.kind]++
      known.add(key)
      added.add(key)
      return true
    },
    countOther(asked) {
      const day = days.get(dayKey(asked))
      if (day !== undefined) day.other++
    },
    async save() {
      if (added.size > 0)
        await sql.query(
          'INSERT INTO fleet_red_names (day, digest) SELECT * FROM unnest($1::date[], $2::bytea[])',
          columnsOf(added),
        )
      // In one order, for the follower of the other stream writes here too.
      const changed = [...days]
        .filter(([, { added: more, other: rest }]) => rest > 0 || more.routes + more.places + more.codes > 0)
        .sort(([a], [b]) => (a < b ? -1 : 1))
      if (changed.length === 0) return
      const values = changed.map(([, day]) => day)
      await sql.query(
        `INSERT INTO fleet_red_days AS d (day, tenant_digest, tenant, routes, places, codes, other)
        SELECT * FROM unnest($1::date[], $2::bytea[], $3::text[], $4::int[], $5::int[], $6::int[], $7::bigint[])
        ON CONFLICT (day, tenant_digest) DO UPDATE SET routes = d.routes + excluded.routes, places = d.places + excluded.places,
          codes = d.codes + excluded.codes, other = d.other + excluded.other`,
        [
          ...columnsOf(changed.map(([key]) => key)),
          values.map(({ tenant }) => tenant),
          values.map(({ added: more }) => more.routes),
          values.map(({ added: more }) => more.places),
          values.map(({ added: more }) => more.codes),
          values.map(({ other: rest }) => rest),
        ],
      )
    },
  }
}

/** Of names that may be longer than an index takes. */
export function digestOf(...names: readonly string[]): string {
  // Lengths in front, so that no two lists of names run together into the same text.
  return createHash('sha256')
    .update(names.map((name) => `${name.length}:${name}`).join(''))
    .digest('hex')
}

const zeros = (): Record<keyof NameLimits, number> => ({ routes: 0, places: 0, codes: 0 })
const newDay = { before: zeros(), other: 0 } as const
const dayOf = ({ second }: Pick<NameAsked, 'second'>): string => isoOf(second).slice(0, 10)

/** Keys of names and of days. Rows resemble each other, and a digest costs more than all else that is done to one: each is made once a batch. */
function createKeys() {
  const known = new Map<string, string>()
  const days = new Map<number, string>()
  const day = (asked: Pick<NameAsked, 'second'>): string => {
    const number = Math.floor(asked.second / 86_400)
    const text = days.get(number) ?? dayOf(asked)
    days.set(number, text)
    return text
  }
  const keyOf = (asked: Pick<NameAsked, 'second'>, names: readonly string[]): string => {
    // No text that comes from Postgres holds that character.
    const short = `${day(asked)}\0${names.join('\0')}`
    const key = known.get(short) ?? `${day(asked)} ${digestOf(...names)}`
    known.set(short, key)
    return key
  }
  return {
    nameKey: (asked: NameAsked): string => keyOf(asked, [asked.tenant, asked.kind, ...asked.name]),
    dayKey: (asked: Pick<NameAsked, 'tenant' | 'second'>): string => keyOf(asked, [asked.tenant]),
  }
}

function columnsOf(keys: Iterable<string>): [string[], Buffer[]] {
  const parts = [...keys].map((key) => key.split(' ') as [string, string])
  return [parts.map(([day]) => day), parts.map(([, digest]) => Buffer.from(digest, 'hex'))]
}
