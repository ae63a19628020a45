// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { createFasten } from 'fasten'
import { openForReading } from 'fasten/store'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { relaid, testKey } from './fixtures/crafted.ts'
import { enrol, push, pushed, verified } from './fixtures/pushing.ts'
import { bodyOf, startNode, type StoredLog } from './fixtures/real-node.ts'

const server = await startPostgres()
const databaseUrl = await server.freshDatabase()
const secret = { FLEET_SECRET: '7'.repeat(64) }
const fleet = await startFleet({ databaseUrl, env: secret })
const { url } = fleet
const node = startNode()
const cases = Array.from({ length: 14 }, (_, index) => `g${index}`)
await node.live(6, { tenants: cases })
const credential = await enrol(fleet, node)
const key = testKey()
after(async () => {
  await node.close()
  await fleet.close()
  await server.remove()
})

const nextLog = async (): Promise<StoredLog> => node.read(node.logOf('audit', cases.shift()))
const sectionOf = ({ log, lines }: Pick<StoredLog, 'log' | 'lines'>, checkpoint?: string) => ({
  log,
  from: 0,
  lines,
  checkpoint,
})
const sizeOf = async (log: string): Promise<number> => {
  const { rows } = await fleet.database.pool.query<{ size: string }>(
    'SELECT size FROM fasten_logs WHERE log = $1',
    [log],
  )
  return Number(rows[0]?.size ?? 0)
}
const codesOf = async (log: string): Promise<readonly string[]> => {
  const { rows } = await fleet.database.pool.query<{ code: string }>(
    'SELECT code FROM fleet_evidence WHERE log = $1 ORDER BY evidence_id',
    [log],
  )
  return rows.map(({ code }) => code)
}

test('a credential that is wrong or revoked opens nothing, and one of another kind hands in no rows', async () => {
  const log = await nextLog()
  const body = bodyOf(sectionOf(log))
  const gone = await enrol(fleet, node, { source_node_id: 'gone' })
  await fleet.database.pool.query("UPDATE fleet_nodes SET revoked_at = now() WHERE source_node_id = 'gone'")
  const wrong = `${credential.slice(0, -1)}${credential.endsWith('A') ? 'B' : 'A'}`
  for (const bad of [wrong, gone, 'fln_x', 'nothing'])
    assert.equal((await push(url, bad, body)).status, 401, bad)
  assert.equal((await push(url, await fleet.key('admin'), body)).status, 403)
  assert.equal((await push(url, credential, body, { 'content-type': 'text/plain' })).status, 415)
  assert.equal(await sizeOf(log.log), 0)
})

test('a node writes its own logs only: not those of another node, tenant or service, and none of the fleet', async () => {
  const log = await nextLog()
  const tenant = log.log.split('/', 1)[0] ?? ''
  await fleet.database.pool.query("UPDATE fleet_nodes SET revoked_at = now() WHERE source_node_id = 'n1'")
  try {
    const bound = await enrol(fleet, node, { service_id: 'till', tenants: [tenant] })
    const [answer] = await pushed(url, bound, sectionOf(log))
    assert.deepEqual([answer?.size, answer?.refused?.code], [0, 'WRONG_LOG'])
    const narrow = await enrol(fleet, node, { service_id: 'shop', tenants: ['other', '_'] })
    const names = [
      log.log,
      log.log.replace('/n1/', '/n2/'),
      '_/fleet/n1/audit',
      'nothing',
      `${tenant}/shop/n1/audit~1`,
    ]
    const answers = await pushed(url, narrow, ...names.map((name) => ({ ...sectionOf(log), log: name })))
    assert.deepEqual(
      answers.map(({ refused }) => refused?.code),
      names.map(() => 'WRONG_LOG'),
    )
    assert.deepEqual((await codesOf(log.log)).slice(0, 2), ['WRONG_LOG', 'WRONG_LOG'])
  } finally {
    await fleet.database.pool.query(
      "UPDATE fleet_nodes SET revoked_at = CASE WHEN service_id IS NULL THEN NULL ELSE now() END WHERE source_node_id = 'n1'",
    )
  }
})

test('a checkpoint of another key, with a wrong signature, of more rows, or that is none takes its section with it', async () => {
  const log = await nextLog()
  const foreign = key.checkpoint(log.log, log.hashes)
  const forged = log.checkpoint.replace(/.{12}(.{4}\n)$/, 'AAAAAAAAAAAA$1')
  const other = (await nextLog()).checkpoint
  const answers = await pushed(
    url,
    credential,
    ...[foreign, forged, other, 'no note'].map((checkpoint) => sectionOf(log, checkpoint)),
    { ...sectionOf(log, log.checkpoint), lines: log.lines.slice(0, 4) },
  )
  assert.deepEqual(
    answers.map(({ size, refused }) => [size, refused?.code]),
    ['NOTE_UNTRUSTED', 'NOTE_FORGED', 'NOTE_UNTRUSTED', 'NOTE_MALFORMED', 'CHECKPOINT_AHEAD'].map((code) => [
      0,
      code,
    ]),
  )
  assert.equal((await codesOf(log.log)).length, 5)
  const [answer] = await pushed(url, credential, sectionOf(log, log.checkpoint))
  assert.equal(answer?.signed_size, 7)
})

