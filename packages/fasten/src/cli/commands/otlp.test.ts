// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCollector } from '../../reader/otlp/fixtures/collector.ts'
import { ask } from '../fixtures/ask.ts'
import { openShop } from '../fixtures/shop.ts'

test('fasten otlp: sends what is stored, keeps its place, and says nothing of the credential', async (t) => {
  const collector = await openCollector()
  t.after(() => collector.close())
  const shop = openShop(t)
  shop.refund('req-1')
  assert.ok(await shop.fasten.flush(60_000))
  const where = { cwd: shop.folder, env: { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20sesame' } }
  const words = ['otlp', collector.url, '--once', '--store', shop.path]
  const first = await ask([...words, '--header', 'x-team=audit'], where)
  assert.equal(first.exitCode, 0, first.err)
  assert.match(first.err, /^\d+ rows sent\n$/)
  const sent = collector.taken().filter(({ attributes }) => attributes['fasten.request_id'] === 'req-1')
  assert.deepEqual(sent.map(({ eventName }) => eventName).toSorted(), [
    'LEDGER_BOOKED',
    'ORDER_REFUNDED',
    'fasten.access',
    'refund_requested',
  ])
  const { headers } = collector.received[0] ?? {}
  assert.deepEqual([headers?.authorization, headers?.['x-team']], ['Bearer sesame', 'audit'])
  assert.match(readFileSync(join(shop.folder, 'fasten-otlp.cursor'), 'utf8'), /^[\w-]+\n$/)

  assert.equal((await ask(words, where)).err, 'no rows sent\n')

  collector.reply = () => ({ status: 401, body: { message: 'who are you' } })
  shop.refund('req-2')
  assert.ok(await shop.fasten.flush(60_000))
  const refused = await ask(words, where)
  assert.equal(refused.exitCode, 5)
  assert.match(refused.err, /OTLP_REFUSED: http:.* answered 401: who are you/)
  assert.doesNotMatch(refused.err, /sesame/)

  collector.reply = () => undefined
  assert.match((await ask(words, where)).err, /^\d rows sent\n$/)
  assert.deepEqual(collector.problems, [])
})

test('fasten otlp: without an endpoint, or with a header that is none, it says so', async () => {
  const none = await ask(['otlp', '--once'])
  assert.equal(none.exitCode, 2)
  assert.match(none.err, /no endpoint to send to/)
  const bad = await ask(['otlp', 'http://localhost:1/v1/logs', '--header', 'sesame'])
  assert.equal(bad.exitCode, 2)
  assert.doesNotMatch(bad.err, /sesame/)
})
