// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { streams } from '../core/row.ts'
import { verifyLogs } from '../reader/local-verify.ts'
import { openStore } from '../store/open.ts'
import { sha256 } from '../store/platform.ts'
import { batch, targetOf } from '../store/sqlite/fixtures/places.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { createFasten } from './create.ts'

const folder = mkdtempSync(join(tmpdir(), 'fasten-retention-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a service sweeps what is due by itself, counts it, and goes on emitting', async () => {
  const path = join(folder, 'rows.db')
  const samples = createSampleDrafts()
  const old = { timestamp: '2020-01-01T00:00:00.000000Z', retention_class: 'short' } as const
  const filling = await openStore(targetOf(path))
  await filling.append(
    batch(
      Array.from({ length: 20 }, () => samples.audit(old)),
      20,
    ),
  )
  await filling.close()

  const fasten = createFasten({
    auditDsn: `sqlite:///${path}`,
    keyDir: join(folder, 'node'),
    spoolDir: join(folder, 'spool'),
    serviceId: 'gateway',
    nodeId: 'edge-1',
    retentionSweepInterval: '1s',
    stdout: 'none',
    exitHooks: false,
  } as never)
  fasten.emit({ code: 'DOCTOR_PROBE', target: 'here' })
  assert.equal(await fasten.flush(60_000), true)
  for (const deadline = performance.now() + 60_000; fasten.stats().swept_rows < 20;) {
    assert.ok(performance.now() < deadline, 'nothing was swept for a minute')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.equal(fasten.stats().swept_rows, 20)
  fasten.emit({ code: 'DOCTOR_PROBE', target: 'here' })
  assert.equal(await fasten.flush(60_000), true)
  await fasten.close(60_000)

  const store = await openStore({ ...targetOf(path, { mode: 'read' }), streams })
  const { verdict, logs } = await verifyLogs([store], { stream: 'audit' }, sha256)
  await store.close()
  assert.deepEqual([verdict, logs.reduce((sum, each) => sum + each.rows_expired, 0)], ['PASS', 20])
})
