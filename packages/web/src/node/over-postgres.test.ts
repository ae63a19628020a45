// SPDX-License-Identifier: Apache-2.0
/** `fasten ui` over a database: the program that people start, and what it tells their browser. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFasten, runWithContext } from 'fasten'
import { ensureBuilt } from '../../../../tools/setup/built.mjs'
import { root } from '../../../../tools/setup/root.mjs'
import { printed, start } from '../../../fasten/src/cli/fixtures/spawn.ts'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'

const folder = mkdtempSync(join(tmpdir(), 'fasten-ui-'))
const [postgres] = await Promise.all([startPostgres(), ensureBuilt(root)])
after(async () => {
  await postgres.remove()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})

async function writeRows(dsn: string): Promise<void> {
  const fasten = createFasten({
    service_id: 'shop',
    node_id: 'edge-07',
    audit_dsn: dsn,
    sys_dsn: dsn,
    api_dsn: dsn,
    spool_dir: join(folder, 'spool'),
    key_dir: join(folder, 'keys'),
    stdout: ['none'],
    exit_hooks: false,
    flush_timeout_ms: 60_000,
  })
  runWithContext({ request_id: 'a1b2c3d4e5f6', method: 'http', actor: 'user:ada' }, () => {
    fasten.emit({ code: 'DOCTOR_PROBE', target: 'valve/3', outcome: 'failure' })
    fasten.log.error('valve_stuck')
    fasten.recordApi({
      method: 'POST',
      path: '/valves/3',
      route: '/valves/:id',
      status: 502,
      duration_us: 60_000_000,
    })
  })
  await fasten.checkpoint(60_000)
  await fasten.close()
}

test('a database is shown as a file is: rows, a request, somebody, codes and proofs, and no password', async (t) => {
  const dsn = await postgres.freshStore()
  await writeRows(dsn)
  const server = start(['ui', dsn], { cwd: folder })
  t.after(() => server.kill('SIGKILL'))
  const link = new URL((await printed(server, (text) => text.endsWith('\n'))).trim())
  const opened = await fetch(link, { redirect: 'manual' })
  const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? ''
  const ask = async (path: string): Promise<Response> =>
    await fetch(new URL(`/api/v1${path}`, link), { headers: { cookie } })
  const json = async <T>(path: string): Promise<T> => (await (await ask(path)).json()) as T

  const me = await json<{ name: string }>('/me')
  assert.match(me.name, /^postgres/)
  assert.doesNotMatch(me.name, new RegExp(new URL(dsn).password))
  const { rows } = await json<{
    rows: { code: string; log: string; monotonic_seq: number; verification: string }[]
  }>('/audit?code=DOCTOR_PROBE')
  const [row] = rows
  assert.equal(row?.verification, 'verified')
  const proof = await ask(`/logs/${encodeURIComponent(row.log)}/proof?index=${row.monotonic_seq}`)
  assert.match(await proof.text(), /^c2sp\.org\/tlog-proof@v1\n/)
  const trace = await json<{ entries: { title: string; depth: number }[] }>('/traces/a1b2c3d4e5f6')
  assert.deepEqual(
    trace.entries.map(({ title, depth }) => [title, depth]),
    [
      ['POST /valves/3', 0],
      ['DOCTOR_PROBE', 1],
      ['valve_stuck', 1],
    ],
  )
  const timeline = await json<{ rows: { as: string[] }[] }>('/entities/user/ada/timeline')
  assert.deepEqual(
    timeline.rows.map(({ as }) => as),
    [['actor']],
  )
  const counts = await json<{ groups: { group: { code: string } }[] }>('/metrics/codes?since=-1h')
  assert.ok(counts.groups.some(({ group }) => group.code === 'DOCTOR_PROBE'))

  const ended = once(server, 'close')
  server.kill('SIGINT')
  assert.deepEqual(await ended, [0, null])
})
