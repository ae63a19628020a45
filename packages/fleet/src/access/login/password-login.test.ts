// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createSystemClock } from 'fasten/store'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { rescueUser } from '../users/users.ts'
import { rawAsk } from '../../testing/fixtures/raw-ask.ts'
import { startFleet, type Answer, type AskInit } from '../../testing/fixtures/start-fleet.ts'

const system = createSystemClock()
let aheadMs = 0
let stoppedAt: number | undefined
const clock = { ...system, nowMicros: () => (stoppedAt ?? system.nowMicros()) + aheadMs * 1000 }
const postgres = await startPostgres()
const fleet = await startFleet({
  databaseUrl: await postgres.freshDatabase(),
  clock,
  env: { FLEET_SESSION_IDLE_MINUTES: '30', FLEET_SESSION_HOURS: '12' },
})
after(async () => {
  await fleet.close()
  await postgres.remove()
})

const minute = 60_000
const first = readFileSync(join(fleet.dataDir, 'first-password'), 'utf8').trim()
const chosen = 'correct horse battery staple'
const own = { 'sec-fetch-site': 'same-origin' }

const post = (path: string, body: unknown, headers: AskInit['headers'] = own): Promise<Answer> =>
  fleet.ask(undefined, path, { method: 'POST', headers, body })
const logIn = (name: string, password: string, headers?: AskInit['headers']): Promise<Answer> =>
  post('/api/v1/login', { name, password }, headers)
const cookieOf = ({ headers }: Answer): string => headers.getSetCookie()[0]?.split(';')[0] ?? ''
const code = ({ status, body }: Answer): unknown => [status, (body as { code?: string }).code]
const me = (cookie: string, headers: AskInit['headers'] = {}): Promise<Answer> =>
  fleet.ask(undefined, '/api/v1/me', { headers: { cookie, ...headers } })

/** The session of the administrator, once the first password was changed. */
let admin = ''

test('the first administrator is made once, with a password in a file of its own user, and must change it', async () => {
  assert.equal(statSync(join(fleet.dataDir, 'first-password')).mode & 0o777, 0o600)
  const answer = await logIn('admin', first)
  assert.equal(answer.status, 200)
  assert.partialDeepStrictEqual(answer.body, { user: 'admin', must_change_password: true })
  const cookie = cookieOf(answer)
  assert.match(
    answer.headers.getSetCookie()[0] ?? '',
    /^fleet_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
  )
  const users = await fleet.ask(undefined, '/api/v1/users', { headers: { cookie } })
  assert.deepEqual(code(users), [403, 'PASSWORD_CHANGE_NEEDED'])
  const key = await post('/api/v1/api-keys', { name: 'x', permissions: ['audit:read'] }, { ...own, cookie })
  assert.deepEqual(code(key), [403, 'EXCEEDS_RIGHTS'])

  const change = (current_password: string, new_password: string): Promise<Answer> =>
    post('/api/v1/password', { current_password, new_password }, { ...own, cookie })
  for (const weak of ['short', first, 'administrator-admin', 'aaaaaaaaaaaaaaaa'])
    assert.deepEqual(code(await change(first, weak)), [400, 'WEAK_PASSWORD'], weak)
  assert.deepEqual(code(await change('wrong password!', chosen)), [401, 'LOGIN_FAILED'])
  const changed = await change(first, chosen)
  assert.equal(changed.status, 204)
  admin = cookieOf(changed)
  assert.notEqual(admin, cookie)
  assert.equal((await me(cookie)).status, 401, 'the session from before has ended')
  assert.partialDeepStrictEqual((await me(admin)).body, { actor: 'user:admin', auth_method: 'password' })
  assert.equal((await fleet.ask(undefined, '/api/v1/users', { headers: { cookie: admin } })).status, 200)
  assert.deepEqual(code(await logIn('admin', first)), [401, 'LOGIN_FAILED'])
})

test('who exists is not told, by words, status or headers', async () => {
  const answers = [
    await logIn('nobody', 'some password or other'),
    await logIn('admin', 'some password or other'),
  ]
  const [nobody, somebody] = answers.map(({ status, body, headers }) => ({
    status,
    body,
    names: [...headers.keys()],
  }))
  assert.deepEqual(nobody, somebody)
  const told = (await fleet.told('LOGIN_FAILED')).slice(-2)
  assert.deepEqual(
    told.map(({ target, reason, actor, outcome }) => [target, reason, actor, outcome]),
    [
      ['user:?', 'no such user', 'anonymous', 'denied'],
      ['user:admin', 'wrong password', 'anonymous', 'denied'],
    ],
  )
})

