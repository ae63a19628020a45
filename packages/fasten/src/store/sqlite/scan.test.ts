// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { StreamName } from '../../core/row.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import type { ScanFilter, ScanQuery } from '../ports.ts'
import { loadSqliteDriver, type SqliteConnection } from './driver.ts'
import { batch, createPlaces, targetOf, using } from './fixtures/places.ts'
import { count, scan } from './scan.ts'
import { createStatements, type Statements } from './statements.ts'

const place = createPlaces()

describe('questions are answered from an index', () => {
  let connection: SqliteConnection
  before(async () => {
    const path = join(place(), 'rows.db')
    await using(targetOf(path), async (store) => {
      const samples = createSampleDrafts()
      const drafts = Array.from({ length: 90 }, (_, row) => samples.audit({ code: `ORDER_${row % 4}` }))
      const rare = createSampleDrafts({ tenant_id: 'rare', boot_id: '00000000000000bb' })
      await store.append(batch([...drafts, rare.audit(), samples.sys(), samples.api()], 1))
    })
    connection = (await loadSqliteDriver()).open(path, { isReadOnly: true, busyTimeoutMs: 0 })
    return () => connection.close()
  })

  /** How SQLite goes about the statements that `ask` runs on rows, in one line each. */
  function plansOf(ask: (statements: Statements) => unknown): string[] {
    const statements = createStatements(connection)
    const plans: string[] = []
    const noted =
      <T>(prepare: (sql: string) => T) =>
      (sql: string): T => {
        if (!/fasten_logs|RECURSIVE/.test(sql)) {
          const values = Array.from(sql.matchAll(/\?/g), () => 1)
          const steps = connection.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
          plans.push(steps.map(({ detail }) => String(detail)).join('; '))
        }
        return prepare(sql)
      }
    ask({ prepare: noted(statements.prepare), prepareArrays: noted(statements.prepareArrays) })
    return plans
  }

  const cases: readonly [
    filter: ScanFilter,
    order: ScanQuery['order'],
    plan: RegExp,
    more?: Partial<ScanQuery>,
  ][] = [
    [{}, 'newest', /^SCAN audit_log USING INDEX audit_log_time$/],
    [{}, 'oldest', /^SCAN audit_log USING INDEX audit_log_time$/],
    [{}, 'stored', /^SCAN audit_log$/],
    [{}, 'stored', /USING INTEGER PRIMARY KEY \(rowid>\?\)$/, { after: { timestamp: '', position: 5 } }],
    [
      { code: 'ORDER_1', since: '2031' },
      'stored',
      /USING INTEGER PRIMARY KEY \(rowid>\?\)$/,
      { after: { timestamp: '', position: 5 } },
    ],
    [
      {},
      'newest',
      /^SEARCH audit_log USING INDEX audit_log_time \(timestamp<\?\)$/,
      { after: { timestamp: '2031', position: 5 } },
    ],
    [
      { since: '2031', outcome: 'denied', text: 'x' },
      'newest',
      /^SEARCH audit_log USING INDEX audit_log_time \(timestamp>\?\)$/,
    ],
    [{ id: 'evt-1' }, 'newest', /USING INDEX audit_log_id \(id=\?\)/],
    [{ request_id: 'req-1' }, 'oldest', /USING INDEX audit_log_request \(request_id=\?\)/],
    [
      { request_id: 'req-1', since: '2031', code: 'ORDER_1' },
      'newest',
      /USING INDEX audit_log_request \(request_id=\?\)/,
    ],
    [
      { code: 'ORDER_1', since: '2031' },
      'newest',
      /^SEARCH audit_log USING INDEX audit_log_code \(code=\? AND timestamp>\?\)$/,
    ],
    [{ actor: 'u-42' }, 'newest', /^SEARCH audit_log USING INDEX audit_log_actor \(actor=\?\)$/],
    [
      { actor: 'u-42', code: 'ORDER_*' },
      'newest',
      /^SEARCH audit_log USING INDEX audit_log_actor \(actor=\?\)$/,
    ],
    // Each code of a prefix by itself, no further than the answer is long.
    ...(['newest', 'oldest', 'stored'] as const).map((order): [ScanFilter, ScanQuery['order'], RegExp] => [
      { caused_by: ['evt-1', 'evt-2'], since: '2031' },
      order,
      /^SEARCH audit_log USING INDEX audit_log_cause/,
    ]),
    [{ code: 'ORDER_*' }, 'newest', /(.*USING COVERING INDEX audit_log_code \(code=\?\).*){4}/],
    [{ tenant_id: 'rare' }, 'newest', /USING INDEX audit_log_place \(log_id=\?\)/],
    [{ service_id: 'gateway' }, 'newest', /^SCAN audit_log USING INDEX audit_log_time$/],
  ]
  for (const [filter, order, plan, more] of cases) {
    test(`${order} ${JSON.stringify({ ...filter, ...more })}`, () => {
      const [only, ...others] = plansOf((statements) =>
        scan(statements, 'audit_log', { stream: 'audit', filter, order, limit: 50, ...more }),
      )
      assert.match(only ?? '', plan)
      assert.deepEqual(others, [])
    })
  }

  test('counting reads no more than an index where one has it all', () => {
    const counting = (filter: ScanFilter, stream: StreamName = 'audit'): string[] =>
      plansOf((statements) => count(statements, `${stream}_log`, stream, filter, 1000))
    assert.match(
      counting({ code: 'ORDER_*' })[0] ?? '',
      /SEARCH audit_log USING COVERING INDEX audit_log_code \(code>\? AND code<\?\)/,
    )
    assert.match(
      counting({ since: '2031' }, 'api')[0] ?? '',
      /SEARCH api_log USING COVERING INDEX api_log_time/,
    )
    assert.match(counting({})[0] ?? '', /USING COVERING INDEX/)
  })

  test('what cannot be there is not looked for', () => {
    for (const filter of [{ code: 'NONE*' }, { tenant_id: 'nobody' }, { log: '_/no/where/audit' }])
      assert.deepEqual(
        plansOf((statements) =>
          scan(statements, 'audit_log', { stream: 'audit', filter, order: 'newest', limit: 50 }),
        ),
        [],
      )
  })
})
