// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { loadSqliteDriver, resultCode, sqliteDriverNames, type SqliteConnection } from './driver.ts'
import { isConstraint, resultFamily } from './fault.ts'
import { createPlaces } from './fixtures/places.ts'

const place = createPlaces()
const huge = 9_007_199_254_740_993n

for (const name of sqliteDriverNames) {
  describe(`the driver ${name}`, async () => {
    const driver = await loadSqliteDriver(name)
    const on = (work: (connection: SqliteConnection, path: string) => void): void => {
      const path = join(place(), 'rows.db')
      const connection = driver.open(path, { isReadOnly: false, busyTimeoutMs: 10 })
      try {
        work(connection, path)
      } finally {
        connection.close()
      }
    }

    test('hands out rows as objects and as arrays, large integers whole', () => {
      on((connection) => {
        connection.exec('CREATE TABLE t (a INTEGER, b TEXT, c BLOB)')
        const insert = connection.prepare('INSERT INTO t VALUES (?, ?, ?)')
        assert.equal(insert.run(huge, 'ü', new Uint8Array([1, 2])), 1)
        assert.equal(insert.run(null, null, null), 1)
        const exact = connection.prepare('SELECT a, b FROM t WHERE b = ?', { hasBigInts: true })
        assert.deepEqual({ ...exact.get('ü') }, { a: huge, b: 'ü' })
        assert.equal(exact.get('x'), undefined)
        const [first, second] = connection.prepareArrays('SELECT a, b, c FROM t ORDER BY b DESC').all()
        assert.deepEqual(
          [first?.[0], first?.[1], [...((first?.[2] as Uint8Array | undefined) ?? [])]],
          [huge, 'ü', [1, 2]],
        )
        assert.deepEqual(second, [null, null, null])
      })
    })

    test('says by number what SQLite refused', () => {
      on((connection, path) => {
        connection.exec(
          'CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE) STRICT'.replace('b UNIQUE', 'b TEXT UNIQUE'),
        )
        connection.exec("INSERT INTO t VALUES (1, 'x')")
        const codeOf = (work: () => unknown): number | undefined => {
          try {
            work()
          } catch (error) {
            return resultCode(error)
          }
          return undefined
        }
        assert.equal(
          codeOf(() => connection.exec("INSERT INTO t VALUES (2, 'x')")),
          2067,
        )
        assert.equal(
          codeOf(() => connection.exec("INSERT INTO t VALUES (1, 'y')")),
          1555,
        )
        assert.equal(
          codeOf(() => connection.exec('SELECT nonsense FROM nowhere')),
          1,
        )
        connection.exec('BEGIN EXCLUSIVE')
        const other = driver.open(path, { isReadOnly: false, busyTimeoutMs: 1 })
        assert.equal((codeOf(() => other.exec('BEGIN IMMEDIATE')) ?? 0) & 0xff, 5)
        other.close()
        connection.exec('ROLLBACK')
        const reader = driver.open(path, { isReadOnly: true, busyTimeoutMs: 1 })
        assert.equal((codeOf(() => reader.exec("INSERT INTO t VALUES (3, 'z')")) ?? 0) & 0xff, 8)
        reader.close()
        assert.equal(
          (codeOf(() => driver.open(`${path}/none`, { isReadOnly: true, busyTimeoutMs: 1 })) ?? 14) & 0xff,
          14,
        )
      })
    })
  })
}

test('errors of better-sqlite3 are known by name, also those that are not listed', () => {
  const error = (code: string): Error => Object.assign(new Error(code), { code })
  assert.equal(resultFamily(error('SQLITE_IOERR_FSYNC')), 10)
  assert.equal(resultFamily(error('SQLITE_CONSTRAINT_DATATYPE')), 19)
  assert.ok(isConstraint(error('SQLITE_CONSTRAINT_NOTNULL')))
  assert.equal(resultCode(error('ENOENT')), undefined)
  assert.equal(resultCode('SQLITE_BUSY'), undefined)
})
