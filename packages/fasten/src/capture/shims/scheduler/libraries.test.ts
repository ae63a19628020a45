// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
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
  instrumentTimers,
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

/** The run that was skipped names the one in its way, which goes on. */
function assertRunning({ rows }: RunRecording): void {
  const started = rows.find(({ event }) => event === 'job_run_started')
  const skipped = rows.find(({ event }) => event === 'job_run_skipped')
  assert.match(started?.fields.run_id ?? '', /^scheduler-shop-/)
  assert.equal(skipped?.fields.running, started?.fields.run_id)
}

describe('schedulers', { timeout: 60_000 }, () => {
  test('croner, and what it protects from', async (t) => {
    const recording = recordingRuns()
    const { rows, until, fasten } = recording
    t.after(instrumentCroner(Cron, { fasten }))
    const letGo = Promise.withResolvers<undefined>()
    let ran = 0
    const job = runWithContext(
      request,
      () =>
        new Cron('* * * * * *', { name: 'sweep', protect: true }, () =>
          ran++ === 0 ? letGo.promise : undefined,
        ),
    )
    await until(() =>
      ['job_run_skipped', 'job_run_overran'].every((wanted) => rows.some(({ event }) => event === wanted)),
    )
    assertRunning(recording)
    letGo.resolve(undefined)
    await firstRun(recording, 'sweep', '* * * * * *')
    job.stop()
  })

  test('croner’s trigger() is asked for by whoever calls it', async (t) => {
    const { rows, fasten } = recordingRuns()
    t.after(instrumentCroner(Cron, { fasten }))
    const failure = new RangeError('as it is')
    const job = runWithContext(
      request,
      () => new Cron('0 0 1 1 *', { name: 'yearly', paused: true }, () => {}),
    )
    const failing = new Cron('0 0 1 1 *', { name: 'failing', paused: true }, () => Promise.reject(failure))
    await runWithContext({ request_id: 'order-8' }, () => job.trigger())
    await job.trigger()
    await assert.rejects(failing.trigger(), (thrown) => thrown === failure)
    assert.deepEqual(
      rows.map(({ event, context, fields: { job: name, enqueued_by } }) =>
        [event, name, enqueued_by ?? (event === 'job_enqueued' ? context?.request_id : undefined)]
          .join(' ')
          .trim(),
      ),
      [
        'job_enqueued yearly order-7',
        'job_enqueued yearly order-8',
        'job_run_started yearly order-8',
        'job_run_succeeded yearly order-8',
        'job_run_started yearly',
        'job_run_succeeded yearly',
        'job_run_started failing',
        'job_run_failed failing',
      ],
    )
    for (const one of [job, failing]) one.stop()
  })

  test('node-cron, and what it protects from', async (t) => {
    const recording = recordingRuns()
    const { rows, until, fasten } = recording
    t.after(instrumentNodeCron(cron, { fasten }))
    const letGo = Promise.withResolvers<undefined>()
    let ran = 0
    const task = runWithContext(request, () =>
      cron.schedule('* * * * * *', () => (ran++ === 0 ? letGo.promise : undefined), {
        name: 'tidy',
        noOverlap: true,
      }),
    )
    await until(() => rows.some(({ event }) => event === 'job_run_skipped'))
    assertRunning(recording)
    letGo.resolve(undefined)
    await firstRun(recording, 'tidy', '* * * * * *')
    await task.destroy()
  })

  test('node-schedule', async (t) => {
    const recording = recordingRuns()
    t.after(instrumentNodeSchedule(schedule, { fasten: recording.fasten }))
    const job = runWithContext(request, () =>
      schedule.scheduleJob('report', '* * * * * *', () => void currentRequestID()),
    )
    await firstRun(recording, 'report', '* * * * * *')
    job.cancel()
  })

  test('toad-scheduler, and what it protects from', async (t) => {
    const recording = recordingRuns()
    const { rows, until, fasten } = recording
    t.after(instrumentToadScheduler(toad, { fasten }))
    const letGo = Promise.withResolvers<undefined>()
    let ran = 0
    const task = new toad.AsyncTask('poll', async () => (ran++ === 0 ? letGo.promise : undefined))
    const job = new toad.SimpleIntervalJob({ milliseconds: 10 }, task)
    const scheduler = new toad.ToadScheduler()
    runWithContext(request, () => scheduler.addSimpleIntervalJob(job))
    await until(() =>
      ['job_run_skipped', 'job_run_overran'].every((wanted) => rows.some(({ event }) => event === wanted)),
    )
    assertRunning(recording)
    const skips = (): number => rows.filter(({ event }) => event === 'job_run_skipped').length
    const before = skips()
    await runWithContext({ request_id: 'order-8' }, () => job.executeAsync())
    assert.equal(skips(), before + 1, 'who asks for a run that does not happen is told of in a row as well')
    letGo.resolve(undefined)
    await firstRun(recording, 'poll', 'every 10 ms')
    await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length >= 3)
    scheduler.stop()
    assert.equal(rows.filter(({ event }) => event === 'job_enqueued').length, 1, 'asked for once, run often')
  })

  test('toad-scheduler’s patterns, and tasks that somebody executes', async (t) => {
    const recording = recordingRuns()
    const { rows, until, fasten } = recording
    const seen: unknown[] = []
    const { Cron: CronOfToad } = createRequire(import.meta.url)('croner') as { readonly Cron: typeof Cron }
    const undoCroner = instrumentCroner(CronOfToad, { fasten })
    const undo = instrumentToadScheduler(toad, { fasten })
    t.after(() => {
      undoCroner()
      undo()
    })
    const handler = (): void => void seen.push(currentRequestID())
    const task = new toad.Task('report', handler)
    const job = new toad.CronJob({ cronExpression: '* * * * * *' }, task)
    runWithContext(request, () => job.start())
    await firstRun(recording, 'report', '* * * * * *')
    job.stop()
    const byTimer = rows.filter(({ event }) => event === 'job_run_started')
    assert.deepEqual(
      seen,
      byTimer.map(({ fields }) => fields.run_id),
      'one run each time, though croner is within',
    )
    rows.length = 0
    runWithContext({ request_id: 'order-8' }, () => task.execute())
    await until(() => rows.length === 3)
    assert.deepEqual(
      rows.map(({ event, fields: { enqueued_by } }) => [event, enqueued_by]),
      [
        ['job_enqueued', undefined],
        ['job_run_started', 'order-8'],
        ['job_run_succeeded', 'order-8'],
      ],
    )
    assert.equal((task as unknown as { readonly handler: unknown }).handler, handler)
    rows.length = 0
    // It waits for more than a timer can by executing tasks of its own.
    const long = new toad.LongIntervalJob({ days: 60 }, task)
    runWithContext(request, () => long.start())
    long.stop()
    assert.deepEqual(
      rows.map(({ event, fields }) => [event, fields.job, fields.schedule]),
      [['job_enqueued', 'report', 'every 5184000000 ms']],
    )
    undo()
    task.execute()
    assert.equal(rows.length, 1)
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

  test('timers in place, as far as they are said to be jobs', async () => {
    const { rows, until, fasten } = recordingRuns()
    const timers = { setInterval, setTimeout }
    const name = (fn: { readonly name: string }): string | undefined =>
      fn.name === 'beat' ? 'beat' : undefined
    const undo = instrumentTimers(timers, { fasten, name, overlap: 'skip' })
    const seen: unknown[] = []
    const beat = (...values: unknown[]): void => void seen.push(...values, currentRequestID())
    const foreign = Promise.withResolvers<string | null>()
    timers.setTimeout(() => foreign.resolve(currentRequestID()), 1)
    const ticking = runWithContext(request, () => timers.setInterval(beat, 5, 'a', 7))
    timers.setTimeout(beat, 1, 'once')
    await until(() => rows.filter(({ event }) => event === 'job_run_succeeded').length >= 3)
    clearInterval(ticking)
    assert.equal(await foreign.promise, null)
    await promisify(timers.setTimeout)(1)
    const asked = rows.filter(({ event }) => event === 'job_enqueued')
    assert.deepEqual(
      asked.map(({ fields, context }) => [fields.schedule, context?.request_id]),
      [['every 5 ms', 'order-7']],
    )
    const started = rows.filter(({ event }) => event === 'job_run_started')
    assert.deepEqual(
      seen.filter((value) => typeof value === 'string' && value.startsWith('scheduler-')),
      started.map(({ fields }) => fields.run_id),
    )
    assert.ok(seen.includes('a') && seen.includes(7) && seen.includes('once'))
    undo()
    assert.deepEqual(timers, { setInterval, setTimeout })
    assert.throws(() => instrumentTimers(timers, {} as never), /^TypeError: name/)
  })
})