test('an id that another row has is refused, unless it is that of an earlier generation of the log', async () => {
  const log = await nextLog()
  await pushed(url, credential, sectionOf(log, log.checkpoint))
  const copy = relaid(log.lines, log.log.replace('/audit', '/audit~2'))
  const stolen = relaid(log.lines, log.log.replace('/shop/', '/till/'), (row) => ({
    ...row,
    service_id: 'till',
  }))
  const twice = relaid(
    [...log.lines.slice(0, 3), ...log.lines.slice(2, 3)],
    log.log.replace('/audit', '/audit~3'),
  )
  const answers = await pushed(url, credential, sectionOf(copy), sectionOf(stolen), sectionOf(twice))
  assert.deepEqual(
    answers.map(({ size, refused }) => [size, refused?.code, refused?.at_seq]),
    [
      [7, undefined, undefined],
      [0, 'ROW_DUPLICATE', 0],
      [3, 'ROW_DUPLICATE', 3],
    ],
  )
})

test('whose store was put back goes on in its next generation, and what the fleet has of the one before is told', async () => {
  const first = startNode({ source_node_id: 'put-back' })
  const settings = { source_node_id: 'put-back', folder: first.folder }
  const enrolled = await enrol(fleet, (await first.live(4), first), { source_node_id: 'put-back' })
  const kept = join(first.folder, 'kept')
  await first.fasten.close()
  cpSync(join(first.folder, 'rows.db'), kept)
  const second = startNode(settings)
  await second.live(4)
  const log = await second.read(second.logOf('audit'))
  await pushed(url, enrolled, sectionOf(log, log.checkpoint))
  await second.fasten.close()
  cpSync(kept, join(first.folder, 'rows.db'))
  const third = startNode(settings)
  await third.live(2)
  const next = await third.read(`${third.logOf('audit')}~2`)
  const [answer] = await pushed(url, enrolled, sectionOf(next, next.checkpoint))
  assert.equal(answer?.signed_size, next.lines.length)
  assert.deepEqual(await codesOf(log.log), ['ROLLED_BACK'])
  assert.equal((await verified(fleet, next.log, third.publicKey())).verdict, 'PASS')
  assert.equal((await verified(fleet, log.log, third.publicKey())).verdict, 'PASS')
  await third.fasten.close()
  await first.close()
})

test('rows that have expired are explained by the row of the sweep, as in the store they come from', async () => {
  const log = await nextLog()
  const name = log.log.replace('/shop/n1/', '/shop/swept/')
  const facts = { class: 'standard', count: 2, from: 2, to: 3, log: name, policy_hash: 'p' }
  const crafted = relaid([...log.lines, ...log.lines.slice(0, 1)], name, (row, seq) => ({
    ...row,
    source_node_id: 'swept',
    id: `${(row['id'] as string).slice(0, -3)}S0${seq}`,
    ...(seq === log.lines.length
      ? { code: 'RETENTION_SWEPT', action: 'retention.sweep', detail: facts }
      : {}),
  }))
  const own = await enrol(fleet, node, { source_node_id: 'swept', public_keys: [key.publicKey] })
  const lines = crafted.lines.map((line, seq) =>
    seq === 2 || seq === 3 ? Buffer.from(`#${crafted.hashes[seq]}`) : line,
  )
  const [answer] = await pushed(
    url,
    own,
    sectionOf({ log: name, lines }, key.checkpoint(name, crafted.hashes)),
  )
  assert.deepEqual(answer, { size: 8, signed_size: 8, cosignature: 'there' })
  const { verdict, rows_expired, rows_checked, breaks } = await verified(fleet, name, key.publicKey)
  assert.deepEqual(
    { verdict, rows_expired, rows_checked, breaks },
    { verdict: 'PASS', rows_expired: 2, rows_checked: 6, breaks: [] },
  )
})

test('a body that unpacks into more than it may is cut off, and damaged packing is told', async () => {
  const log = await nextLog()
  const bomb = Buffer.concat([
    bodyOf({ log: log.log, from: 0, lines: [], count: 1 }),
    Buffer.alloc(80 * 1_048_576, '{'),
  ])
  const cut = await push(url, credential, zstdCompressSync(bomb), { 'content-encoding': 'zstd' })
  assert.deepEqual([cut.status, cut.body.code], [413, 'BODY_TOO_LARGE'])
  const damaged = gzipSync(bodyOf(sectionOf(log)))
  damaged.fill(0xff, 20, 60)
  const answer = await push(url, credential, damaged, { 'content-encoding': 'gzip' })
  assert.deepEqual([answer.status, answer.body.code], [400, 'BODY_MALFORMED'])
  const short = gzipSync(bodyOf(sectionOf(log))).subarray(0, 200)
  assert.equal(
    (await push(url, credential, short, { 'content-encoding': 'gzip' })).body.code,
    'BODY_TRUNCATED',
  )
  assert.equal(await sizeOf(log.log), 0)
})

