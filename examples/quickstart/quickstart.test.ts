// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ApiRow, AuditRow, SysRow } from 'fasten/core'

const folder = mkdtempSync(join(tmpdir(), 'fasten-quickstart-'))
const database = join(folder, 'fasten.db')
const token = 'reader-token-of-this-test'
const server = spawn(process.execPath, [join(import.meta.dirname, 'server.ts')], {
  cwd: folder,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: {
    ...process.env,
    PORT: '0',
    FASTEN_READER_TOKEN: token,
  },
})
let origin = ''

before(async () => {
  for await (const line of createInterface({ input: server.stdout })) {
    if (!line.startsWith('http://')) continue
    origin = line
    return
  }
  assert.fail('the server ended before it listened')
})

after(() => {
  server.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

test('one request becomes one thread, which the reader and the command tell alike and which verifies', async () => {
  const response = await fetch(`${origin}/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'ada', email: 'ada@example.org', password: 'correct horse' }),
  })
  assert.equal(response.status, 201)
  const requestId = response.headers.get('x-request-id') ?? ''
  assert.match(requestId, /^[0-9a-f]{12}$/)

  const thread = await untilWhole(requestId)
  assert.deepEqual(
    [
      thread.audit.map((row) => [row.code, row.target, row.actor, row.method]),
      thread.sys.map((row) => row.event),
      thread.api.map((row) => [row.method, row.route, row.status]),
    ],
    [[['USER_CREATED', 'ada', 'signup-form', 'http']], ['user_created'], [['POST', '/users', 201]]],
  )
  assert.equal(thread.audit[0]?.detail['password'], '***')
  assert.deepEqual(Object.keys(thread.audit[0]?.sd ?? {}), ['/detail/email'])
  for (const secret of ['correct horse', 'ada@example.org'])
    assert.ok(!readFileSync(database).includes(secret))

  const told = await command('thread', requestId)
  for (const word of ['USER_CREATED', 'user_created', 'POST'])
    assert.ok(told.includes(word), `fasten thread does not say ${word}:\n${told}`)
  assert.match(await command('thread', requestId, '--disclose'), /ada@example\.org/)
})

test('the commands that the README prints work where the database is', async () => {
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  const commands = [...readme.matchAll(/^\$ npx fasten (.+)$/gm)].map(([, words = '']) => words.split(' '))
  assert.ok(commands.length >= 2, 'the README prints no commands')
  for (const words of commands)
    assert.notEqual((await command(...words)).trim(), '', `fasten ${words.join(' ')} said nothing`)
})

test('the reader lets nobody in without the token', async () => {
  assert.equal((await fetch(`${origin}/logs/audit`)).status, 401)
})

test('SIGTERM ends the server with every row stored', async () => {
  server.kill('SIGTERM')
  const [code] = (await once(server, 'exit')) as [number | null]
  assert.equal(code, 0)
  assert.match(await command('verify'), /PASS/)
})

interface Thread {
  readonly audit: readonly AuditRow[]
  readonly api: readonly ApiRow[]
  readonly sys: readonly SysRow[]
}

/** Rows reach the store a moment after the answer; an access only when the answer has been sent. */
async function untilWhole(requestId: string): Promise<Thread> {
  for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
    const answer = await fetch(`${origin}/logs/correlate?request_id=${requestId}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const text = await answer.text()
    assert.equal(answer.status, 200, text)
    const thread = JSON.parse(text) as Thread
    if ((thread.audit.length > 0 && thread.api.length > 0 && thread.sys.length > 0) || Date.now() > deadline)
      return thread
  }
}

async function command(...words: readonly string[]): Promise<string> {
  const entry = import.meta.resolve('fasten')
  const file = fileURLToPath(new URL(entry.endsWith('.ts') ? '../cli/main.ts' : '../cli/main.js', entry))
  const { FASTEN_AUDIT_DSN: _none, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...words], { cwd: folder, env })
  return stdout
}
