// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openGuide } from '../fixtures/guide.ts'
import { knownModules } from './known.ts'

test('the guide to register: its application has ids, and its table names every library', async (t) => {
  const guide = await openGuide('register')
  t.after(() => guide.close())
  const { status, stdout, stderr } = await guide.run('app.ts', { flags: ['--import', 'fasten/register'] })
  assert.deepEqual([status, stdout], [0, 'order-7\n'], stderr)
  assert.match(stderr, /FASTEN_NO_STORE/)
  assert.deepEqual(await guide.complaints(), [])
  const text = readFileSync(new URL('../../../../../docs/guides/register.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| ([a-z.-]+)(?: \\?\*)? \| .* \| (.*) \|$/gm)]
  const told = new Map(rows.map(([, name = '', gains = '']) => [name, gains]))
  for (const { name, gains } of knownModules) assert.equal(told.get(name), gains)
})
