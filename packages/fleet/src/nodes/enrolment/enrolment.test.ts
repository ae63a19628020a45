// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { after, test } from 'node:test'
import { createSystemClock } from 'fasten/store'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { pushed } from '../../ingest/fixtures/pushing.ts'
import { startNode } from '../../ingest/fixtures/real-node.ts'
import { startFleet, type Answer } from '../../testing/fixtures/start-fleet.ts'
import { keyMessage } from '../add-key.ts'
import type { ShownNode } from '../list/shown-node.ts'
import type { NewEnrolmentToken } from './create-enrolment-token.ts'

const system = createSystemClock()
let aheadMs = 0
const clock = { ...system, nowMicros: () => system.nowMicros() + aheadMs * 1000 }
const postgres = await startPostgres()
const fleet = await startFleet({ databaseUrl: await postgres.freshDatabase(), clock })
after(async () => {
  await fleet.close()
  await postgres.remove()
})
const admin = await fleet.key('admin')
const acme = await fleet.key('operator', ['acme'])

const post = (key: string | undefined, path: string, body: object = {}): Promise<Answer> =>
  fleet.ask(key, path, { method: 'POST', body })
const refusal = ({ status, body }: Answer): unknown => [status, (body as { code: string }).code]

interface Enrolled {
  readonly node_id: string
  readonly credential: string
  readonly tenants: unknown
  readonly fleet: { readonly name: string; readonly witness_vkey: string }
}

function newKey(): { readonly hex: string; readonly key: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return { hex: Buffer.from(x, 'base64url').toString('hex'), key: privateKey }
}

async function token(order: object = {}, key = admin): Promise<NewEnrolmentToken> {
  const { status, body } = await post(key, '/api/v1/enrolment-tokens', order)
  assert.equal(status, 201, JSON.stringify(body))
  return body as NewEnrolmentToken
}

const enrolment = (given: string, source_node_id: string, about: object = {}): object => ({
  token: given,
  source_node_id,
  software: 'fasten/0.1.0',
  public_keys: [newKey().hex],
  ...about,
})

async function enrolled(source_node_id: string, order: object = {}, about: object = {}): Promise<Enrolled> {
  const { token: given } = await token(order)
  const answer = await post(undefined, '/ingest/v1/enrol', enrolment(given, source_node_id, about))
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body as Enrolled
}

const nodesOf = async (key: string): Promise<readonly ShownNode[]> =>
  ((await fleet.ask(key, '/api/v1/nodes')).body as { nodes: readonly ShownNode[] }).nodes

test('a token lets one node in, which then hands in rows for the tenants that the token says', async () => {
  const made = await token({ tenants: ['acme'] }, acme)
  assert.match(made.token, /^fle_[a-z2-7]{12}_[A-Za-z0-9_-]{43}$/)
  const node = startNode({ tenant_id: 'acme', source_node_id: 'pump-1' })
  await node.live(3)
  const order = enrolment(made.token, 'pump-1', { public_keys: [node.publicKey()] })
  const { status, headers, body } = await post(undefined, '/ingest/v1/enrol', order)
  const { node_id, credential, ...rest } = body as Enrolled
  assert.deepEqual([status, headers.get('cache-control'), rest.tenants], [201, 'no-store', ['acme']])
  assert.match(credential, new RegExp(`^fln_${node_id}_[A-Za-z0-9_-]{43}$`))
  assert.match(rest.fleet.witness_vkey, /^fleet/)

  const { lines, checkpoint } = await node.read(node.logOf('audit'))
  const [result] = await pushed(fleet.url, credential, {
    log: node.logOf('audit'),
    from: 0,
    lines,
    checkpoint,
  })
  assert.deepEqual([result?.size, result?.cosignature], [lines.length, 'there'])
  await node.close()

  assert.deepEqual(refusal(await post(undefined, '/ingest/v1/enrol', order)), [401, 'TOKEN_SPENT'])
  const shown = (await nodesOf(acme)).find((each) => each.node_id === node_id)
  assert.deepEqual(
    [
      shown?.source_node_id,
      shown?.chain,
      shown?.logs.map(({ log, size, signed_size }) => [log, size, signed_size]),
    ],
    ['pump-1', 'pass', [['acme/shop/pump-1/audit', lines.length, lines.length]]],
  )
  const told = (await fleet.told('ENROLMENT_TOKEN_CREATED', 'NODE_ENROLLED', 'ACCESS_DENIED')).filter((row) =>
    JSON.stringify(row).includes(made.token_id),
  )
  assert.deepEqual(
    told.map(({ code, actor }) => [code, actor]),
    [
      ['ENROLMENT_TOKEN_CREATED', `api_key:k_${acme.split('_')[1] ?? ''}`],
      ['NODE_ENROLLED', `node:${node_id}`],
      ['ACCESS_DENIED', `enrolment_token:${made.token_id}`],
    ],
  )
  const kept = await fleet.database.pool.query<{ all: string }>(
    `SELECT (SELECT string_agg(t::text || encode(secret_sha256, 'escape'), ' ') FROM fleet_enrolment_tokens t) ||
      (SELECT string_agg(leaf, ' ') FROM audit_log) || (SELECT string_agg(leaf, ' ') FROM api_log) AS all`,
  )
  for (const secret of [made.token, credential])
    assert.ok(!(kept.rows[0]?.all ?? secret).includes(secret.slice(-43)), 'no secret is kept anywhere')
})

