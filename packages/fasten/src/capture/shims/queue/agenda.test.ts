// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PostgresBackend } from '@agendajs/postgres-backend'
import { Agenda, constant, Job } from 'agenda'
import { Pool } from 'pg'
import { startPostgres } from '../../../store/postgres/fixtures/server.ts'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentContext, runWithContext } from '../../context.ts'
import { recordingRuns, type RunRecording } from '../scheduler/fixtures/run-recorder.ts'
import { agendaCarrier, instrumentAgenda } from './agenda.ts'
import { createArrivals, payloadBytes, payloadData } from './fixtures/payload.ts'
import { ended, forgedData, request, told } from './fixtures/request.ts'

const postgres = await startPostgres()
const pools: Pool[] = []
const databaseOf = new WeakMap<Agenda, string>()

async function startAgenda(): Promise<Agenda> {
  const connectionString = await postgres.freshDatabase()
  const pool = new Pool({ connectionString })
  pools.push(pool)
  const started = new Agenda({
    backend: new PostgresBackend({ pool }),
    processEvery: 50,
    defaultConcurrency: 50,
    maxConcurrency: 50,
    // Its timers for locks are never taken back, and hold the process for as long.
    defaultLockLifetime: 5_000,
  })
  databaseOf.set(started, connectionString)
  started.on('error', () => {
    // The server goes away under the last of them.
  })
  await started.ready
  await started.start()
  return started
}

