// SPDX-License-Identifier: Apache-2.0
/** The administrator of the database who wants access for himself: plain SQL as the database's owner, and then what he came for through HTTP. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Client } from 'pg'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { hashPassword } from '../access/login/password.ts'
import { createCredential } from '../nodes/create-credential.ts'
import { startNode } from '../ingest/fixtures/real-node.ts'
import { enrol } from '../ingest/fixtures/pushing.ts'
import { startFleet, type Answer } from '../testing/fixtures/start-fleet.ts'

const server = await startPostgres()
const databaseUrl = await server.freshDatabase()
const env = {
  FLEET_ADMIN_PASSWORD: 'long enough to begin with',
  FLEET_SECRET: randomBytes(32).toString('hex'),
}
const fleet = await startFleet({ databaseUrl, env })
const node = startNode()
const owner = new Client({ connectionString: databaseUrl, options: '-c search_path=fleet' })
before(() => owner.connect())
after(async () => {
  await node.close()
  await owner.end()
  await fleet.close()
  await server.remove()
})

/** What the attacker knows of a secret that he has thought of himself. */
const ownSecret = 'x'.repeat(43)
const ownDigest = `'\\x${createHash('sha256').update(ownSecret).digest('hex')}'`

const admin = await fleet.key('admin')
const post = (key: string | undefined, path: string, body?: unknown): Promise<Answer> =>
  fleet.ask(key, path, { method: 'POST', ...(body === undefined ? {} : { body }) })

/** Alarms of rows that were altered which stand, oldest first. */
async function alarms(): Promise<readonly string[]> {
  const { body } = await fleet.ask(admin, '/api/v1/alarms')
  return (body as { alarms: { kind: string; subject: string }[] }).alarms
    .filter(({ kind }) => kind === 'tamper')
    .map(({ subject }) => subject)
    .toReversed()
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (
    const end = performance.now() + 60_000;
    performance.now() < end;
    await new Promise((go) => setTimeout(go, 20))
  )
    if (await holds()) return
  assert.fail('it did not come within a minute')
}

/** It opens nothing, somebody is told, and the fleet's log says so. */
async function assertCaught(subject: string): Promise<void> {
  await until(async () => (await alarms()).includes(subject))
  const told = await fleet.told('ACCESS_ROW_ALTERED')
  assert.equal(told.filter(({ target }) => target === subject).length, 1, subject)
}

test('an API key that he made up', async () => {
  await owner.query(`INSERT INTO fleet_api_keys (prefix, secret_sha256, name, permissions, created_at, created_by, expires_at)
    VALUES ('aaaaaaaaaaaa', ${ownDigest}, 'backup', '{audit:read,access:manage}', now(), 'user:admin', now() + interval '1 year')`)
  assert.equal((await fleet.ask(`flk_aaaaaaaaaaaa_${ownSecret}`, '/api/v1/me')).status, 401)
  await assertCaught('api_key:aaaaaaaaaaaa')
})

test('a key of his that was revoked, that ends too soon, or that may too little', async () => {
  for (const [what, edit] of Object.entries({
    revoked: 'revoked_at = NULL, revoked_by = NULL',
    short: "expires_at = expires_at + interval '300 days'",
    narrow: "permissions = '{audit:read,access:manage}'",
    elsewhere: 'tenants = NULL',
    bound: 'user_id = NULL',
  })) {
    const made = await post(admin, '/api/v1/api-keys', {
      name: what,
      permissions: ['audit:read'],
      tenants: ['acme'],
    })
    const { key, key_id } = made.body as { key: string; key_id: string }
    const prefix = key_id.slice(2)
    if (what === 'bound') {
      // A key of a user, so that what he is no more bounds it no more.
      await post(admin, '/api/v1/users', { name: 'mia' })
      await owner.query(
        `UPDATE fleet_api_keys SET user_id = (SELECT user_id FROM fleet_users WHERE name = 'mia') WHERE prefix = $1`,
        [prefix],
      )
      await fleet.database.transact((sql) => fleet.database.seals.seal(sql, 'api_key', prefix))
    } else assert.equal((await fleet.ask(key, '/api/v1/me')).status, 200, what)
    if (what === 'revoked') await fleet.ask(admin, `/api/v1/api-keys/${key_id}`, { method: 'DELETE' })
    await owner.query(`UPDATE fleet_api_keys SET ${edit} WHERE prefix = $1`, [prefix])
    assert.equal((await fleet.ask(key, '/api/v1/me')).status, 401, what)
    await assertCaught(`api_key:${prefix}`)
  }
})

