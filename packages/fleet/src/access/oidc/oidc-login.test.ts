// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../../testing/fixtures/start-fleet.ts'
import { createBrowser, type Page } from './fixtures/browser.ts'
import { startProvider } from './fixtures/provider.ts'

/** What the provider says of its users. */
const groups: Record<string, string[]> = {
  ada: ['staff', 'fleet-admins'],
  bob: ['staff'],
  eve: ['strangers'],
  admin: ['fleet-viewers'],
}
const secret = 'the secret of the fleet at its provider'

// Two servers of one fleet behind one address, which sends each request to the other one than the request before.
const behind: string[] = []
let turn = 0
const front = createServer((request, response) => forward(request, response))
await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
const publicUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
const idp = await startProvider({ publicUrl, secret, groups })
const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
const env = {
  FLEET_PUBLIC_URL: publicUrl,
  FLEET_SECRET: '5e'.repeat(32),
  FLEET_OIDC_ISSUER: idp.issuer,
  FLEET_OIDC_CLIENT_ID: 'fleet',
  FLEET_OIDC_CLIENT_SECRET: secret,
  FLEET_OIDC_SCOPES: 'openid profile groups',
  FLEET_OIDC_GROUPS: JSON.stringify({
    'fleet-admins': { role: 'admin', tenants: 'all' },
    'fleet-viewers': { role: 'viewer', tenants: ['acme'] },
    'long-gone': { role: 'auditor', tenants: 'all', until: '2020-01-01T00:00:00Z' },
  }),
}
const fleet = await startFleet({ databaseUrl, env })
const second = await startFleet({ databaseUrl, env: { ...env, FLEET_SERVER_ID: 's2' } })
behind.push(fleet.url, second.url)
after(async () => {
  await second.close()
  await fleet.close()
  await postgres.remove()
  idp.close()
  front.closeAllConnections()
  front.close()
})

const actorOf = async (browser: ReturnType<typeof createBrowser>): Promise<unknown> =>
  JSON.parse((await browser.open(`${publicUrl}/api/v1/me`)).text)

/** Walks the provider's own pages as a person would. */
async function logIn(browser: ReturnType<typeof createBrowser>, login: string): Promise<Page> {
  let page = await browser.open(`${publicUrl}/api/v1/login/oidc?return_to=/api/v1/me`)
  while (page.url.startsWith(idp.issuer)) {
    const action = /<form[^>]* action="([^"]+)"/.exec(page.text)?.[1]
    const prompt = /name="prompt" value="(\w+)"/.exec(page.text)?.[1]
    if (action === undefined || prompt === undefined) return page
    page = await browser.post(new URL(action, page.url).href, { prompt, login, password: 'anything' })
  }
  return page
}

test('somebody whose group holds a role comes back logged in, whichever server takes which request', async () => {
  const browser = createBrowser()
  const page = await logIn(browser, 'ada')
  assert.equal(page.url, `${publicUrl}/api/v1/me`)
  assert.partialDeepStrictEqual(JSON.parse(page.text), {
    actor: 'user:ada',
    auth_method: 'oidc',
    kind: 'user',
  })
  const users = await browser.open(`${publicUrl}/api/v1/users`)
  assert.equal(users.status, 200)
  assert.deepEqual(browser.cookieNames(publicUrl), ['fleet_session'], 'the state of the login is gone')
  const [row] = await fleet.told('USER_CREATED')
  assert.partialDeepStrictEqual(row, {
    actor: 'user:ada',
    detail: { from: idp.issuer, subject: 'ada', groups: ['staff', 'fleet-admins'] },
  })
})

