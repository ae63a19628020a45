// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { enrol, push, verified } from '../ingest/fixtures/pushing.ts'
import { bodyOf, startNode } from '../ingest/fixtures/real-node.ts'
import type { Answer } from '../testing/fixtures/start-fleet.ts'
import { assertCounted, assertEqual, openServerPair, until } from './fixtures/server-pair.ts'

const pair = await openServerPair({ everyMs: 150 })
after(() => pair.close())

test('two servers on one database that are sent one log at once lose no row and make no fork', async () => {
  await Promise.all([pair.start(1), pair.start(2, 'here')])
  const node = startNode()
  const tenants = ['r1', 'r2']
  for (let life = 0; life < 3; life++) await node.live(20, { tenants })
  const credential = await enrol(pair, node)
  const logs = await Promise.all(tenants.map((tenant) => node.read(node.logOf('audit', tenant))))
  // Each sender knows nothing of the others: it asks for the place, sends a stretch from there, and does so until all is there.
  const send = async (url: string, log: (typeof logs)[number], rows: number): Promise<void> => {
    for (let size = 0; size < log.lines.length;) {
      const to = Math.min(size + rows, log.lines.length)
      const checkpoint = [...log.checkpoints]
        .filter(([at]) => at <= to)
        .sort(([one], [other]) => other - one)[0]?.[1]
      const body = bodyOf({ log: log.log, from: size, lines: log.lines.slice(size, to), checkpoint })
      const answer = await push(url, credential, body)
      if (answer.status !== 200) {
        assert.ok([429, 503].includes(answer.status), JSON.stringify(answer.body))
        await new Promise((resolve) => setTimeout(resolve, 50))
        continue
      }
      const [result] = answer.body.results
      assert.equal(result?.refused, undefined, JSON.stringify(result))
      assert.ok((result?.size ?? 0) >= to, 'what was answered is less than what was sent')
      size = result?.size ?? 0
    }
  }
  await Promise.all(
    logs.flatMap((log, index) =>
      ([1, 2] as const).map((server) => send(pair.urlOf(server), log, 3 + 4 * server + index)),
    ),
  )
  for (const log of logs) {
    const verdict = await verified({ url: pair.urlOf(2), database: pair.database }, log.log, node.publicKey())
    assert.deepEqual(
      [verdict.verdict, verdict.to_index, verdict.anchored_to?.size],
      ['PASS', log.lines.length, log.lines.length],
    )
  }
  const { rows } = await pair.database.pool.query<{ evidence: string; twice: string; told: string }>(
    `SELECT (SELECT count(*) FROM fleet_evidence) AS evidence,
      (SELECT count(*) FROM (SELECT FROM audit_log GROUP BY position HAVING count(*) > 1) t) AS twice,
      (SELECT count(*) FROM (SELECT FROM fasten_checkpoints GROUP BY log, size HAVING count(*) > 1) t) AS told`,
  )
  assert.deepEqual(rows[0], { evidence: '0', twice: '0', told: '0' })
  await node.close()
})