test('a seal that is good, and of another row', async () => {
  const [one, other] = [await fleet.key('viewer'), await fleet.key('admin')]
  const prefixOf = (key: string): string => key.split('_')[1] ?? ''
  await owner.query(
    `UPDATE fleet_api_keys k SET permissions = o.permissions, seal = o.seal FROM fleet_api_keys o WHERE k.prefix = $1 AND o.prefix = $2`,
    [prefixOf(one), prefixOf(other)],
  )
  assert.equal((await fleet.ask(one, '/api/v1/me')).status, 401)
  assert.equal((await fleet.ask(other, '/api/v1/me')).status, 200)
  await assertCaught(`api_key:${prefixOf(one)}`)
})

test('a password, a grant and a session of his own making', async () => {
  const made = (await post(admin, '/api/v1/users', { name: 'eve' })).body as {
    user_id: string
    one_time_password: string
  }
  const logIn = (name: string, password: string): Promise<Answer> =>
    post(undefined, '/api/v1/login', { name, password })
  const cookieOf = ({ headers }: Answer): string => headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const as = (cookie: string, path: string, body?: unknown): Promise<Answer> =>
    fleet.ask(undefined, path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { cookie, 'sec-fetch-site': 'same-origin' },
      ...(body === undefined ? {} : { body }),
    })
  // Eve is somebody here, who may do nothing.
  const change = { current_password: made.one_time_password, new_password: 'something of her own choice' }
  const cookie = cookieOf(
    await as(cookieOf(await logIn('eve', made.one_time_password)), '/api/v1/password', change),
  )
  assert.equal((await as(cookie, '/api/v1/users')).status, 403)
  await owner.query(`INSERT INTO fleet_grants (grant_id, user_id, role, created_at, created_by)
    VALUES ('g_evil', '${made.user_id}', 'admin', now(), 'user:admin')`)
  assert.equal((await as(cookie, '/api/v1/users')).status, 403, 'the grant gives nothing')
  await assertCaught('grant:g_evil')

  const hash = await hashPassword('a password that he knows')
  await owner.query(
    "UPDATE fleet_users SET password = $1, password_must_change = false WHERE name = 'admin'",
    [hash],
  )
  const refused = await logIn('admin', 'a password that he knows')
  assert.deepEqual([refused.status, (refused.body as { code: string }).code], [401, 'LOGIN_FAILED'])
  const { rows } = await owner.query<{ user_id: string }>(
    "SELECT user_id FROM fleet_users WHERE name = 'admin'",
  )
  await assertCaught(`user:${rows[0]?.user_id}`)

  await owner.query(`INSERT INTO fleet_sessions (session_id, token_sha256, user_id, auth_method, created_at, last_seen_at, expires_at)
    VALUES ('s_evil', ${ownDigest}, '${made.user_id}', 'password', now(), now(), now() + interval '1 year')`)
  assert.equal((await as(`fleet_session=${ownSecret}`, '/api/v1/me')).status, 401)
  await assertCaught('session:s_evil')
  // What was changed is not made good by whoever changes something else of it, and an administrator is told why.
  const reset = await fleet.ask(admin, `/api/v1/users/${rows[0]?.user_id}`, {
    method: 'PATCH',
    body: { reset_password: true },
  })
  assert.deepEqual([reset.status, (reset.body as { code: string }).code], [400, 'ACCESS_ROW_ALTERED'])
})

