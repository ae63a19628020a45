// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { streams } from '../../core/row.ts'
import { formatMicros, parseTime } from '../../core/timestamp.ts'
import { openStore } from '../../store/open.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { spooled } from '../../testing/store-contract.ts'
import { ask } from '../fixtures/ask.ts'
import { temporaryFolder } from '../fixtures/shop.ts'

test('what is due is shown, held, swept, told, and explained by verify', async (t) => {
  const path = await trail(t)
  const at = ['-s', path]
  const planned = await ask(['retention', 'plan', path])
  assert.equal(planned.exitCode, 0, planned.err)
  assert.match(planned.out, /^\s*4 {2}short {2}ORDER_PLACED {2}_\//m)
  assert.match(planned.err, /4 rows would go, the oldest of 2020-01-01T00:00:00Z/)
  const added = await ask([
    'retention',
    'hold',
    'add',
    '--actor',
    'alice',
    '--reason',
    'case 7',
    '--by',
    'counsel',
    '--json',
    ...at,
  ])
  assert.equal(added.exitCode, 0, added.err)
  const { hold_id } = JSON.parse(added.out) as { hold_id: string }
  assert.match(
    (await ask(['retention', 'hold', 'list', ...at])).out,
    /in force .*counsel {2}actor=alice {2}case 7/,
  )
  const first = await ask(['retention', 'run', ...at])
  assert.equal(first.exitCode, 1, first.err)
  assert.match(first.out, /3 rows swept \(short 3\) in 1 log; the file has [\d.]+.*\n1 row kept by a hold/)
  const released = await ask([
    'retention',
    'hold',
    'release',
    hold_id,
    '--reason',
    'settled',
    '--by',
    'counsel',
    ...at,
  ])
  assert.equal(released.exitCode, 0, released.err)
  const second = await ask(['retention', 'run', '--json', ...at])
  assert.deepEqual([second.exitCode, (JSON.parse(second.out) as { rows: number }).rows], [0, 1])
  assert.match((await ask(['retention', 'run', ...at])).out, /nothing was due/)
  const verified = await ask(['verify', path])
  assert.equal(verified.exitCode, 0, verified.out)
  assert.match(verified.out, /4 expired/)
  const examined = await ask(['doctor', '--read-only', '--full', ...at])
  assert.match(examined.out, /in 1 log, 4 rows expired/, examined.err)
  assert.equal(
    (await ask(['retention', 'hold', 'release', hold_id, '--reason', 'x', '--by', 'y', ...at])).exitCode,
    5,
  )
})

test('periods of the environment count, and a wrong one is named with its remedy', async (t) => {
  const path = await trail(t)
  const env = { FASTEN_AUDIT_RETENTION_OVERRIDE: 'ORDER_*=permanent' }
  assert.match((await ask(['retention', 'plan', path], { env })).err, /no rows would go/)
  const wrong = await ask(['retention', 'plan', path], {
    env: { FASTEN_AUDIT_RETENTION_CLASS_LONG: '7 years' },
  })
  assert.equal(wrong.exitCode, 2)
  assert.match(wrong.err, /7 years.*FASTEN_AUDIT_RETENTION_CLASS_LONG.*7y/s)
})

test('a hold that names no rows, no reason or nobody is refused', async (t) => {
  const path = await trail(t)
  for (const words of [
    ['--actor', 'a'],
    ['--reason', 'x', '--by', 'y'],
    ['--actor', 'a', '--by', 'y', '--reason', ' '],
  ])
    assert.equal((await ask(['retention', 'hold', 'add', ...words, '-s', path])).exitCode, 2)
})

/** A store with four rows of 2020 that are due and two that are not. */
async function trail(t: TestContext): Promise<string> {
  const path = join(temporaryFolder(t), 'rows.db')
  const store = await openStore({ dsn: { kind: 'sqlite', path, isMemory: false }, streams })
  const samples = createSampleDrafts()
  const timestamp = formatMicros(parseTime('2020-01-01', 0) ?? 0)
  const drafts = [
    ...[1, 2, 3].map(() => samples.audit({ timestamp, retention_class: 'short', actor: 'bob' })),
    samples.audit({ timestamp, retention_class: 'short', actor: 'alice' }),
    samples.audit({ timestamp, retention_class: 'permanent' }),
    samples.audit({ retention_class: 'short' }),
  ]
  await store.append({
    spool: '00000000000000aa',
    position: 6n,
    drafts: drafts.map((draft) => spooled(draft)),
  })
  await store.close()
  return path
}
