// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { packAnswer } from '../core/fixtures/answer-pack.ts'
import { readJson } from '../core/read-json.ts'
import { openShop, temporaryFolder } from './fixtures/shop.ts'
import { runWords } from './fixtures/world.ts'
import { openReader } from './open-reader.ts'

// The attack on an engine that reads an escaped name as one that stood in its place before (nodejs/node#63785):
// somebody chooses the names of two objects, and sound evidence reads as if it had been changed.
const details = [
  { a: 1, 'b\\': 'first' },
  { a: 1, 'b\n': 'second' },
] as const

test('names that an engine mistakes for each other change no verdict and no answer', async (t) => {
  const shop = openShop(t)
  for (const detail of details) shop.fasten.emit({ code: 'LEDGER_BOOKED', target: 'ledger/1', detail })
  for (const fields of details) shop.fasten.log.info('looked', fields)
  await shop.stored()
  await shop.fasten.close()
  const ask = async (...words: readonly string[]): Promise<string> => {
    const { exitCode, out, err } = await runWords([...words, '--store', shop.path], {
      openReader: (target) => openReader(target, {}, () => {}),
    })
    assert.equal(exitCode, 0, out + err)
    return out
  }

  const { verdict: ours } = readJson(await ask('verify', '--json')) as { readonly verdict: string }
  assert.equal(ours, 'PASS')
  for (const [word, member] of [
    ['code:LEDGER_BOOKED', 'detail'],
    ['event:looked', 'fields'],
  ] as const) {
    const lines = (await ask('query', word, '--order', 'oldest', '--json')).trimEnd().split('\n')
    const told = lines.map((line) => (readJson(line) as Readonly<Record<string, unknown>>)[member])
    assert.deepEqual(told, details)
  }

  const pack = join(temporaryFolder(t), 'pack')
  await ask('export', pack)
  const paths = readdirSync(pack, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('.'))
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(join(pack, path), 'utf8')]))
  const rows = files['rows.jsonl'] ?? ''
  const keys = Array.from(rows.matchAll(/"public_key":"([^"]*)"/g), ([, key = '']) => key)
  const { verdict, breaks } = packAnswer({ files, keys })
  assert.deepEqual({ verdict, breaks }, { verdict: 'PASS', breaks: [] })
})
