// SPDX-License-Identifier: Apache-2.0
import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import type { KeyStore, RefusedKey, Tombstone } from '../privacy/key-store.ts'
import type { WrappedKey } from '../privacy/sealed.ts'
import type { SqliteConnection, SqliteDriver, SqlRecord } from './driver.ts'
import { storeFault } from './fault.ts'
import { rollback } from './migrate.ts'
import { closeQuietly } from './replacement.ts'

export interface SqliteKeyStoreOptions {
  /** `:memory:` for a private one. */
  readonly path: string
  readonly driver: SqliteDriver
  readonly busyTimeoutMs: number
  /** `read` makes no file: what is not there holds no keys. */
  readonly mode: 'write' | 'read'
}

/**
 * Wrapped keys in a SQLite file of their own, so that they can be backed up, and forgotten, apart from the rows. The file is opened with
 * the first call that needs it.
 *
 * Deleted bytes do not stay: `secure_delete` overwrites them in the file, there is no write-ahead log to hold older pages (the
 * rollback journal is deleted with each commit), and destroying a key ends in a VACUUM.
 */
export function openSqliteKeyStore(options: SqliteKeyStoreOptions): KeyStore {
  let session: Session | undefined

  /** With `whenMissing` no file is made: that is the answer of a store that holds nothing yet. */
  function attempt<T>(work: (session: Session) => T, whenMissing?: T): T {
    try {
      const { mode, path } = options
      const isThere = session !== undefined || path === ':memory:' || existsSync(path)
      if (!isThere && whenMissing !== undefined) return whenMissing
      if (mode === 'read' && !isThere) throw readOnly(path)
      session ??= connect(options)
      return work(session)
    } catch (error) {
      throw storeFault(error, options.path)
    }
  }

  return {
    put: async (keys) => attempt((open) => put(open, keys)),
    get: async (ids) => attempt((open) => keysWhere(open, 'id', ids), []),
    ofSubjects: async (subjects) => attempt((open) => keysWhere(open, 'subject', subjects), []),
    destroy: async (tombstone) => attempt((open) => destroy(open, tombstone)),
    keks: async () =>
      attempt(
        ({ connection }) =>
          connection
            .prepare('SELECT DISTINCT kek FROM keys ORDER BY kek')
            .all()
            .map(({ kek }) => String(kek)),
        [],
      ),
    wrappedByOthers: async (kek, afterId, keysMax) =>
      attempt(
        ({ connection }) =>
          connection
            .prepare('SELECT * FROM keys WHERE id > ? AND kek <> ? ORDER BY id LIMIT ?')
            .all(afterId, kek, keysMax)
            .map(keyOf),
        [],
      ),
    tombstones: async () => attempt(tombstones, []),
    all: async () =>
      attempt(({ connection }) => connection.prepare(`SELECT * FROM keys ORDER BY id`).all().map(keyOf), []),
    replace: async (keys) => attempt((open) => replace(open, keys)),
    async close() {
      if (session !== undefined) closeQuietly(session.connection)
      session = undefined
    },
  }
}

interface Session {
  readonly connection: SqliteConnection
}

function connect({ path, driver, busyTimeoutMs, mode }: SqliteKeyStoreOptions): Session {
  const isReadOnly = mode === 'read'
  if (path !== ':memory:' && !isReadOnly) makeFolder(dirname(path))
  const connection = driver.open(path, { isReadOnly, busyTimeoutMs })
  if (isReadOnly) return { connection }
  try {
    if (path !== ':memory:') chmodSync(path, 0o600)
    connection.exec(`
      PRAGMA journal_mode = DELETE;
      PRAGMA synchronous = EXTRA;
      PRAGMA fullfsync = ON;
      PRAGMA secure_delete = ON;
      PRAGMA temp_store = MEMORY;
      CREATE TABLE IF NOT EXISTS keys (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        subject TEXT NOT NULL,
        kek TEXT NOT NULL,
        made_at TEXT NOT NULL,
        wrapped TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS keys_subject ON keys (subject);
      CREATE TABLE IF NOT EXISTS destroyed (
        id TEXT PRIMARY KEY,
        subject TEXT NOT NULL,
        basis TEXT NOT NULL,
        erased_at TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS tombstones (
        number INTEGER PRIMARY KEY,
        text TEXT NOT NULL UNIQUE
      ) STRICT;
      CREATE TABLE IF NOT EXISTS erased_subjects (
        subject TEXT PRIMARY KEY,
        basis TEXT NOT NULL,
        erased_at TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `)
    return { connection }
  } catch (error) {
    closeQuietly(connection)
    throw error
  }
}