test('a body that ends too early is refused, and the sections before stay', async () => {
  const [whole, cut] = [await nextLog(), await nextLog()]
  const { status, body } = await push(
    url,
    credential,
    bodyOf(sectionOf(whole), { ...sectionOf(cut), count: 20 }),
  )
  assert.deepEqual([status, body.code], [400, 'BODY_TRUNCATED'])
  assert.deepEqual([await sizeOf(whole.log), await sizeOf(cut.log)], [7, 0])
})

test('when the answer is lost the rows are there, and the node goes on from its place', async () => {
  const log = await nextLog()
  const body = bodyOf(sectionOf(log, log.checkpoint))
  const lost = httpRequest(`${url}/ingest/v1/rows`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/vnd.fasten.rows' },
  })
  lost.on('error', () => {
    // It is cut off below.
  })
  lost.end(body)
  while ((await sizeOf(log.log)) < 7) await new Promise((resolve) => setTimeout(resolve, 10))
  lost.destroy()
  const { body: answer } = await fleet.ask(credential, '/ingest/v1/places', {
    method: 'POST',
    body: { logs: [log.log] },
  })
  assert.deepEqual(answer, { places: { [log.log]: { size: 7, head_hash: log.hashes[6], signed_size: 7 } } })
  assert.deepEqual(await pushed(url, credential, sectionOf(log, log.checkpoint)), [
    { size: 7, signed_size: 7, cosignature: 'there' },
  ])
  assert.equal((await verified(fleet, log.log, node.publicKey())).verdict, 'PASS')
})

test('rows and evidence of a tenant are not there for the readers of another', async () => {
  const log = await nextLog()
  const tenant = log.log.split('/', 1)[0] ?? ''
  await pushed(url, credential, sectionOf(log), { ...sectionOf(log), lines: [Buffer.from('{"poison":1}')] })
  const seen = async (scope: readonly string[]) => {
    const store = await openForReading(await fleet.database.readerUrl(scope))
    try {
      const rows = await store.scan({
        stream: 'audit',
        order: 'oldest',
        limit: 100,
        filter: { log: log.log },
      })
      return [rows.length, (await store.heads()).filter((head) => head.log === log.log).length]
    } finally {
      await store.close()
    }
  }
  assert.deepEqual(
    [await seen([tenant]), await seen(['other']), await seen([])],
    [
      [7, 1],
      [0, 0],
      [0, 0],
    ],
  )
})

test('nobody goes on with a log of a node: not even a service that has its name', async () => {
  const log = await nextLog()
  const tenant = log.log.split('/', 1)[0] ?? ''
  await pushed(url, credential, sectionOf(log, log.checkpoint))
  const said: string[] = []
  const impostor = createFasten({
    service_id: 'shop',
    node_id: 'n1',
    tenant_id: tenant,
    audit_dsn: fleet.database.ownerUrl,
    spool_dir: join(fleet.dataDir, 'impostor'),
    stdout: [],
    signing: false,
    exit_hooks: false,
    notices: { write: (text: string) => said.push(text) > 0 },
    drain_thread: false,
  })
  impostor.emit({ code: 'DOCTOR_PROBE', target: 'x' })
  while (!said.some((line) => line.includes('LOG_IS_REPLICA')))
    await new Promise((resolve) => setTimeout(resolve, 20))
  await impostor.close(500)
  assert.equal(await sizeOf(log.log), 7)
  assert.equal((await verified(fleet, log.log, node.publicKey())).verdict, 'PASS')
})

test('the key that cosigns is made once, and does not open with another secret', async () => {
  const about = async (at: string) =>
    (await (await fetch(`${at}/ingest/v1`)).json()) as { readonly witness_vkey: string }
  const second = await startFleet({
    databaseUrl,
    env: { ...secret, FLEET_SERVER_ID: 's2', FLEET_NAME: 'renamed' },
  })
  assert.equal((await about(second.url)).witness_vkey, (await about(url)).witness_vkey)
  await second.close()
  await fleet.database.pool.query(
    'UPDATE fleet_witness_key SET sealed = set_byte(sealed, 30, 1 + get_byte(sealed, 30) % 255)',
  )
  await assert.rejects(startFleet({ databaseUrl, env: { ...secret, FLEET_SERVER_ID: 's3' } }), {
    code: 'WITNESS_KEY_SEALED',
  })
})