test('a node, its credential, its keys, and the token that it came with', async () => {
  const places = (credential: string): Promise<Answer> => post(credential, '/ingest/v1/places', { logs: [] })
  const foreign = randomBytes(32).toString('hex')
  const edits: readonly [what: string, statement: string][] = [
    ['a key more', `INSERT INTO fleet_node_keys (node_id, public_key) VALUES ($1, '${foreign}')`],
    ['a key that was retired', 'UPDATE fleet_node_keys SET revoked_at = NULL WHERE node_id = $1'],
    ['where a key ends', 'DELETE FROM fleet_node_key_ends WHERE node_id = $1'],
    ['its revocation', 'UPDATE fleet_nodes SET revoked_at = NULL, revoked_by = NULL WHERE node_id = $1'],
    ['whose rows it sends', "UPDATE fleet_nodes SET tenants = '{victim}' WHERE node_id = $1"],
  ]
  for (const [index, [what, statement]] of edits.entries()) {
    const credential = await enrol(fleet, node, { source_node_id: `edited${index}`, tenants: ['acme'] })
    const node_id = credential.split('_')[1] ?? ''
    const of = `/api/v1/nodes/${node_id}`
    assert.equal((await places(credential)).status, 200, what)
    const end = `${of}/keys/${node.publicKey()}/retire`
    if (what === 'a key that was retired') assert.equal((await post(admin, end)).status, 200)
    if (what === 'where a key ends')
      assert.equal((await post(admin, end, { log: `acme/shop/edited${index}/audit`, size: 3 })).status, 200)
    if (what === 'its revocation') {
      assert.equal((await post(admin, `${of}/revoke`)).status, 200)
      await owner.query('UPDATE fleet_node_credentials SET ends_at = NULL WHERE node_id = $1', [node_id])
    }
    await owner.query(statement, [node_id])
    assert.equal((await places(credential)).status, 401, what)
    if (what !== 'its revocation') await assertCaught(`node:${node_id}`)
  }

  const whole = await enrol(fleet, node, { source_node_id: 'whole' })
  const node_id = whole.split('_')[1] ?? ''
  await owner.query(`INSERT INTO fleet_node_credentials (digest, node_id) VALUES (${ownDigest}, $1)`, [
    node_id,
  ])
  assert.equal((await places(`fln_${node_id}_${ownSecret}`)).status, 401)
  await assertCaught(`node_credential:${ownDigest.slice(3, -1)}`)
  assert.equal((await places(whole)).status, 200, 'the node itself goes on')
  const bound = await fleet.database.transact((sql) =>
    createCredential(sql, node_id, { seals: fleet.database.seals, wantsCertificate: true }),
  )
  await owner.query('UPDATE fleet_node_credentials SET wants_certificate = false WHERE wants_certificate')
  assert.equal((await places(bound)).status, 401, 'no certificate is no longer asked for')

  const { token, token_id } = (await post(admin, '/api/v1/enrolment-tokens', { tenants: ['acme'] })).body as {
    token: string
    token_id: string
  }
  await owner.query('UPDATE fleet_enrolment_tokens SET tenants = NULL, uses_max = 100 WHERE prefix = $1', [
    token_id.slice(2),
  ])
  const order = { token, source_node_id: 'more', software: 'x/1', public_keys: [foreign] }
  assert.equal((await post(undefined, '/ingest/v1/enrol', order)).status, 401)
  await assertCaught(`enrolment_token:${token_id.slice(2)}`)
})

test('an alarm is over when somebody has taken note, and stands again when the row is met again', async () => {
  const standing = (await fleet.ask(admin, '/api/v1/alarms')).body as {
    alarms: { alarm_id: number; kind: string }[]
  }
  for (const { alarm_id, kind } of standing.alarms)
    if (kind === 'tamper') await post(admin, `/api/v1/alarms/${alarm_id}/acknowledge`, { note: 'seen' })
  assert.deepEqual(await alarms(), [])
})

test('all seals at once, so that the next start makes new ones over whatever is there', async () => {
  for (const table of [
    'users',
    'grants',
    'api_keys',
    'sessions',
    'nodes',
    'node_credentials',
    'enrolment_tokens',
  ])
    await owner.query(`ALTER TABLE fleet_${table} DROP COLUMN seal`)
  await owner.query("DELETE FROM fleet_migrations WHERE name = '0041-seals.sql'")
  await assert.rejects(startFleet({ databaseUrl, env, dataDir: fleet.dataDir }), {
    code: 'FLEET_SEALS_REMOVED',
  })
  assert.equal((await fleet.ask(admin, '/api/v1/me')).status, 500, 'and who runs meanwhile lets nobody in')
})
