// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask } from '../fixtures/ask.ts'
import { emitRows, newShop, openShop, root, type Shop } from '../fixtures/gift-shop.ts'
import type { CheckResult } from './check.ts'

async function said({ env }: Shop): Promise<CheckResult | undefined> {
  const { out } = await ask(['doctor', '--json', '--read-only'], { env })
  return (JSON.parse(out) as { results: readonly CheckResult[] }).results.find(
    ({ name }) => name === 'privacy',
  )
}

test('the doctor tells of the key, of requests that wait, and of erased values that came back', async () => {
  const shop = newShop()
  const { env, folder } = shop
  assert.equal((await said(shop))?.status, 'skip')
  const fasten = openShop(shop)
  emitRows(fasten, 3)
  await fasten.flush(60_000)
  await fasten.close()
  assert.match((await said(shop))?.message ?? '', /^key [0-9a-f]{16}, no erasures remembered$/)

  const basis = ['--basis', 'GDPR Art. 17(1)(b)']
  const asked = await ask(['erase', 'request', 'user:eve', ...basis, '--by', 'pat', '--json'], { env })
  const { request_id } = JSON.parse(asked.out) as { request_id: string }
  assert.deepEqual([(await said(shop))?.status, (await said(shop))?.detail?.['open_requests']], ['warn', 1])
  const listed = await ask(['erase', 'requests'], { env })
  assert.ok(listed.out.includes(request_id) && !listed.out.includes('eve'))

  const backup = mkdtempSync(join(root, 'backup-'))
  cpSync(join(folder, 'rows.db'), join(backup, 'rows.db'))
  assert.equal((await ask(['erase', 'approve', request_id, 'user:eve', '--by', 'kim'], { env })).exitCode, 0)
  assert.equal((await ask(['erase', 'requests', '--json'], { env })).out, '')
  assert.match((await said(shop))?.message ?? '', /1 erasure remembered$/)
  rmSync(join(folder, 'rows.db'))
  cpSync(join(backup, 'rows.db'), join(folder, 'rows.db'))
  assert.match((await said(shop))?.message ?? '', /^5 values of erased people came back/)

  chmodSync(join(env['FASTEN_KEY_DIR'] ?? '', 'privacy.key'), 0o644)
  assert.deepEqual(
    [(await said(shop))?.status, (await said(shop))?.detail?.['code']],
    ['fail', 'PRIVACY_KEY_IO'],
  )
})