describe('Agenda', { timeout: 240_000 }, () => {
  const arrivals = createArrivals<{ data: unknown }>()
  let raw: Agenda | undefined
  let shared: Agenda | undefined
  after(async () => {
    for (const one of [raw, shared]) await one?.stop(false)
    for (const pool of pools) await pool.end()
    await postgres.remove()
  })

  describeCarrier<{ data: unknown }>('Agenda', async () => {
    if (raw === undefined) {
      raw = await startAgenda()
      raw.define('arrive', ({ attrs }) => {
        const { number, sent } = attrs.data as { number: number; sent: unknown }
        arrivals.arrive(number, { data: sent })
      })
    }
    return {
      carrier: agendaCarrier,
      message: (payload) => ({
        data:
          typeof payload === 'string' && payload.startsWith('{')
            ? (JSON.parse(payload) as unknown)
            : payloadData(payload),
      }),
      payloadOf: ({ data }) => payloadBytes(data),
      async transmit({ data }) {
        const { number, arrived } = arrivals.expect()
        await raw?.now('arrive', { number, sent: data })
        return arrived
      },
      forged: forgedData,
      rewritesText: true,
      interleaved: 100,
    }
  })

  const it = (title: string, work: (recording: RunRecording, agenda: Agenda) => Promise<void>): void => {
    test(title, { timeout: 60_000 }, async () => {
      shared ??= await startAgenda()
      const recording = recordingRuns()
      const undo = instrumentAgenda({ Job }, { fasten: recording.fasten })
      try {
        await work(recording, shared)
      } finally {
        undo()
      }
    })
  }

  it('a job runs for the request that made it, and its data is as it was given', async ({
    rows,
    until,
  }, agenda) => {
    const seen: unknown[] = []
    agenda.define('ship', (job) => void seen.push(job.attrs.data, currentContext()?.caused_by))
    agenda.define('called back', (job, done) => {
      seen.push(job.attrs.data)
      done()
    })
    const job = await runWithContext(request, () => agenda.now('ship', { order: 7 }))
    assert.deepEqual(job.attrs.data, { order: 7 })
    await until(() => ended(rows) === 1)
    await agenda.now('called back', { order: 8 })
    await until(() => ended(rows) === 2)
    const [enqueued, started] = rows
    assert.deepEqual(seen, [{ order: 7 }, enqueued?.id, { order: 8 }])
    assert.deepEqual(
      { ...started?.fields, run_id: '' },
      { job: 'ship', run_id: '', job_id: String(job.attrs._id), attempt: 1, enqueued_by: 'order-7' },
    )
    assert.equal(started?.context?.request_id, started?.fields.run_id)
  })

  it('attempts are counted, and linked as far as the one before failed', async ({ rows, until }, agenda) => {
    let calls = 0
    agenda.define(
      'flaky',
      () => {
        if (++calls === 1) throw new RangeError('first')
      },
      { backoff: constant({ delay: 10, maxRetries: 2 }) },
    )
    await agenda.now('flaky', {})
    await until(() => ended(rows) === 2)
    assert.deepEqual(told(rows), [
      'job_enqueued flaky',
      'job_run_started flaky 1',
      'job_run_failed flaky 1 RangeError',
      'job_run_started flaky 2',
      'job_run_succeeded flaky 2',
    ])
    const [, first, , second] = rows
    assert.equal(first?.fields.job_id, second?.fields.job_id)
    assert.notEqual(first?.fields.run_id, second?.fields.run_id)
    assert.deepEqual([first?.fields.retry_of, second?.fields.retry_of], [undefined, first?.fields.run_id])
  })

  it('a run that was killed is linked to the one that tries it again', async ({ rows, until }, agenda) => {
    const job = await runWithContext(request, () => agenda.now('killed', { order: 7 }))
    const place = fileURLToPath(new URL('fixtures/agenda-killed.ts', import.meta.url))
    const child = spawn(
      process.execPath,
      ['--conditions=fasten-source', place, databaseOf.get(agenda) ?? ''],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const [killed, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    assert.equal(signal, 'SIGKILL')
    agenda.define('killed', () => {}, { lockLifetime: 1_000 })
    await until(() => ended(rows) === 1)
    const started = rows.find(({ event }) => event === 'job_run_started')
    assert.match(killed, /^scheduler-shop-[0-9a-f]{12}$/)
    assert.deepEqual(
      [started?.fields.retry_of, started?.fields.job_id, started?.fields.enqueued_by],
      [killed, String(job.attrs._id), 'order-7'],
    )
    assert.notEqual(started?.fields.run_id, killed)
  })

  it('a job that is saved in its own run stays whose it was', async ({ rows, until }, agenda) => {
    const seen: unknown[] = []
    agenda.define('again', (job, finish) => {
      seen.push(job.attrs.data)
      if (seen.length > 1) return finish()
      job.attrs.data = { n: 2 }
      job.save().then(() => {
        seen.push(job.attrs.data)
        finish()
      }, finish)
    })
    await runWithContext(request, () => agenda.every(100, 'again', { n: 1 }))
    await until(() => ended(rows) >= 2)
    await agenda.cancel({ name: 'again' })
    assert.deepEqual(seen.slice(0, 3), [{ n: 1 }, { n: 2 }, { n: 2 }])
    const started = rows.filter(({ event }) => event === 'job_run_started')
    for (const { fields, context } of started)
      assert.deepEqual([fields.enqueued_by, context?.caused_by], ['order-7', rows[0]?.id])
  })

  it('a job that comes again is another run each time, for whoever set it up', async ({
    rows,
    until,
  }, agenda) => {
    agenda.define('tick', () => {})
    await runWithContext(request, () => agenda.every(100, 'tick', { n: 1 }))
    await until(() => ended(rows) >= 2)
    await agenda.cancel({ name: 'tick' })
    assert.equal(rows[0]?.fields.schedule, '100')
    const started = rows.filter(({ event }) => event === 'job_run_started')
    assert.ok(new Set(started.map(({ fields }) => fields.run_id)).size >= 2)
    for (const { fields, context } of started)
      assert.deepEqual(
        [fields.retry_of, fields.enqueued_by, context?.caused_by],
        [undefined, 'order-7', rows[0]?.id],
      )
  })

  it('hostile data do a run no harm', async ({ rows, until }, agenda) => {
    const seen: unknown[] = []
    agenda.define('hostile', (job) => void seen.push(job.attrs.data))
    for (const _req of ['x'.repeat(5000), { request_id: 'boot-svc-0123456789ab', caused_by: 7 }, 7])
      await agenda.now('hostile', { _req })
    await until(() => ended(rows) === 3)
    for (const { event, context, fields } of rows)
      if (event === 'job_run_started') assert.equal(context?.request_id, fields.run_id)
  })
})