test('guesses are slowed down for an account, known or not, also when they come at once, and time forgets them', async () => {
  stoppedAt = system.nowMicros()
  for (const name of ['admin', 'nobody-else']) {
    aheadMs += 2 * 60 * minute
    const guesses = await Promise.all(Array.from({ length: 9 }, (_, i) => logIn(name, `guess number ${i}`)))
    const statuses = guesses.map(({ status }) => status).sort()
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429, 429, 429], name)
    const slowed = guesses.find(({ status }) => status === 429)
    assert.equal(slowed?.headers.get('retry-after'), '1')
  }
  stoppedAt = undefined
  aheadMs += 2 * 60 * minute
  const right = await logIn('admin', chosen)
  assert.equal(right.status, 200)
  admin = cookieOf(right)
})

test('a cookie opens nothing for pages of other sites, and a form posts nothing', async () => {
  const logout = (headers: Readonly<Record<string, string>>): Promise<Answer> =>
    fleet.ask(undefined, '/api/v1/logout', { method: 'POST', headers: { cookie: admin, ...headers } })
  for (const headers of [
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site', origin: fleet.url },
  ] as Readonly<Record<string, string>>[])
    assert.deepEqual(code(await logout(headers)), [403, 'CROSS_SITE'], JSON.stringify(headers))
  assert.deepEqual(code(await me(admin, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' })), [
    403,
    'CROSS_SITE',
  ])
  const followed = await rawAsk(fleet.url, {
    method: 'GET',
    path: '/api/v1/me',
    headers: { cookie: admin, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
  })
  assert.equal(followed.status, 200, 'a link from elsewhere')
  const form = await fleet.ask(undefined, '/api/v1/login', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: {},
  })
  assert.equal(form.status, 415)
  assert.deepEqual(code(await logIn('admin', chosen, { 'sec-fetch-site': 'cross-site' })), [
    403,
    'CROSS_SITE',
  ])
  assert.equal((await me(admin)).status, 200, 'it is still logged in')
})

test('a password does not travel in the clear, but to the machine itself', async () => {
  const remote = await logIn('admin', chosen, { ...own, 'x-forwarded-host': 'fleet.example' })
  assert.equal(remote.status, 200, 'nobody is believed about the host')
  const plain = await rawAsk(fleet.url, {
    method: 'POST',
    path: '/api/v1/login',
    headers: { host: 'fleet.example', 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'admin', password: chosen }),
  })
  assert.deepEqual(
    [plain.status, (JSON.parse(plain.body) as { code: string }).code],
    [403, 'INSECURE_TRANSPORT'],
  )
})

test('a session ends by logout, by idleness, at its end, by an administrator, and by a new login', async () => {
  const fresh = async (): Promise<string> => cookieOf(await logIn('admin', chosen))
  const isOpen = async (cookie: string): Promise<boolean> => (await me(cookie)).status === 200

  const byLogout = await fresh()
  const out = await fleet.ask(undefined, '/api/v1/logout', {
    method: 'POST',
    headers: { cookie: byLogout, ...own },
  })
  assert.match(out.headers.getSetCookie()[0] ?? '', /^fleet_session=; .*Expires=Thu, 01 Jan 1970/)
  assert.equal(await isOpen(byLogout), false)

  const byAdmin = await fresh()
  const { session_id } = (await me(byAdmin)).body as { session_id: string }
  const listed = await fleet.ask(undefined, '/api/v1/sessions', { headers: { cookie: admin } })
  assert.ok(
    (listed.body as { sessions: { session_id: string }[] }).sessions.some(
      (each) => each.session_id === session_id,
    ),
  )
  assert.doesNotMatch(JSON.stringify(listed.body), new RegExp(byAdmin.split('=')[1] ?? '?'))
  const ended = await fleet.ask(undefined, `/api/v1/sessions/${session_id}`, {
    method: 'DELETE',
    headers: { cookie: admin, ...own },
  })
  assert.equal(ended.status, 204)
  assert.equal(await isOpen(byAdmin), false)

  const replaced = await fresh()
  await logIn('admin', chosen, { ...own, cookie: replaced })
  assert.equal(await isOpen(replaced), false)

  const byIdleness = await fresh()
  aheadMs += 31 * minute
  assert.equal(await isOpen(byIdleness), false)

  const atItsEnd = await fresh()
  for (let minutes = 0; minutes < 12 * 60; minutes += 20) {
    assert.equal(await isOpen(atItsEnd), true, `${minutes} minutes`)
    aheadMs += 20 * minute
  }
  assert.equal(await isOpen(atItsEnd), false)
  admin = await fresh()
})

