// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FastenError } from 'fasten'
import { sha256 } from 'fasten/store'
import type { PoolClient } from 'pg'

export interface MigrateOptions {
  /** Names that the texts ask for as {{name}}, already quoted. */
  readonly names: Readonly<Record<string, string>>
  /** Default: the folder beside this file. */
  readonly folder?: string
  /** Run no others; default all that are due. */
  readonly only?: ReadonlySet<string>
  /** What else a step needs that SQL cannot do, by the step's name; in its transaction, behind its text. */
  readonly andThen?: Readonly<Record<string, (sql: PoolClient) => Promise<void>>>
}

/** A migration that was run, by its name and the SHA-256 of its text. */
export interface RunMigration {
  readonly name: string
  readonly digest: string
}

interface Migration extends RunMigration {
  readonly text: string
}

/**
 * Brings the fleet's own tables to the newest layout: every file of `migrations` that was not run yet, in the order of their names, each in a
 * transaction of its own with the line that says it was. The caller holds the lock of starting servers.
 *
 * Throws FastenError `FLEET_SCHEMA_NEWER` when a migration was run that this version does not have, and `FLEET_SCHEMA_DIFFERS` when one was
 * edited after it was run.
 */
export async function migrateFleet(
  sql: PoolClient,
  { names, folder, only, andThen }: MigrateOptions,
): Promise<readonly string[]> {
  await sql.query(
    `CREATE TABLE IF NOT EXISTS fleet_migrations (
      name text PRIMARY KEY, digest text NOT NULL, run_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
  )
  const { rows } = await sql.query<RunMigration>('SELECT name, digest FROM fleet_migrations')
  const known = migrationsIn(folder)
  refuseUnknown(rows, known)
  const run = new Set(rows.map(({ name }) => name))
  const due = known.filter(({ name }) => !run.has(name) && (only?.has(name) ?? true))
  for (const { name, text, digest } of due) {
    await sql.query('BEGIN')
    try {
      await sql.query(filled(text, names))
      await andThen?.[name]?.(sql)
      await sql.query('INSERT INTO fleet_migrations (name, digest) VALUES ($1, $2)', [name, digest])
      await sql.query('COMMIT')
    } catch (error) {
      await sql.query('ROLLBACK')
      throw error
    }
  }
  return due.map(({ name }) => name)
}

/** Throws what `migrateFleet` throws where this version cannot go on from a layout to which these migrations led. */
export function refuseUnknown(run: readonly RunMigration[], known = migrationsIn()): void {
  for (const { name, digest } of run) {
    const own = known.find((migration) => migration.name === name)
    if (own === undefined)
      throw new FastenError(
        'FLEET_SCHEMA_NEWER',
        `the database was brought to ${name}, which this version does not know`,
        {
          at: name,
          hint: 'a newer fleet was here: update this one; going back needs a backup from before the update',
        },
      )
    if (own.digest !== digest)
      throw new FastenError(
        'FLEET_SCHEMA_DIFFERS',
        `${name} was run with another text than this version has`,
        {
          at: name,
          hint: 'install the version that made this database, or restore its backup',
        },
      )
  }
}

function migrationsIn(folder = join(import.meta.dirname, 'migrations')): readonly Migration[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8')
      return { name, text, digest: sha256(new TextEncoder().encode(text)) }
    })
}

function filled(text: string, names: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = names[name]
    if (value === undefined) throw new TypeError(`a migration asks for {{${name}}}, which nobody gives`)
    return value
  })
}