test('roles are those of the groups at each login, and groups without a role open nothing', async () => {
  const browser = createBrowser()
  const refused = await logIn(browser, 'bob')
  assert.deepEqual([refused.status, JSON.parse(refused.text).code], [403, 'NO_ROLE'])
  assert.deepEqual(browser.cookieNames(publicUrl), [])
  const users = (await fleet.told('USER_CREATED')).map(({ target }) => target)
  assert.ok(!users.includes('user:bob'), 'nobody was made')

  groups['bob'] = ['staff', 'fleet-viewers']
  const page = await logIn(browser, 'bob')
  assert.deepEqual(JSON.parse(page.text).rights[0].tenants, ['acme'])
  assert.equal((await browser.open(`${publicUrl}/api/v1/users`)).status, 403)

  groups['bob'] = ['long-gone']
  assert.equal((await logIn(createBrowser(), 'bob')).status, 403, 'what a group held until 2020')
  assert.partialDeepStrictEqual(await actorOf(browser), { actor: 'user:bob' }, 'a refusal changes nothing')
  const grant = { to: { group: 'staff' }, role: 'viewer', tenants: ['b'] }
  const made = await fleet.ask(await fleet.key('admin'), '/api/v1/grants', { method: 'POST', body: grant })
  assert.equal(made.status, 201)
  groups['bob'] = ['staff']
  const third = await logIn(createBrowser(), 'bob')
  assert.deepEqual(
    JSON.parse(third.text).rights.map((right: { tenants: unknown }) => right.tenants),
    [['b']],
  )
  const changes = await fleet.told('USER_CHANGED')
  assert.deepEqual(
    changes.map(({ target, detail }) => [target, (detail as { groups: unknown }).groups]),
    [['user:bob', ['staff']]],
  )
})

test('a name that a local user has is not given to somebody from the provider', async () => {
  const key = await fleet.key('admin')
  const { status } = await fleet.ask(key, '/api/v1/users', { method: 'POST', body: { name: 'admin' } })
  assert.equal(status, 201)
  const page = await logIn(createBrowser(), 'admin')
  assert.match(JSON.parse(page.text).actor, /^user:admin-[a-z2-7]{12}$/)
})

test('an answer is taken once, by the browser that asked, with its own state, nonce and issuer', async () => {
  const callback = `${publicUrl}/api/v1/login/oidc/callback`
  const codeOf = async (page: Promise<Page>): Promise<unknown> => {
    const { status, text } = await page
    return [status, JSON.parse(text).code]
  }
  const victim = createBrowser()
  const answer = await answerFor(victim, 'ada')
  assert.deepEqual(await codeOf(createBrowser().open(answer)), [400, 'NO_SUCH_LOGIN'], 'another browser')

  const attacker = createBrowser()
  const own = await answerFor(attacker, 'eve')
  assert.deepEqual(await codeOf(victim.open(own)), [401, 'LOGIN_REFUSED'], 'an answer to somebody else')
  assert.deepEqual(await codeOf(victim.open(answer)), [400, 'NO_SUCH_LOGIN'], 'a try ends the login')

  for (const change of [
    (url: URL) => url.searchParams.set('state', 'x'),
    (url: URL) => url.searchParams.delete('state'),
    (url: URL) => url.searchParams.set('iss', 'https://evil.example'),
    (url: URL) => url.searchParams.delete('iss'),
    (url: URL) => url.searchParams.set('code', 'x'),
    (url: URL) => url.searchParams.set('error', 'access_denied'),
  ]) {
    const browser = createBrowser()
    const url = new URL(await answerFor(browser, 'ada'))
    change(url)
    assert.deepEqual(await codeOf(browser.open(url.href)), [401, 'LOGIN_REFUSED'], change.toString())
  }
  const forged = createBrowser()
  forged.setCookie(publicUrl, 'fleet_login', 'A'.repeat(200))
  assert.deepEqual(await codeOf(forged.open(`${callback}?code=a&state=b`)), [400, 'NO_SUCH_LOGIN'])
  const failures = await fleet.told('LOGIN_FAILED')
  assert.ok(failures.length > 0)
  assert.doesNotMatch(JSON.stringify(failures), /the secret of the fleet/)
})

test('the way back leads into the fleet and nowhere else', async () => {
  for (const elsewhere of [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:alert(1)',
    '/a\nb',
  ]) {
    const { status } = await fleet.ask(
      undefined,
      `/api/v1/login/oidc?return_to=${encodeURIComponent(elsewhere)}`,
    )
    assert.equal(status, 400, elsewhere)
  }
})

/** The address that the provider sends this browser back to, before it goes there. */
async function answerFor(browser: ReturnType<typeof createBrowser>, login: string): Promise<string> {
  browser.stopBefore = `${publicUrl}/api/v1/login/oidc/callback`
  const { url } = await logIn(browser, login)
  browser.stopBefore = undefined
  return url
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  const target = new URL(request.url ?? '/', behind[turn++ % behind.length])
  const { method = 'GET', headers } = request
  const onward = ask(target, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  })
  onward.on('error', () => response.writeHead(502).end())
  request.pipe(onward)
}
