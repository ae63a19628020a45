// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Cron } from 'croner'
import cron from 'node-cron'
import schedule from 'node-schedule'
import * as toad from 'toad-scheduler'
import { currentRequestID, runWithContext } from '../../context.ts'
import { recordingRuns, type RunRecording } from './fixtures/run-recorder.ts'
import {
  after,
  every,
  instrumentCroner,
  instrumentNodeCron,
  instrumentNodeSchedule,
  instrumentToadScheduler,
} from './index.ts'

const request = { request_id: 'order-7' }

/** The first run of a job that a request set up. */
async function firstRun({ rows, until }: RunRecording, job: string, spelt?: string): Promise<void> {
  await until(() => rows.some(({ event }) => event === 'job_run_succeeded'))
  const [enqueued, started] = rows
  assert.deepEqual(
    [enqueued?.event, enqueued?.context?.request_id, enqueued?.fields.job, enqueued?.fields.schedule],
    ['job_enqueued', 'order-7', job, spelt],
  )
  assert.deepEqual(
    [started?.event, started?.fields.job, started?.fields.enqueued_by, started?.context?.caused_by],
    ['job_run_started', job, 'order-7', enqueued?.id],
  )
}

describe('schedulers', { timeout: 60_000 }, () => {
  test('croner, and what it protects from', async () => {
    const recording = recordingRuns()
    const { rows, until, fasten } = recording
    const undo = instrumentCroner(Cron, { fasten })
    const letGo = Promise.withResolvers<undefined>()
    let ran = 0
    const job = runWithContext(
      request,
      () =>
        new Cron('* * * * * *', { name: 'sweep', protect: true }, () =>
          ran++ === 0 ? letGo.promise : undefined,
        ),
    )
    await until(() => rows.some(({ event }) => event === 'job_run_skipped'))
    assert.ok(rows.some(({ event }) => event === 'job_run_overran'))
    letGo.resolve(undefined)
    await firstRun(recording, 'sweep', '* * * * * *')
    job.stop()
    undo()
  })

  test('node-cron, and what it protects from', async () => {
    const recording = recordingRuns()
    const { rows, until, fasten } = recording
    const undo = instrumentNodeCron(cron, { fasten })
    const letGo = Promise.withResolvers<undefined>()
    let ran = 0
    const task = runWithContext(request, () =>
      cron.schedule('* * * * * *', () => (ran++ === 0 ? letGo.promise : undefined), {
        name: 'tidy',
        noOverlap: true,
      }),
    )
    await until(() => rows.some(({ event }) => event === 'job_run_skipped'))
    letGo.resolve(undefined)
    await firstRun(recording, 'tidy', '* * * * * *')
    await task.destroy()
    undo()
  })

  test('node-schedule', async () => {
    const recording = recordingRuns()
    const undo = instrumentNodeSchedule(schedule, { fasten: recording.fasten })
    const job = runWithContext(request, () =>
      schedule.scheduleJob('report', '* * * * * *', () => void currentRequestID()),
    )
    await firstRun(recording, 'report', '* * * * * *')
    job.cancel()
    undo()
  })

  test('toad-scheduler', async () => {
    const recording = recordingRuns()
    const undo = instrumentToadScheduler(toad, { fasten: recording.fasten })
    const scheduler = new toad.ToadScheduler()
    const task = new toad.AsyncTask('poll', async () => {})
    runWithContext(request, () =>
      scheduler.addSimpleIntervalJob(new toad.SimpleIntervalJob({ milliseconds: 10 }, task)),
    )
    await firstRun(recording, 'poll')
    scheduler.stop()
    undo()
  })

  test('timers', async () => {
    const one = recordingRuns()
    const other = recordingRuns()
    const timer = runWithContext(request, () => every(5, 'beat', () => {}, { fasten: one.fasten }))
    runWithContext(request, () => after(5, 'once', () => {}, { fasten: other.fasten }))
    await firstRun(one, 'beat', 'every 5 ms')
    await firstRun(other, 'once', 'after 5 ms')
    clearInterval(timer)
  })
})
