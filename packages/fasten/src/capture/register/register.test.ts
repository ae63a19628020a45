// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readChoice } from './choice.ts'
import { registered } from './fixtures/registered.ts'

test('everything known is instrumented unless some are named, or left out', () => {
  const choose = (FASTEN_REGISTER?: string) => {
    const { has } = readChoice(FASTEN_REGISTER === undefined ? {} : { FASTEN_REGISTER }, [
      { name: 'mqtt' },
      { name: 'otel', isOptIn: true },
      { name: 'ws' },
    ])
    return ['http', 'mqtt', 'otel', 'ws'].filter((name) => has(name))
  }
  assert.deepEqual(choose(), ['http', 'mqtt', 'ws'])
  assert.deepEqual(choose(' mqtt, http'), ['http', 'mqtt'])
  assert.deepEqual(choose('-mqtt'), ['http', 'ws'])
  assert.deepEqual(choose('mqtt,ws,-ws'), ['mqtt'])
  assert.deepEqual(choose('otel'), ['otel'])
  assert.deepEqual(choose('+otel,-ws'), ['http', 'mqtt', 'otel'])
  assert.throws(() => choose('mqtts'), {
    code: 'CONFIG_INVALID',
    at: 'FASTEN_REGISTER',
    hint: /mqtt, otel, ws.*did you mean/,
  })
})

for (const by of ['--import', 'NODE_OPTIONS'] as const)
  test(`an application that knows nothing of it leaves rows and passes ids on, by ${by}`, async (t) => {
    const { folder, flags, env, rows } = registered(t, 'plain')
    const app = spawn(
      process.execPath,
      [
        ...(by === '--import' ? flags : []),
        fileURLToPath(new URL('./fixtures/plain-app.cjs', import.meta.url)),
      ],
      {
        cwd: folder,
        env: { ...env, ...(by === 'NODE_OPTIONS' ? { NODE_OPTIONS: flags.join(' ') } : {}) },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    t.after(() => app.kill('SIGKILL'))
    const [line] = (await once(createInterface(app.stdout), 'line')) as [string]
    for (const [index, port] of (JSON.parse(line) as number[]).entries()) {
      const answer = await fetch(`http://127.0.0.1:${port}/item?secret=1`, {
        headers: { 'x-request-id': `order-${index}` },
      })
      assert.equal(answer.headers.get('x-request-id'), `order-${index}`)
      await answer.text()
    }
    app.kill('SIGTERM')
    await once(app, 'exit')
    const left = await rows('api')
    assert.deepEqual(
      left.map(({ request_id, path, status }) => [request_id, path, status]),
      [
        ['order-0', '/item', 200],
        ['order-1', '/item', 200],
      ],
    )
  })
