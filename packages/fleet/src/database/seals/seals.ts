// SPDX-License-Identifier: Apache-2.0
import { createHmac, timingSafeEqual } from 'node:crypto'
import { FastenError } from 'fasten'
import { canonicalize, type JsonObject } from 'fasten/core'
import type { Pool, PoolClient } from 'pg'
import { sealedSql, sealedTables, sealKinds, type SealedRow, type SealKind } from './sealed-row.ts'

/** A row whose seal does not hold: somebody who does not have the fleet's secret wrote it. */
export interface BrokenSeal {
  readonly kind: SealKind
  readonly id: string
  /** Nobody has sealed it; else what it says was changed, or the seal is another row's. */
  readonly isUnsealed: boolean
}

/** The seals of the rows that say who may do what. */
export interface Seals {
  /** Whether a row, read as `sealedSql`, is as this fleet left it. One that is not gives nothing, and whoever listens is told. */
  holds(kind: SealKind, row: SealedRow): boolean
  /**
   * Locks a row until the transaction ends, before something is changed in it that would leave it standing. Throws FastenError `ACCESS_ROW_ALTERED` for
   * one whose seal does not hold, since sealing it anew would make good what somebody slipped in; a row that is not there is nobody's concern.
   */
  lock(sql: PoolClient, kind: SealKind, id: string): Promise<void>
  /** Seals rows as they are now, in the transaction that made or changed them. */
  seal(sql: PoolClient, kind: SealKind, ...ids: readonly string[]): Promise<void>
  /** A MAC, hex, over facts of the fleet's own that it keeps in the database, for one purpose. */
  stamp(purpose: string, facts: JsonObject): string
  /** Told of every broken seal whenever it is met. */
  onBroken(listener: (broken: BrokenSeal) => void): void
}

/** `key` is of this purpose alone, 32 bytes. */
export function createSeals(key: Buffer): Seals {
  const listeners: ((broken: BrokenSeal) => void)[] = []

  const macOf = (kind: SealKind, { id, members }: Pick<SealedRow, 'id' | 'members'>): Buffer =>
    createHmac('sha256', key)
      .update(canonicalize({ kind, id, members: members as JsonObject }))
      .digest()

  function isWhole(kind: SealKind, row: SealedRow): boolean {
    const seal = Buffer.from(row.seal ?? '', 'hex')
    const mac = macOf(kind, row)
    return seal.length === mac.length && timingSafeEqual(seal, mac)
  }

  function holds(kind: SealKind, row: SealedRow): boolean {
    const isSound = isWhole(kind, row)
    if (!isSound)
      for (const listener of listeners) listener({ kind, id: row.id, isUnsealed: row.seal === null })
    return isSound
  }

  return {
    holds,
    async lock(sql, kind, id) {
      const row = await read(sql, kind, id)
      if (row === undefined || holds(kind, row)) return
      throw new FastenError('ACCESS_ROW_ALTERED', `the ${words(kind)} ${id} was altered in the database`, {
        at: `${kind}:${id}`,
        hint: 'revoke it and make another; for a user of this fleet: fleet admin password',
      })
    },
    async seal(sql, kind, ...ids) {
      for (const id of ids) {
        const row = await read(sql, kind, id)
        if (row === undefined) throw new TypeError(`there is no ${kind} ${id} to seal`)
        const { table } = sealedTables[kind]
        await sql.query(`UPDATE ${table} SET seal = $2 WHERE ${idIs(kind)}`, [id, macOf(kind, row)])
      }
    },
    stamp: (purpose, facts) =>
      createHmac('sha256', key).update(canonicalize({ purpose, facts })).digest('hex'),
    onBroken(listener) {
      listeners.push(listener)
    },
  }
}

/** How many rows of each kind were sealed. */
export type SealCounts = Readonly<Partial<Record<SealKind, number>>>

/** Seals what was there before there were seals. In the transaction of the migration that brings them, and never else. */
export async function sealEverything(sql: PoolClient, seals: Seals): Promise<SealCounts> {
  const counts: Partial<Record<SealKind, number>> = {}
  for (const kind of sealKinds) {
    const { table } = sealedTables[kind]
    const { rows } = await sql.query<{ sealed: SealedRow }>(
      `SELECT ${sealedSql(kind, 't')} AS sealed FROM ${table} t`,
    )
    await seals.seal(sql, kind, ...rows.map(({ sealed }) => sealed.id))
    if (rows.length > 0) counts[kind] = rows.length
  }
  return counts
}

/** Reads every row once, so that what was slipped in is told before anybody uses it. Answers how many rows there are, and what is broken. */
export async function checkSeals(
  pool: Pick<Pool, 'query'>,
  seals: Pick<Seals, 'holds'>,
): Promise<{ readonly rows: number; readonly broken: readonly string[] }> {
  let count = 0
  const broken: string[] = []
  for (const kind of sealKinds) {
    const { table, id } = sealedTables[kind]
    for (let after: string | undefined; ;) {
      const { rows } = await pool.query<{ sealed: SealedRow }>(
        `SELECT ${sealedSql(kind, 't')} AS sealed FROM ${table} t WHERE $1::text IS NULL OR t.${id} > ${idOf(kind)} ORDER BY t.${id} LIMIT 500`,
        [after ?? null],
      )
      for (const { sealed } of rows) if (!seals.holds(kind, sealed)) broken.push(`${kind}:${sealed.id}`)
      count += rows.length
      after = rows.at(-1)?.sealed.id
      if (rows.length < 500) break
    }
  }
  return { rows: count, broken }
}

async function read(sql: PoolClient, kind: SealKind, id: string): Promise<SealedRow | undefined> {
  const { table } = sealedTables[kind]
  const { rows } = await sql.query<{ sealed: SealedRow }>(
    `SELECT ${sealedSql(kind, 't')} AS sealed FROM ${table} t WHERE ${idIs(kind, 't.')} FOR UPDATE OF t`,
    [id],
  )
  return rows[0]?.sealed
}

/** SQL: the first parameter as the column that names a row. */
const idOf = (kind: SealKind): string =>
  sealedTables[kind].bytes?.includes(sealedTables[kind].id) === true ? "decode($1::text, 'hex')" : '$1::text'

const idIs = (kind: SealKind, alias = ''): string => `${alias}${sealedTables[kind].id} = ${idOf(kind)}`

const words = (kind: SealKind): string => kind.replaceAll('_', ' ')