test('a token ends by time, by revocation and by its uses, and holds to its node and service', async () => {
  const enrol = async (given: string, name: string, about: object = {}) =>
    refusal(await post(undefined, '/ingest/v1/enrol', enrolment(given, name, about)))
  const twice = await token({ uses: 2 })
  assert.deepEqual(
    [await enrol(twice.token, 'u1'), await enrol(twice.token, 'u2'), await enrol(twice.token, 'u3')].map(
      String,
    ),
    ['201,', '201,', '401,TOKEN_SPENT'],
  )
  const gone = await token()
  assert.equal(
    (await fleet.ask(admin, `/api/v1/enrolment-tokens/${gone.token_id}`, { method: 'DELETE' })).status,
    200,
  )
  assert.deepEqual(await enrol(gone.token, 'u4'), [401, 'TOKEN_REVOKED'])
  const bound = await token({ source_node_id: 'u5', service_id: 'shop' })
  assert.deepEqual(await enrol(bound.token, 'u6'), [403, 'TOKEN_ELSEWHERE'])
  assert.deepEqual(await enrol(bound.token, 'u5', { service_id: 'till' }), [403, 'TOKEN_ELSEWHERE'])
  assert.deepEqual(await enrol(bound.token, 'u5'), [201, undefined])
  assert.equal((await nodesOf(admin)).find((node) => node.source_node_id === 'u5')?.service_id, 'shop')
  const late = await token({ expires_in_s: 60 })
  aheadMs += 60_000
  assert.deepEqual(await enrol(late.token, 'u7'), [401, 'TOKEN_EXPIRED'])
  const wrong = late.token.slice(0, -1) + (late.token.endsWith('A') ? 'B' : 'A')
  for (const each of [wrong, 'fle_', 'fle_aaaaaaaaaaaa_' + 'a'.repeat(43), admin])
    assert.deepEqual(await enrol(each, 'u7'), [401, 'TOKEN_INVALID'], each)
  for (const order of [
    { uses: 0 },
    { expires_in_s: 604_801 },
    { tenants: [] },
    { source_node_id: 'a\n' },
    { x: 1 },
  ])
    assert.equal((await post(admin, '/api/v1/enrolment-tokens', order)).status, 400, JSON.stringify(order))
})

test('of many that enrol at once with one token, one gets in; of two with one name, one', async () => {
  const { token: given } = await token()
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      post(undefined, '/ingest/v1/enrol', enrolment(given, `race-${index}`)),
    ),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array<number>(7).fill(401)])
  const several = await token({ uses: 5 })
  const same = await Promise.all(
    Array.from({ length: 4 }, () =>
      post(undefined, '/ingest/v1/enrol', enrolment(several.token, 'one-name')),
    ),
  )
  assert.deepEqual(same.map(({ status }) => status).sort(), [201, 409, 409, 409])
  const left = ((await fleet.ask(admin, '/api/v1/enrolment-tokens')).body as { tokens: NewEnrolmentToken[] })
    .tokens
  assert.equal(
    left.find(({ token_id }) => token_id === several.token_id)?.uses,
    1,
    'a refused one is not counted',
  )
})

