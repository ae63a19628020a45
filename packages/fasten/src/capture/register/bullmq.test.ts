// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startDebianServer } from '../carriers/fixtures/debian-server.ts'
import { registered } from './fixtures/registered.ts'

const { server: redis, skip } = await startDebianServer('redis-server')
after(() => redis?.remove())

test(
  'jobs of a worker that knows nothing of fasten lead back to the requests that asked for them',
  { skip, timeout: 120_000 },
  async (t) => {
    const { flags, env, folder, rows } = registered(t, 'paint')
    const app = spawn(
      process.execPath,
      [
        ...flags,
        fileURLToPath(new URL('fixtures/bull-quick-start.mjs', import.meta.url)),
        String(redis?.port),
      ],
      { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    t.after(() => app.kill('SIGKILL'))
    const [port] = (await once(createInterface(app.stdout), 'line')) as [string]
    const colours = ['red', 'green', 'blue']
    await Promise.all(
      colours.map(async (colour) => {
        const answer = await fetch(`http://127.0.0.1:${port}/${colour}`, {
          headers: { 'x-request-id': `car-${colour}` },
        })
        assert.deepEqual(await answer.json(), { painted: colour })
      }),
    )
    app.kill('SIGTERM')
    assert.deepEqual(await once(app, 'exit'), [0, null])
    assert.equal((await rows('api')).length, 3)
    const sys = await rows('sys')
    const enqueued = sys.filter(({ event }) => event === 'job_enqueued')
    assert.deepEqual(enqueued.map(({ request_id }) => request_id).toSorted(), [
      'car-blue',
      'car-green',
      'car-red',
    ])
    for (const { id, request_id } of enqueued) {
      const run = sys.filter(({ caused_by, event }) => caused_by === id && event?.startsWith('job_run'))
      assert.deepEqual(
        run.map(({ event, fields }) => [event, fields?.['job'], fields?.['queue'], fields?.['enqueued_by']]),
        ['job_run_started', 'job_run_succeeded'].map((event) => [event, 'cars', 'foo', request_id]),
      )
    }
  },
)