function put({ connection }: Session, keys: readonly WrappedKey[]): readonly RefusedKey[] {
  const one = new Map(keys.map((key) => [key.id, key]))
  const known = new Set(keysWhere({ connection }, 'id', [...one.keys()]).map(({ id }) => id))
  const fresh = [...one.values()].filter(({ id }) => !known.has(id))
  if (fresh.length === 0) return []
  return transaction(connection, () => {
    const destroyed = connection.prepare('SELECT subject, basis, erased_at FROM destroyed WHERE id = ?')
    const erased = connection.prepare(
      'SELECT subject, basis, erased_at FROM erased_subjects WHERE subject = ? AND erased_at >= ?',
    )
    const insert = connection.prepare('INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?, ?, ?)')
    const bury = connection.prepare('INSERT OR IGNORE INTO destroyed VALUES (?, ?, ?, ?)')
    const refused: RefusedKey[] = []
    for (const { id, tenant, subject, kek, made_at, wrapped } of fresh) {
      const grave = destroyed.get(id) ?? erased.get(subject, made_at)
      if (grave === undefined) {
        insert.run(id, tenant, subject, kek, made_at, wrapped)
        continue
      }
      const [basis, erased_at] = [String(grave['basis']), String(grave['erased_at'])]
      bury.run(id, subject, basis, erased_at)
      refused.push({ id, subject: String(grave['subject']), basis, erased_at })
    }
    return refused
  })
}

function destroy({ connection }: Session, tombstone: Tombstone): readonly string[] {
  const { subjects, key_ids, basis, erased_at } = tombstone
  const others = transaction(connection, () => {
    const remove = connection.prepare('DELETE FROM keys WHERE id = ?')
    const bury = connection.prepare('INSERT OR IGNORE INTO destroyed VALUES (?, ?, ?, ?)')
    for (const id of key_ids) {
      remove.run(id)
      bury.run(id, subjects[0] ?? '', basis, erased_at)
    }
    const forget = connection.prepare(`
      INSERT INTO erased_subjects VALUES (?, ?, ?)
      ON CONFLICT (subject) DO UPDATE SET basis = excluded.basis, erased_at = excluded.erased_at
      WHERE excluded.erased_at > erased_at`)
    for (const subject of subjects) forget.run(subject, basis, erased_at)
    connection.prepare('INSERT OR IGNORE INTO tombstones (text) VALUES (?)').run(JSON.stringify(tombstone))
    return keysWhere({ connection }, 'subject', subjects).filter(({ made_at }) => made_at <= erased_at)
  })
  // Pages that were moved about before hold old bytes still; only a file that is written anew does not.
  connection.exec('VACUUM')
  return others.map(({ id }) => id).sort()
}

function tombstones({ connection }: Session): readonly Tombstone[] {
  return connection
    .prepare('SELECT text FROM tombstones ORDER BY number')
    .all()
    .map(({ text }) => readJson(String(text)) as Tombstone)
}

function replace({ connection }: Session, keys: readonly WrappedKey[]): void {
  transaction(connection, () => {
    const update = connection.prepare('UPDATE keys SET subject = ?, kek = ?, wrapped = ? WHERE id = ?')
    for (const { id, subject, kek, wrapped } of keys) update.run(subject, kek, wrapped, id)
  })
  connection.exec('VACUUM')
}

function keysWhere(
  { connection }: Session,
  column: 'id' | 'subject',
  values: readonly string[],
): WrappedKey[] {
  const statement = connection.prepare(`SELECT * FROM keys WHERE ${column} = ? ORDER BY id`)
  return [...new Set(values)].flatMap((value) => statement.all(value).map(keyOf))
}

function transaction<T>(connection: SqliteConnection, work: () => T): T {
  connection.exec('BEGIN IMMEDIATE')
  try {
    const answer = work()
    connection.exec('COMMIT')
    return answer
  } catch (error) {
    rollback(connection)
    throw error
  }
}

function readOnly(path: string): FastenError {
  return new FastenError('STORE_READONLY', 'the key store was opened for reading', {
    at: path,
    hint: 'open the store with mode: "write"',
  })
}

function keyOf(record: SqlRecord): WrappedKey {
  const text = (name: keyof WrappedKey): string => String(record[name])
  return {
    id: text('id'),
    tenant: text('tenant'),
    subject: text('subject'),
    kek: text('kek'),
    made_at: text('made_at'),
    wrapped: text('wrapped'),
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new FastenError(
      'KEY_IO',
      `the folder of the keys cannot be made: ${systemCode(cause) ?? String(cause)}`,
      {
        at: folder,
        hint: 'give this user write access, or name another folder with FASTEN_KEY_DIR',
        cause,
      },
    )
  }
}