test('users are made, locked and unlocked, and somebody always manages the fleet', async () => {
  const as = (cookie: string, method: string, path: string, body?: unknown): Promise<Answer> =>
    fleet.ask(undefined, `/api/v1${path}`, {
      method,
      headers: { cookie, ...own },
      ...(body === undefined ? {} : { body }),
    })
  const made = await as(admin, 'POST', '/users', { name: 'ada' })
  const { user_id, one_time_password } = made.body as { user_id: string; one_time_password: string }
  assert.equal(made.status, 201)
  assert.deepEqual(code(await as(admin, 'POST', '/users', { name: 'ADA' })), [409, 'NAME_TAKEN'])
  const begun = cookieOf(await logIn('ada', one_time_password))
  const ada = cookieOf(
    await as(begun, 'POST', '/password', {
      current_password: one_time_password,
      new_password: 'a further long password',
    }),
  )
  assert.equal((await as(ada, 'GET', '/users')).status, 403, 'nothing was granted yet')
  assert.deepEqual(
    code(await as(admin, 'POST', '/grants', { to: { user: 'ada' }, role: 'auditor', tenants: ['acme'] })),
    [400, 'NO_EXPIRY'],
  )
  const until = new Date(clock.nowMicros() / 1000 + 60 * minute).toISOString()
  const granted = await as(admin, 'POST', '/grants', {
    to: { user: 'ada' },
    role: 'auditor',
    tenants: ['acme'],
    expires_at: until,
  })
  assert.equal(granted.status, 201)
  const right = async () => ((await me(ada)).body as { rights: { tenants: unknown }[] }).rights
  assert.deepEqual(
    (await right()).map(({ tenants }) => tenants),
    [['acme']],
  )
  assert.deepEqual(
    code(await as(ada, 'GET', '/users')),
    [403, 'FORBIDDEN'],
    'users belong to the whole fleet',
  )
  const key = (
    await as(ada, 'POST', '/api-keys', { name: 'k', permissions: ['audit:read'], expires_in_days: 300 })
  ).body as { key: string; tenants: unknown }
  assert.deepEqual(key.tenants, ['acme'])
  assert.equal((await fleet.ask(key.key, '/api/v1/me')).status, 200)

  await as(admin, 'PATCH', `/users/${user_id}`, { locked: true })
  assert.equal((await me(ada)).status, 401)
  assert.equal((await fleet.ask(key.key, '/api/v1/me')).status, 401)
  assert.deepEqual(code(await logIn('ada', 'a further long password')), [401, 'LOGIN_FAILED'])
  await as(admin, 'PATCH', `/users/${user_id}`, { locked: false })
  const again = cookieOf(await logIn('ada', 'a further long password'))
  assert.deepEqual(((await fleet.ask(key.key, '/api/v1/me')).body as { rights: unknown[] }).rights.length, 1)
  aheadMs += 61 * minute
  assert.deepEqual(
    ((await fleet.ask(key.key, '/api/v1/me')).body as { rights: unknown[] }).rights,
    [],
    'the audit is over',
  )
  assert.equal((await me(again)).status, 401)

  admin = cookieOf(await logIn('admin', chosen))
  const users = (await as(admin, 'GET', '/users')).body as { users: { user_id: string; name: string }[] }
  const own_id = users.users.find(({ name }) => name === 'admin')?.user_id
  assert.deepEqual(code(await as(admin, 'PATCH', `/users/${own_id}`, { locked: true })), [409, 'LAST_ADMIN'])
  const grants = (await as(admin, 'GET', '/grants')).body as { grants: { grant_id: string; role: string }[] }
  const last = grants.grants.find(({ role }) => role === 'admin')?.grant_id
  assert.deepEqual(code(await as(admin, 'DELETE', `/grants/${last}`)), [409, 'LAST_ADMIN'])
  assert.equal((await me(admin)).status, 200, 'both were taken back whole')
})