test('a node whose answer got lost asks once more and is the same node; the first credential ends', async () => {
  const { token: given } = await token()
  const order = enrolment(given, 'lost-1')
  const [first, second] = [
    await post(undefined, '/ingest/v1/enrol', order),
    await post(undefined, '/ingest/v1/enrol', order),
  ]
  const [one, two] = [first.body as Enrolled, second.body as Enrolled]
  assert.deepEqual([second.status, two.node_id], [201, one.node_id])
  const places = (credential: string) => post(credential, '/ingest/v1/places', { logs: [] })
  assert.equal((await places(one.credential)).status, 401)
  assert.equal((await places(two.credential)).status, 200)
  assert.deepEqual(refusal(await post(undefined, '/ingest/v1/enrol', order)), [401, 'TOKEN_SPENT'])
})

test('tenants: nobody makes tokens, sees or manages nodes beyond their own', async () => {
  assert.deepEqual(refusal(await post(acme, '/api/v1/enrolment-tokens', { tenants: ['acme', 'b'] })), [
    403,
    'EXCEEDS_RIGHTS',
  ])
  assert.deepEqual(refusal(await post(acme, '/api/v1/enrolment-tokens', { tenants: 'all' })), [
    403,
    'EXCEEDS_RIGHTS',
  ])
  assert.deepEqual((await token({}, acme)).tenants, ['acme'])
  const viewer = await fleet.key('viewer', ['acme'])
  assert.deepEqual(refusal(await post(viewer, '/api/v1/enrolment-tokens')), [403, 'FORBIDDEN'])

  const foreign = await enrolled('t-b', { tenants: ['b'] })
  const shared = await enrolled('t-both', { tenants: ['acme', 'b'] })
  const everything = await enrolled('t-all')
  const log = (tenant: string) => ({ log: `${tenant}/shop/t-all/audit`, size: 5, signed_size: 0 })
  const told = await post(everything.credential, '/ingest/v1/status', {
    software: 'x/1',
    sent_at: '2026-11-26T10:00:00.000000Z',
    logs: [log('acme'), log('secret-tenant')],
    spool: { rows: 1, bytes: 10 },
    stats: {},
  })
  assert.equal(told.status, 200, JSON.stringify(told.body))
  const seen = await nodesOf(acme)
  const by = (id: string) => seen.find(({ node_id }) => node_id === id)
  assert.equal(by(foreign.node_id), undefined)
  assert.deepEqual(by(shared.node_id)?.tenants, ['acme'])
  assert.deepEqual(
    [
      by(everything.node_id)?.tenants,
      by(everything.node_id)?.spool,
      by(everything.node_id)?.logs.map((each) => each.log),
    ],
    [['acme'], null, ['acme/shop/t-all/audit']],
  )
  assert.doesNotMatch(JSON.stringify(seen), /secret-tenant|"b"/)
  for (const [id, expected] of [
    [foreign.node_id, [404, 'NO_SUCH_NODE']],
    [shared.node_id, [403, 'EXCEEDS_RIGHTS']],
    [everything.node_id, [403, 'EXCEEDS_RIGHTS']],
  ] as const)
    for (const [path, body] of [
      ['revoke', {}],
      ['credential', {}],
      ['settings', { silent_after_s: 5 }],
      [`keys/${'0'.repeat(64)}/retire`, {}],
    ] as const) {
      const sent = path.startsWith('keys') ? { log: 'acme/shop/x/audit', size: 0 } : body
      assert.deepEqual(refusal(await post(acme, `/api/v1/nodes/${id}/${path}`, sent)), expected, path)
    }
  assert.deepEqual(refusal(await fleet.ask(acme, `/api/v1/nodes/${foreign.node_id}`)), [404, 'NO_SUCH_NODE'])
  const tokens = (await fleet.ask(acme, '/api/v1/enrolment-tokens')).body as { tokens: NewEnrolmentToken[] }
  assert.ok(tokens.tokens.every(({ tenants }) => String(tenants) === 'acme'))
})

test('a revoked node sends nothing more, and its name is free for another', async () => {
  const { node_id, credential } = await enrolled('r-1')
  assert.equal((await post(credential, '/ingest/v1/places', { logs: [] })).status, 200)
  const revoked = await post(admin, `/api/v1/nodes/${node_id}/revoke`)
  assert.ok((revoked.body as ShownNode).revoked_at)
  assert.deepEqual(refusal(await post(credential, '/ingest/v1/places', { logs: [] })), [
    401,
    'UNAUTHENTICATED',
  ])
  assert.deepEqual(refusal(await post(admin, `/api/v1/nodes/${node_id}/revoke`)), [404, 'NO_SUCH_NODE'])
  await enrolled('r-1')
  const [row] = (await fleet.told('NODE_REVOKED')).filter(({ target }) => target === `node:${node_id}`)
  assert.equal(row?.['actor'], `api_key:k_${admin.split('_')[1] ?? ''}`)
})

