// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { openGuide, type Guide, type PrintedRow } from '../../fixtures/guide.ts'
import { bench } from '../../fixtures/instance.ts'

const page = fileURLToPath(new URL('../../../../../../docs/guides/jobs.md', import.meta.url))
const command = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))
const exiting = fileURLToPath(new URL('./fixtures/exiting-run.ts', import.meta.url))
const redis = await startDebianServer('redis-server')
const hasJq = spawnSync('jq', ['--version']).status === 0

/** Rows as `event job attempt error`, with a letter for each request id in the order they come. */
function story(rows: readonly PrintedRow[]): string[] {
  const letters = new Map<string, string>([['order-7', 'order-7']])
  return rows.map(({ event, request_id, fields = {} }) => {
    const letter = letters.get(request_id) ?? `run ${letters.size}`
    letters.set(request_id, letter)
    const words = ['job', 'attempt', 'error'].map((name) => JSON.stringify(fields[name]))
    return [letter, event, ...words].join(' ').replaceAll('"', '').trim()
  })
}

describe('the guide to jobs', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('jobs')
  })
  after(async () => {
    await guide.close()
    await redis.server?.remove()
  })

  test('its shop leaves what the guide says', async () => {
    const { rows, status, stderr } = await guide.run('shop.ts')
    // Which of the two comes first is up to the clock.
    const [asked, ticked] = [rows, rows].map((all, index) =>
      all.filter(({ fields, request_id }) => {
        const sweeps = all.find((row) => row.event === 'job_run_started' && row.fields?.['job'] === 'sweep')
        return index === (request_id === sweeps?.request_id || fields?.['job'] === 'sweep' ? 1 : 0)
      }),
    )
    assert.deepEqual(
      [status, story(asked ?? []), story(ticked ?? [])],
      [
        0,
        [
          'order-7 job_enqueued send_mail',
          'run 1 job_run_started send_mail',
          'run 1 mail_sent',
          'run 1 job_run_succeeded send_mail',
        ],
        ['run 1 job_run_started sweep', 'run 1 swept', 'run 1 job_run_succeeded sweep'],
      ],
      stderr,
    )
    const fields = asked?.at(-1)?.fields ?? {}
    assert.deepEqual([fields['enqueued_by'], typeof fields['duration_ms']], ['order-7', 'number'])
  })

  test('its queue tries twice, and links the attempts', { skip: redis.skip }, async () => {
    process.env['REDIS_URL'] = `redis://127.0.0.1:${redis.server?.port ?? 0}`
    const { rows, status, stderr } = await guide.run('queue.ts')
    assert.deepEqual(
      [status, story(rows)],
      [
        0,
        [
          'order-7 job_enqueued ship',
          'run 1 job_run_started ship 1',
          'run 1 job_run_failed ship 1 RangeError',
          'run 2 job_run_started ship 2',
          'run 2 shipped',
          'run 2 job_run_succeeded ship 2',
        ],
      ],
      stderr,
    )
    assert.equal(rows[3]?.fields?.['retry_of'], rows[1]?.fields?.['run_id'])
  })

  test(
    'its question finds the runs that a kill left without an end, and no other',
    { skip: hasJq ? false : 'not run: jq (Debian package jq) is not installed' },
    async (t) => {
      const { dsn, start, rows } = bench(t)
      const env = { ...process.env, NODE_OPTIONS: '', FASTEN_AUDIT_DSN: dsn, FASTEN_SYS_DSN: dsn }
      const flags = ['--conditions=fasten-source']
      for (const how of ['exit', 'kill'])
        spawnSync(process.execPath, [...flags, exiting, how], { env, stdio: 'ignore', timeout: 60_000 })
      const next = start({ sys_dsn: dsn })
      await next.ready(60_000)
      const told = async (): Promise<number> =>
        (await rows('sys')).filter((row) => row.stream === 'sys' && row.event.startsWith('job_run_')).length
      while ((await told()) < 6) await sleep(20)
      const [, question = ''] = /```sh\n(fasten query.*?)```/s.exec(readFileSync(page, 'utf8')) ?? []
      const shell = `fasten() { "${process.execPath}" ${flags.join(' ')} "${command}" "$@"; }\n${question}`
      const answer = execFileSync('bash', ['-o', 'pipefail', '-c', shell], { env, encoding: 'utf8' })
      const found = answer
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { job: string }).job)
      assert.deepEqual(found.toSorted(), ['endless', 'last'])
    },
  )

  test('its programs compile under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