test('a key of a user is not the user: it governs neither his sessions nor his keys', async () => {
  const headers = { cookie: admin, ...own }
  const body = { name: 'narrow', permissions: ['metrics:read'] }
  const made = await fleet.ask(undefined, '/api/v1/api-keys', { method: 'POST', headers, body })
  const { key, key_id } = made.body as { key: string; key_id: string }
  const { session_id } = (await me(admin)).body as { session_id: string }
  const answers = [
    await fleet.ask(key, '/api/v1/sessions'),
    await fleet.ask(key, '/api/v1/api-keys'),
    await fleet.ask(key, `/api/v1/sessions/${session_id}`, { method: 'DELETE' }),
    await fleet.ask(key, `/api/v1/api-keys/${key_id}`, { method: 'DELETE' }),
    await post(
      '/api/v1/password',
      { current_password: chosen, new_password: chosen },
      { authorization: `Bearer ${key}` },
    ),
  ]
  assert.deepEqual(
    answers.map((answer) => [answer.status, (answer.body as { code?: string }).code ?? answer.body]),
    [
      [200, { sessions: [] }],
      [200, { keys: [] }],
      [404, 'NO_SUCH_SESSION'],
      [404, 'NO_SUCH_KEY'],
      [403, 'FORBIDDEN'],
    ],
  )
})

test('two who take away the last two administrators at once leave one', async () => {
  const as = (cookie: string, method: string, path: string, body?: unknown): Promise<Answer> =>
    fleet.ask(undefined, `/api/v1${path}`, {
      method,
      headers: { cookie, ...own },
      ...(body === undefined ? {} : { body }),
    })
  await as(admin, 'POST', '/grants', { to: { user: 'ada' }, role: 'admin', tenants: 'all' })
  const { grants } = (await as(admin, 'GET', '/grants')).body as {
    grants: { grant_id: string; role: string }[]
  }
  const admins = grants.filter(({ role }) => role === 'admin')
  assert.equal(admins.length, 2)
  // By a key of nobody: whoever takes away his own would be no administrator for the second.
  const key = await fleet.key('admin')
  const ended = await Promise.all(
    admins.map(({ grant_id }) => fleet.ask(key, `/api/v1/grants/${grant_id}`, { method: 'DELETE' })),
  )
  assert.deepEqual(ended.map(({ status }) => status).toSorted(), [200, 409])
})

test('who works on the machine itself can let somebody in again', async () => {
  const password = await rescueUser({ ...fleet, clock }, { actor: 'os:test' }, 'admin')
  assert.equal((await me(admin)).status, 401)
  assert.partialDeepStrictEqual((await logIn('admin', password)).body, { must_change_password: true })
  await assert.rejects(rescueUser({ ...fleet, clock }, { actor: 'os:test' }, 'nobody'), {
    code: 'NO_SUCH_USER',
  })
})

test('every change was told, by whom, in which session, from where', async () => {
  const rows = await fleet.told(
    'USER_CREATED',
    'USER_CHANGED',
    'ROLE_GRANTED',
    'PASSWORD_CHANGED',
    'API_KEY_CREATED',
    'SESSION_ENDED',
    'LOGIN_SUCCEEDED',
  )
  const of = (name: string) => rows.filter((row) => row.code === name)
  assert.deepEqual(
    of('USER_CREATED').map(({ actor, target }) => [actor, target]),
    [
      ['fleet', 'user:admin'],
      ['user:admin', 'user:ada'],
    ],
  )
  assert.deepEqual(
    of('USER_CHANGED').map(({ detail }) => (detail as { changes: unknown }).changes),
    [['locked'], ['unlocked'], ['unlocked', 'password reset']],
    'what was rolled back was not told',
  )
  const [, granted] = of('ROLE_GRANTED')
  assert.match(String(granted?.['session_id']), /^s_[a-z2-7]{12}$/)
  assert.partialDeepStrictEqual(granted, {
    actor: 'user:admin',
    actor_kind: 'user',
    auth_method: 'password',
    target: 'user:ada',
    source: { ip: '127.0.0.1' },
    detail: { role: 'auditor', tenants: ['acme'] },
  })
  assert.ok(of('SESSION_ENDED').length >= 5)
  assert.ok(existsSync(join(fleet.dataDir, 'first-password')))
})
