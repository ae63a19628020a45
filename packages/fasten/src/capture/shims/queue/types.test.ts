// SPDX-License-Identifier: Apache-2.0
/** What the compiler says of this file is the test: the real libraries' types are given to the shims as they are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as agenda from 'agenda'
import * as bullmq from 'bullmq'
import { Cron } from 'croner'
import type { JobHelpers, Runner, TaskList, WorkerUtils } from 'graphile-worker'
import cron from 'node-cron'
import schedule from 'node-schedule'
import { PgBoss, type Job, type WorkHandler } from 'pg-boss'
import * as toad from 'toad-scheduler'
import * as scheduler from '../scheduler/index.ts'
import { instrumentAgenda } from './agenda.ts'
import { bullCarrier, bullProcessor, instrumentBullMQ } from './bullmq.ts'
import { instrumentGraphileAdder, instrumentGraphileTasks } from './graphile-worker.ts'
import { eachJob, instrumentPgBoss } from './pg-boss.ts'

interface Parcel {
  readonly order: number
}

test('modules and classes fit as they are imported, and come out unchanged', () => {
  const { Queue, Worker, FlowProducer } = bullmq
  const { Job: AgendaJob } = agenda
  const touched: readonly [object, readonly string[]][] = [
    [Queue.prototype, ['add', 'addBulk', 'upsertJobScheduler']],
    [Worker.prototype, ['callProcessJob']],
    [FlowProducer.prototype, ['add', 'addBulk']],
    [PgBoss.prototype, ['send', 'insert', 'schedule', 'fetch', 'work']],
    [AgendaJob.prototype, ['save', 'run', 'runJob']],
    [Cron.prototype, ['schedule', 'trigger']],
    [cron, ['schedule', 'createTask']],
    [schedule, ['scheduleJob']],
    [toad.Task.prototype, ['execute']],
    [toad.AsyncTask.prototype, ['executeAsync']],
  ]
  const methods = (): unknown[] =>
    touched.flatMap(([target, names]) => names.map((name) => (target as Record<string, unknown>)[name]))
  const before = methods()
  assert.ok(before.every((method) => typeof method === 'function'))
  const undos = [
    instrumentBullMQ({ Queue, Worker }),
    instrumentBullMQ(bullmq),
    instrumentPgBoss(PgBoss),
    instrumentAgenda({ Job: AgendaJob }),
    instrumentAgenda(agenda),
    scheduler.instrumentCroner(Cron),
    scheduler.instrumentNodeCron(cron),
    scheduler.instrumentNodeSchedule(schedule),
    scheduler.instrumentToadScheduler(toad),
  ]
  assert.ok(methods().every((method, index) => method !== before[index]))
  for (const undo of undos) undo()
  assert.deepEqual(methods(), before)
})

test('handlers keep the types that their libraries give them', async () => {
  const processor: bullmq.Processor<Parcel, number> = bullProcessor(
    async (job: bullmq.Job<Parcel, number>) => job.data.order,
    { records: false },
  )
  const handler: WorkHandler<Parcel> = eachJob(async (job: Job<Parcel>) => job.data.order, { records: false })
  const tasks: TaskList = { ship: async (_payload, helpers) => void (await helpers.addJob('next', {})) }
  instrumentGraphileTasks(tasks)()
  const adders: readonly ((adder: WorkerUtils & Runner & JobHelpers) => () => void)[] = [
    (adder: WorkerUtils) => instrumentGraphileAdder(adder),
    (adder: Runner) => instrumentGraphileAdder(adder),
    (adder: JobHelpers) => instrumentGraphileAdder(adder),
  ]
  const idOf = (job: bullmq.Job<Parcel>): string | undefined => bullCarrier.extract(job).request_id
  const ofBoss = (boss: PgBoss): (() => void) => instrumentPgBoss(boss)
  assert.deepEqual(
    [processor.length, handler.length, adders.length, idOf.length, ofBoss.length],
    [1, 1, 3, 1, 1],
  )
})
