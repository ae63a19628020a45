// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { rawAsk } from '../testing/fixtures/raw-ask.ts'

const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
const folder = mkdtempSync(join(tmpdir(), 'fleet-secrets-'))
after(async () => {
  await postgres.remove()
  rmSync(folder, { recursive: true })
})

test('no secret that a run used is in its log, its tables, its rows, or in an answer that is not to show it', async () => {
  const secrets = new Map<string, string>([
    ['the secret of the fleet', '5ec2e7'.repeat(10) + 'abcd'],
    ['the secret of the OIDC client', 'oidc-client-secret-9f8e7d6c'],
    ['a code in an address', 'authorization-code-1a2b3c4d5e'],
    ['a wrong password', 'wrong password of somebody 77'],
    ['a password in the field for the name', 'MyPasswordInTheWrongField-31'],
    ['a chosen password', 'a chosen password, quite long'],
    ['a wrong key', `flk_aaaaaaaaaaaa_${'w'.repeat(43)}`],
    ['an unknown credential', 'some-other-bearer-token-5566'],
  ])
  const secret = (name: string): string => secrets.get(name) ?? ''
  const main = join(import.meta.dirname, '../cli/main.ts')
  const child = spawn(process.execPath, ['--conditions=fasten-source', main, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      FLEET_DATABASE_URL: databaseUrl,
      FLEET_DATA_DIR: folder,
      FLEET_SERVER_ID: 's1',
      FLEET_LISTEN: '127.0.0.1:0',
      FLEET_LOG: 'json',
      FLEET_SECRET: secret('the secret of the fleet'),
      FLEET_PUBLIC_URL: 'http://127.0.0.1:7117',
      FLEET_OIDC_ISSUER: 'http://127.0.0.1:9',
      FLEET_OIDC_CLIENT_ID: 'fleet',
      FLEET_OIDC_CLIENT_SECRET: secret('the secret of the OIDC client'),
      FLEET_ADMIN_PASSWORD: 'the first password of all',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  secrets.set('the first password', 'the first password of all')
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (words: string) => (said += words))
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new TypeError(`the fleet did not start: ${said}`)))
    child.stderr.on('data', () => {
      const found = /listening at (http:\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
  })

  const answers: string[] = []
  let cookie = ''
  /** `shows` names the secrets that this answer is there to show. */
  const ask = async (
    method: string,
    path: string,
    { headers = {}, body }: { headers?: Readonly<Record<string, string>>; body?: unknown } = {},
    shows: readonly string[] = [],
  ): Promise<Record<string, string>> => {
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        'sec-fetch-site': 'same-origin',
        ...(cookie === '' ? {} : { cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const [set] = response.headers.getSetCookie()
    if (set?.startsWith('fleet_session=') === true) {
      cookie = set.split(';')[0] ?? ''
      secrets.set(`session ${secrets.size}`, cookie.slice('fleet_session='.length))
    }
    const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, string>)
    for (const member of shows) secrets.set(`${method} ${path} ${member}`, parsed[member] ?? '')
    answers.push(JSON.stringify({ ...parsed, ...Object.fromEntries(shows.map((member) => [member, null])) }))
    return parsed
  }
  const logIn = (name: string, password: string) => ask('POST', '/api/v1/login', { body: { name, password } })
  const change = (current_password: string, new_password: string) =>
    ask('POST', '/api/v1/password', { body: { current_password, new_password } })

  await logIn('admin', secret('a wrong password'))
  await logIn(secret('a password in the field for the name'), 'x')
  await logIn('admin', 'the first password of all')
  await change('the first password of all', secret('a chosen password'))
  await logIn('admin', secret('a chosen password'))
  await ask('POST', '/api/v1/login', {
    body: { name: 'admin', password: secret('a chosen password'), more: 1 },
  })
  const user = await ask('POST', '/api/v1/users', { body: { name: 'ada' } }, ['one_time_password'])
  await ask('PATCH', `/api/v1/users/${user['user_id']}`, { body: { reset_password: true } }, [
    'one_time_password',
  ])
  const order = { name: 'ci', permissions: ['audit:read'], tenants: 'all' }
  const { key = '' } = await ask('POST', '/api/v1/api-keys', { body: order }, ['key'])
  assert.match(key, /^flk_/)
  cookie = ''
  for (const each of [key, `${key}x`, secret('a wrong key'), secret('an unknown credential')]) {
    await ask('GET', '/api/v1/me', { headers: { authorization: `Bearer ${each}` } })
    // A credential in an address is no credential; that it was there must not end in a log either.
    await ask('GET', `/api/v1/me?token=${encodeURIComponent(each)}`)
  }
  const code = secret('a code in an address')
  await ask('GET', `/api/v1/login/oidc/callback?code=${code}&state=x`)
  await ask('GET', `/api/v1/login/oidc`)
  await rawAsk(url, {
    method: 'POST',
    path: '/api/v1/login',
    headers: { 'content-type': 'application/json' },
    body: `{"name":"${code}`,
  })

  child.kill('SIGTERM')
  await once(child, 'exit')
  assert.match(said, /"LOGIN_FAILED"|listening at/)
  const kept = await everythingIn(databaseUrl)
  assert.match(kept, /LOGIN_SUCCEEDED/)
  assert.match(kept, /\/api\/v1\/login\/oidc\/callback/)
  const found: string[] = []
  for (const [name, text] of secrets) {
    assert.ok(text.length >= 16, name)
    for (const form of [
      text,
      text.split('_').at(-1) ?? text,
      Buffer.from(text).toString('hex'),
      encodeURIComponent(text),
    ])
      for (const [place, all] of Object.entries({ log: said, database: kept, answers: answers.join('\n') }))
        if (form.length >= 16 && all.includes(form)) found.push(`${name} is in the ${place}`)
  }
  assert.deepEqual(found, [])
})

/** Every row of every table of the fleet, as text. */
async function everythingIn(url: string): Promise<string> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'fleet'",
    )
    let text = ''
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)
      text += rows.map(({ row }) => `${name} ${row}\n`).join('')
    }
    return text
  } finally {
    await client.end()
  }
}