test('a new credential and the old one are both good until the new one is used', async () => {
  const { node_id, credential: first } = await enrolled('c-1')
  const places = async (credential: string) =>
    (await post(credential, '/ingest/v1/places', { logs: [] })).status
  assert.equal(await places(first), 200)
  const rotate = async (path: string, key: string) => {
    const { status, body } = await post(key, path)
    assert.equal(status, 201, JSON.stringify(body))
    return (body as Enrolled).credential
  }
  const lost = await rotate('/ingest/v1/credential', first)
  const second = await rotate('/ingest/v1/credential', first)
  assert.deepEqual([await places(lost), await places(first)], [401, 200], 'an answer that got lost ends')
  assert.deepEqual([await places(second), await places(first)], [200, 401])
  const third = await rotate(`/api/v1/nodes/${node_id}/credential`, admin)
  assert.deepEqual([await places(second), await places(third), await places(second)], [200, 200, 401])
  const told = (await fleet.told('NODE_CREDENTIAL_ROTATED')).filter(
    ({ target }) => target === `node:${node_id}`,
  )
  assert.deepEqual(
    told.map(({ detail }) => (detail as { stage: string }).stage),
    ['made', 'made', 'in_use', 'made', 'in_use'],
  )
})

test('a key that an old one signs for may sign; one that is retired may not, from there on', async () => {
  const node = startNode({ source_node_id: 'k-1' })
  await node.live(2)
  const log = node.logOf('audit')
  const early = await node.read(log)
  const old = newKey()
  const { node_id, credential } = await enrolled('k-1', {}, { public_keys: [old.hex] })
  const send = () => pushed(fleet.url, credential, { ...early, from: 0 })
  const [before] = await send()
  assert.equal(before?.refused?.code, 'NOTE_UNTRUSTED')

  const add = (public_key: string, by: KeyObject, about = keyMessage(node_id, public_key)) =>
    post(credential, '/ingest/v1/keys', {
      public_key,
      signature: sign(null, Buffer.from(about), by).toString('hex'),
    })
  assert.deepEqual(refusal(await add(node.publicKey(), newKey().key)), [403, 'KEY_UNSIGNED'])
  assert.deepEqual(
    refusal(await add(node.publicKey(), old.key, keyMessage('0'.repeat(16), node.publicKey()))),
    [403, 'KEY_UNSIGNED'],
    'signed for another node',
  )
  assert.deepEqual((await add(node.publicKey(), old.key)).body, {
    public_key: node.publicKey(),
    is_new: true,
  })
  assert.deepEqual((await add(node.publicKey(), old.key)).body, {
    public_key: node.publicKey(),
    is_new: false,
  })
  const [then] = await send()
  assert.deepEqual([then?.refused, then?.signed_size], [undefined, early.lines.length])

  const retire = (public_key: string, body?: object) =>
    fleet.ask(admin, `/api/v1/nodes/${node_id}/keys/${public_key}/retire`, {
      method: 'POST',
      ...(body && { body }),
    })
  assert.equal((await retire(node.publicKey(), { log, size: early.lines.length })).status, 200)
  await node.live(2)
  const [late] = await pushed(fleet.url, credential, { ...(await node.read(log)), from: 0 })
  assert.deepEqual([late?.refused?.code, late?.signed_size], ['NOTE_UNTRUSTED', early.lines.length])
  const [again] = await send()
  assert.equal(again?.refused, undefined, 'what it signed before holds')
  assert.equal((await retire(old.hex)).status, 200)
  assert.deepEqual(refusal(await retire(old.hex)), [404, 'NO_SUCH_KEY'])
  assert.deepEqual(refusal(await add(newKey().hex, old.key)), [403, 'KEY_UNSIGNED'])
  const { keys } = (await fleet.ask(admin, `/api/v1/nodes/${node_id}`)).body as {
    keys: { retired_at: string | null }[]
  }
  assert.deepEqual(
    keys.map(({ retired_at }) => retired_at !== null),
    [true, false],
  )
  await node.close()
  const told = await fleet.told('NODE_KEY_ADDED', 'NODE_KEY_RETIRED')
  assert.deepEqual(
    told.filter(({ target }) => target === `node:${node_id}`).map(({ code }) => code),
    ['NODE_KEY_ADDED', 'NODE_KEY_RETIRED', 'NODE_KEY_RETIRED'],
  )
})