test('a tail at one server ends within seconds when its key, one of its grants or its session does at the other', async () => {
  const other = pair.here(2)
  const post = (cookie: string, path: string, body: unknown) =>
    other.ask(undefined, path, { method: 'POST', body, headers: { cookie, 'sec-fetch-site': 'same-origin' } })
  const cookieOf = ({ headers }: Answer): string => headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const shows = (text: string) => ['r1', 'r2'].filter((tenant) => text.includes(`"tenant_id":"${tenant}"`))
  // Follows until it shows rows of so many tenants; `ended` is all that it showed in the end.
  const tail = async (
    headers: Readonly<Record<string, string>>,
    tenants: number,
  ): Promise<{ readonly ended: Promise<string> }> => {
    const { status, body } = await fetch(`${pair.urlOf(1)}/api/v1/tail?backlog=1000`, { headers })
    assert.equal(status, 200)
    let text = ''
    const ended = (async () => {
      for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) text += part
      return text
    })()
    await until('rows', () => shows(text).length === tenants)
    return { ended }
  }
  const admin = await other.key('admin')
  const key = await other.key('viewer', ['r1'])
  const keyed = await tail({ authorization: `Bearer ${key}` }, 1)
  await other.ask(admin, `/api/v1/api-keys/k_${key.split('_')[1]}`, { method: 'DELETE' })
  assert.deepEqual(shows(await keyed.ended), ['r1'])
  const again = await fetch(`${pair.urlOf(1)}/api/v1/tail`, { headers: { authorization: `Bearer ${key}` } })
  assert.equal(again.status, 401)

  const made = await other.ask(admin, '/api/v1/users', { method: 'POST', body: { name: 'vic' } })
  const { one_time_password: password } = made.body as { readonly one_time_password: string }
  const grants: string[] = []
  for (const tenant of ['r1', 'r2']) {
    const granted = await other.ask(admin, '/api/v1/grants', {
      method: 'POST',
      body: { to: { user: 'vic' }, role: 'viewer', tenants: [tenant] },
    })
    assert.equal(granted.status, 201, JSON.stringify(granted.body))
    grants.push((granted.body as { readonly grant_id: string }).grant_id)
  }
  const first = cookieOf(await post('', '/api/v1/login', { name: 'vic', password }))
  const new_password = 'correct horse battery staple'
  const cookie = cookieOf(await post(first, '/api/v1/password', { current_password: password, new_password }))
  const wide = await tail({ cookie }, 2)
  await other.ask(admin, `/api/v1/grants/${grants[1]}`, { method: 'DELETE' })
  await wide.ended
  const narrow = await tail({ cookie }, 1)
  await post(cookie, '/api/v1/logout', {})
  assert.deepEqual(shows(await narrow.ended), ['r1'])
})

test('of two servers under load one is killed between commit and answer, the other is ended: no loss, no fork, nothing counted twice', async () => {
  const { balancer, databaseGate } = pair
  const nodes = await Promise.all([pair.addNode('n2'), pair.addNode('n3')])
  const told = (): number => nodes.reduce((sum, node) => sum + node.told(), 0)
  const moved = async (what: string): Promise<void> => {
    const before = nodes.map((node) => node.told())
    await until(what, () => nodes.every((node, index) => node.told() > (before[index] ?? 0)))
  }

  // The database does what it is asked to, and the server never hears that it did.
  pair.withdraw(2)
  balancer.cut()
  await moved('rows through the first server')
  const before = await pair.committed()
  databaseGate(1).holdAfter('COMMIT')
  await until('a commit nobody is told of', async () => (await pair.committed()) > before)
  assert.ok(databaseGate(1).held() > 0)
  const untold = told()
  await pair.kill(1)
  assert.equal(told(), untold)
  databaseGate(1).holdAfter(undefined)
  pair.admit(2)
  await moved('rows through the one that is left')

  // Another server comes, and the one that is left is ended in good order: no node notices.
  await pair.start(1, 'here')
  const endedAt = new Date().toISOString()
  await pair.end(2)
  await moved('rows through the one that came')

  await Promise.all(nodes.map((node) => node.end()))
  await assertEqual(pair, nodes)
  await assertCounted(pair)
  // What is stored is what can be asked for and what is exported.
  const left = pair.here(1)
  const auditor = await left.key('auditor')
  for (const stream of ['audit', 'sys', 'api'] as const) {
    const { rows: stored } = await pair.database.pool.query<{ rows: string }>(
      `SELECT count(*) AS rows FROM ${stream}_log WHERE service_id = 'shop'`,
    )
    const exported = await left.ask(auditor, `/api/v1/export?stream=${stream}&service_id=shop`)
    const page = await left.ask(auditor, `/api/v1/${stream}?service_id=shop&limit=1`)
    const lines = String(exported.body).trimEnd().split('\n').length
    const { total } = page.body as { readonly total: number }
    assert.deepEqual([lines, total], [Number(stored[0]?.rows), Number(stored[0]?.rows)], stream)
  }
  const { rows } = await pair.database.pool.query(
    "SELECT leaf FROM sys_log WHERE strpos(leaf, 'fleet_ship_failed') > 0 AND timestamp > $1",
    [endedAt],
  )
  assert.deepEqual(rows, [])
})
