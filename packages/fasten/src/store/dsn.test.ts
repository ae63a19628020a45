// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FastenError } from '../core/error.ts'
import { databaseOf, hideSecrets, parseDsn } from './dsn.ts'

const secret = ['hunter', '2'].join('')

describe('parseDsn', () => {
  const accepted: Readonly<Record<string, object>> = {
    'sqlite:///./fasten.db': { path: './fasten.db' },
    'sqlite:///data/app.db': { path: 'data/app.db' },
    'sqlite:////var/lib/audit.db': { path: '/var/lib/audit.db' },
    'SQLITE:///a.db': { path: 'a.db' },
    '  sqlite:///a.db\n': { path: 'a.db' },
    'sqlite:///a.db?table=orders_audit': { path: 'a.db', table: 'orders_audit' },
    'sqlite:///a.db?wal=true&table=_t1': { path: 'a.db', table: '_t1' },
    'sqlite:///a.db?': { path: 'a.db' },
    'sqlite:///with%20space%3F%25.db': { path: 'with space?%.db' },
    'sqlite:///C:/data/a.db': { path: 'C:/data/a.db' },
    'sqlite:///:memory:': { path: ':memory:', isMemory: true },
  }
  for (const [text, expected] of Object.entries(accepted)) {
    test(`${JSON.stringify(text)} is understood`, () => {
      assert.deepEqual(parseDsn(text), { kind: 'sqlite', isMemory: false, ...expected })
    })
  }

  test('a Postgres DSN keeps the parameters of the driver and loses ours', () => {
    const url = `postgresql://app:${secret}@db.internal:5433/trail`
    assert.deepEqual(parseDsn(`${url}?sslmode=require&table=logs.audit_log`), {
      kind: 'postgres',
      url: `${url}?sslmode=require`,
      schema: 'logs',
      table: 'audit_log',
    })
    assert.deepEqual(parseDsn('postgres:///trail?host=/run/postgresql'), {
      kind: 'postgres',
      url: 'postgres:///trail?host=/run/postgresql',
    })
  })

  test('a Postgres schema is named with the table or alone', () => {
    const schemas = ['schema=logs', 'table=logs.a', 'schema=logs&table=a', 'table=logs.a&schema=logs']
    assert.deepEqual(
      schemas.map((query) => {
        const dsn = parseDsn(`postgres://db/trail?${query}`)
        return dsn.kind === 'postgres' && [dsn.schema, dsn.table]
      }),
      [
        ['logs', undefined],
        ['logs', 'a'],
        ['logs', 'a'],
        ['logs', 'a'],
      ],
    )
  })

  test('a database is the same however user, password and parameters are spelled, and in another schema it is not', () => {
    const same = [
      `postgres://app:${secret}@h1,h2:5433/trail`,
      'postgresql://h1,h2:5433/trail?sslmode=require',
      'postgres://other@h1,h2:5433/trail?table=a&application_name=x',
    ]
    const names = new Set(same.map((text) => databaseOf(parseDsn(text))))
    assert.equal(names.size, 1)
    assert.doesNotMatch([...names].join(), new RegExp(secret))
    const others = [
      'postgres://h1/trail',
      'postgres://h1,h2:5433/other',
      'postgres://h1,h2:5433/trail?schema=s',
    ]
    for (const text of others) names.add(databaseOf(parseDsn(text)))
    assert.equal(names.size, 4)
  })

  const refused: readonly [text: string, code: string, said: RegExp][] = [
    ['', 'DSN_SCHEME', /empty.*sqlite:\/\/\//],
    ['audit.db', 'DSN_SCHEME', /no scheme.*sqlite:\/\/\/audit\.db/],
    ['./data/audit.db', 'DSN_SCHEME', /sqlite:\/\/\/data\/audit\.db/],
    ['C:\\data\\audit.db', 'DSN_SCHEME', /no scheme/],
    [`mysql://root:${secret}@db/trail`, 'DSN_SCHEME', /"mysql:".*schemes are sqlite:/],
    ['redis://cache', 'DSN_SCHEME', /"redis:"/],
    [`postgresql+psycopg://app:${secret}@db/trail`, 'DSN_SCHEME', /write postgresql:\/\//],
    ['sqlite://audit.db', 'DSN_PATH', /2 slashes.*sqlite:\/\/\/audit\.db/],
    ['sqlite:audit.db', 'DSN_PATH', /0 slashes/],
    ['sqlite:///', 'DSN_PATH', /names no database/],
    ['sqlite:///?table=a', 'DSN_PATH', /names no database/],
    ['sqlite:////var/lib/', 'DSN_PATH', /names no database/],
    ['sqlite:///100%.db', 'DSN_PATH', /%25/],
    ['sqlite:///a%00b.db', 'DSN_PATH', /%25/],
    ['sqlite:///a.db?table=', 'DSN_TABLE', /"".*\?table=audit_log/],
    ['sqlite:///a.db?table=1st', 'DSN_TABLE', /"1st"/],
    ['sqlite:///a.db?table=a;drop', 'DSN_TABLE', /"a;drop"/],
    ['sqlite:///a.db?table=a b', 'DSN_TABLE', /"a b"/],
    ['sqlite:///a.db?table=logs.audit', 'DSN_TABLE', /schema.*\?table=audit/],
    ['sqlite:///a.db?table=sqlite_master', 'DSN_TABLE', /reserved/],
    ['sqlite:///a.db?table=Fasten_logs', 'DSN_TABLE', /reserved/],
    [`sqlite:///a.db?table=${'x'.repeat(64)}`, 'DSN_TABLE', /63 at most/],
    ['sqlite:///a.db?tabel=a', 'DSN_PARAMETER', /tabel=a.*only one is table/],
    ['sqlite:///a.db?wal=false', 'DSN_PARAMETER', /wal=false/],
    ['sqlite:///a.db?table=a&table=b', 'DSN_PARAMETER', /twice/],
    [`postgres://app:${secret}@db`, 'DSN_PATH', /names no database/],
    [`postgres://app:${secret}@db/`, 'DSN_PATH', /names no database/],
    [`postgres://app:${secret}@db/trail?table=a.b.c`, 'DSN_TABLE', /"a\.b\.c"/],
    [`postgres://app:${secret}@db/trail?table=a.`, 'DSN_TABLE', /"a\."/],
    [`postgres://app:${secret}@db/trail?table=pg_class`, 'DSN_TABLE', /reserved/],
    [`postgres://app:${secret}@db/trail?table=x.fasten_logs`, 'DSN_TABLE', /reserved/],
    [`postgres://app:${secret}@db/trail?schema=pg_catalog`, 'DSN_TABLE', /schema/],
    [`postgres://app:${secret}@db/trail?schema=a&table=b.c`, 'DSN_TABLE', /two schemas.*\?table=b\.c/],
    [`postgres://app:${secret}@db/trail?tabel=a`, 'DSN_PARAMETER', /"tabel"/],
  ]
  for (const [text, code, said] of refused) {
    test(`${JSON.stringify(text.replace(secret, '…'))} is ${code}`, () => {
      assert.throws(
        () => parseDsn(text, { at: 'FASTEN_AUDIT_DSN' }),
        (error: unknown) => {
          assert.ok(error instanceof FastenError)
          assert.deepEqual([error.code, error.at], [code, 'FASTEN_AUDIT_DSN'])
          assert.match(error.toLine(), said)
          assert.doesNotMatch(JSON.stringify([error.toLine(), error.stack]), new RegExp(secret))
          return true
        },
      )
    })
  }
})

describe('hideSecrets', () => {
  const cases: Readonly<Record<string, string>> = {
    [`postgres://app:${secret}@db:5432/trail`]: 'postgres://app:***@db:5432/trail',
    [`postgres://app:a@b/c:${secret}@db/trail`]: 'postgres://app:***@db/trail',
    [`postgres://app@db/trail?sslmode=require&password=${secret}`]:
      'postgres://app@db/trail?sslmode=require&password=***',
    [`https://reader:${secret}@logs.internal/audit?api_key=${secret}&limit=5`]:
      'https://reader:***@logs.internal/audit?api_key=***&limit=5',
    'sqlite:///./a@b:c.db?table=t': 'sqlite:///./a@b:c.db?table=t',
    './plain/path.db': './plain/path.db',
  }
  for (const [text, shown] of Object.entries(cases)) {
    test(`shows ${shown}`, () => assert.equal(hideSecrets(text), shown))
  }
})
