// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bench } from '../../fixtures/instance.ts'
import type { RunFields } from './run-row.ts'

const program = fileURLToPath(new URL('./fixtures/exiting-run.ts', import.meta.url))
const started = ['endless job_run_started', 'last job_run_started']

/** Ends a process in this way, and reads what it left from the store once the next process has taken over its spool. */
async function endBy(t: TestContext, how: string): Promise<{ ended: string; rows: string[] }> {
  const { dsn, start, rows } = bench(t)
  const { status, signal } = spawnSync(process.execPath, ['--conditions=fasten-source', program, how], {
    timeout: 60_000,
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: '', FASTEN_AUDIT_DSN: dsn, FASTEN_SYS_DSN: dsn },
  })
  await start({ sys_dsn: dsn }).ready(60_000)
  for (;;) {
    const found = await rows('sys')
    const told = found.flatMap((row) => (row.stream === 'sys' && row.event.startsWith('job_') ? [row] : []))
    if (told.length >= (how === 'kill' ? 2 : 4))
      return {
        ended: signal ?? String(status),
        rows: told.map(({ event, fields }) => {
          const { job, error } = fields as RunFields
          return [job, event, error].join(' ').trim()
        }),
      }
    await sleep(20)
  }
}

describe('a process that ends while runs are in the air', { timeout: 120_000 }, () => {
  test('by process.exit() leaves their ends on the way out', async (t) => {
    assert.deepEqual(await endBy(t, 'exit'), {
      ended: '3',
      rows: [...started, 'endless job_run_failed exited', 'last job_run_failed exited'],
    })
  })

  test('by an error that nobody catches, likewise, and that run says which', async (t) => {
    assert.deepEqual(await endBy(t, 'throw'), {
      ended: '1',
      rows: [...started, 'last job_run_failed RangeError', 'endless job_run_failed exited'],
    })
  })

  test('by a kill leaves the starts, and no end that nobody saw', async (t) => {
    assert.deepEqual(await endBy(t, 'kill'), { ended: 'SIGKILL', rows: started })
  })
})
