// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openForReading } from 'fasten/store'
import { Client } from 'pg'
import { openTestFleet } from './fixtures/fleet-of-tenants.ts'

const fleet = await openTestFleet()
after(() => fleet.remove())
const long = 'x'.repeat(62)
/** Alike in all that an index keeps of them, also where a character lies across its end. */
const actors = [`${long}`, `${long}a`, `${long}ab`, `${long}ac`, `${long}é`, `${long}éa`, `${long}😀`]
await fleet.write({ tenant: 'acme' }, (node) => {
  for (const actor of actors)
    node.emit({ code: 'CLOCK_STEP', target: actor, actor, on_behalf_of: actor, request_id: 'r-1' })
})

test('texts that an index keeps the beginning of are still told apart, and found by their beginning', async () => {
  const store = await openForReading(fleet.database.readerUrl(['acme']))
  const found = async (filter: object) =>
    (await store.scan({ stream: 'audit', order: 'oldest', limit: 100, filter })).map(({ row }) =>
      row.stream === 'audit' ? row.actor : '',
    )
  for (const actor of actors)
    for (const member of ['actor', 'target', 'on_behalf_of'])
      assert.deepEqual(await found({ [member]: actor }), [actor], `${member} ${actor.slice(60)}`)
  assert.equal((await found({ code: 'CLOCK_ST*' })).length, actors.length)
  assert.equal((await found({ code: 'CLOCK_STEP' })).length, actors.length)
  assert.deepEqual(await found({ code: 'CLOCK_STE' }), [])
  assert.equal((await found({ request_id: 'r-1' })).length, actors.length)
  await store.close()
})

test('what the reading role asks for reaches an index', async () => {
  const url = new URL(fleet.database.readerUrl(['acme']))
  const options = `${url.searchParams.get('options')} -c search_path=fleet -c enable_seqscan=off`
  url.search = ''
  const client = new Client({ connectionString: url.href, options })
  await client.connect()
  // Without scans of whole tables a plan takes any index that it may; one that it may not shows as a filter.
  for (const [table, condition] of [
    ['audit_log', "request_id = 'a'"],
    ['sys_log', "request_id = 'a'"],
    ['api_log', "request_id = 'a'"],
    ['audit_log', "actor::name = 'a'::name"],
    ['audit_log', "code::name = 'a'::name"],
    ['audit_log', "code::name >= 'a'::name AND code::name < 'b'::name"],
    ['audit_log', "target::name = 'a'::name"],
    ['audit_log', "on_behalf_of::name = 'a'::name"],
    ['api_log', "route::name = 'a'::name"],
    ['api_log', 'status = 500::bigint'],
  ] as const) {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT leaf FROM ${table} WHERE ${condition} ORDER BY "timestamp" DESC, position DESC LIMIT 100`,
    )
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    const member = condition.split(/[ :]/)[0] ?? ''
    assert.match(plan, new RegExp(`Index Cond: .*${member}`), `${condition}\n${plan}`)
  }
  await client.end()
})
