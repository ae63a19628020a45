// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { registered } from './fixtures/registered.ts'
import { runNode } from './fixtures/run.ts'
import { knownModules } from './known.ts'

test(
  'every library that is known is found and fits, imported and required',
  { timeout: 120_000 },
  async (t) => {
    const { flags, env, folder } = registered(t, 'all')
    // The last one only older versions have.
    const specifiers = knownModules
      .flatMap((known) => known.specifiers)
      .filter((specifier) => specifier !== 'amqplib/callback_api.js')
    const names = knownModules.map(({ name }) => name)
    const { stdout, stderr } = await runNode([...flags, 'loads-all.mjs', JSON.stringify(specifiers)], {
      cwd: folder,
      env: { ...env, FASTEN_REGISTER: names.join() },
    })
    assert.doesNotMatch(stderr, /FASTEN_NOT_INSTRUMENTED/)
    assert.deepEqual((JSON.parse(stdout || stderr) as string[]).toSorted(), specifiers.toSorted())
  },
)

test(
  'four schedulers leave a row when a run starts and when it has ended',
  { timeout: 120_000 },
  async (t) => {
    const { flags, env, folder, rows } = registered(t, 'schedules')
    const { status, stderr } = await runNode([...flags, 'schedules.mjs'], { cwd: folder, env })
    assert.equal(status, 0, stderr)
    const said = (await rows('sys')).map(({ event, fields }) => JSON.stringify([fields?.['job'], event]))
    assert.deepEqual(
      said.toSorted(),
      ['croner', 'node-cron', 'node-schedule', 'toad-scheduler']
        .flatMap((job) => [
          JSON.stringify([job, 'job_run_started']),
          JSON.stringify([job, 'job_run_succeeded']),
        ])
        .toSorted(),
    )
  },
)
