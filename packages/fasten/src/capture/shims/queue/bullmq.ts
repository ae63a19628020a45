// SPDX-License-Identifier: Apache-2.0
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import type { Carrier } from '../../carriers/carrier.ts'
import { instrumentOnce, isPatchedAbove, patchMethod } from '../patch.ts'
import { createRunShim, type RunOptions, type RunShim } from '../scheduler/run-options.ts'
import { disguised, isInstrumented } from '../scheduler/wrap-job.ts'
import { isListOfObjects, isObject } from './data-carrier.ts'
import { runQueued, sendJobs } from './queue-run.ts'

/** A job of BullMQ, as far as the shim looks at it. */
export interface BullJob {
  readonly id?: string | undefined
  readonly name: string
  readonly queueName: string
  readonly opts: object
  readonly timestamp: number
  readonly attemptsMade: number
  readonly attemptsStarted?: number
}

/** The classes of the module `bullmq`, or some of them. */
export interface BullMQ {
  readonly Queue?: { readonly prototype: object }
  readonly Worker?: { readonly prototype: object }
  readonly FlowProducer?: { readonly prototype: object }
}

/** The ids travel in a job's options, which BullMQ keeps as they are and in which nothing of the application's stands. */
export const bullCarrier: Carrier<{ readonly opts?: object | null | undefined }> = createHeaderCarrier({
  name: 'bullmq',
  method: 'queue',
  get: ({ opts }, name) => (isObject(opts) && Object.hasOwn(opts, name) ? opts[name] : undefined),
  set: (message, name, value) => ({ ...message, opts: { ...message.opts, [name]: value } }),
})

/**
 * Makes every job that these classes add carry who asked for it, and every job that they process a run: `instrumentBullMQ({ Queue, Worker,
 * FlowProducer })`, or the whole module. Instances made before count as well. A second call changes nothing. Answers a function that takes
 * it out again.
 *
 * A sandboxed processor's runs leave rows here; what happens in its own process gets the same ids from `bullProcessor` there.
 */
export function instrumentBullMQ(
  { Queue, Worker, FlowProducer }: BullMQ,
  options: RunOptions = {},
): () => void {
  const shim = createRunShim(options, 'queue')
  const undos = [
    install(Queue, (queue: QueueMethods) => [
      patchMethod(
        queue,
        'add',
        (add) =>
          function (name, data, opts) {
            return sendOne(shim, { job: name, queue: this.name }, opts, (carrying) =>
              Reflect.apply(add, this, [name, data, carrying]),
            )
          },
      ),
      patchMethod(
        queue,
        'addBulk',
        (addBulk) =>
          function (jobs) {
            if (!isListOfObjects(jobs)) return Reflect.apply(addBulk, this, [jobs])
            const messages = jobs.map((job) => ({
              message: job,
              fields: { job: job.name, queue: this.name },
            }))
            return sendJobs(shim, jobCarrier, messages, (carrying) =>
              Reflect.apply(addBulk, this, [carrying]),
            )
          },
      ),
      patchMethod(
        queue,
        'upsertJobScheduler',
        (upsert) =>
          function (id, repeat, template) {
            if (!isObject(repeat)) return Reflect.apply(upsert, this, [id, repeat, template])
            const fields = { job: template?.name ?? id, queue: this.name, schedule: scheduleOf(repeat) }
            return sendOne(shim, fields, template?.opts, (opts) =>
              Reflect.apply(upsert, this, [id, repeat, { ...template, opts }]),
            )
          },
      ),
    ]),
    install(FlowProducer, (producer: FlowMethods) => [
      patchMethod(
        producer,
        'add',
        (add) =>
          function (flow, opts) {
            if (!isFlow(flow)) return Reflect.apply(add, this, [flow, opts])
            return sendFlows(shim, [flow], ([carrying]) => Reflect.apply(add, this, [carrying, opts]))
          },
      ),
      patchMethod(
        producer,
        'addBulk',
        (addBulk) =>
          function (flows) {
            if (!Array.isArray(flows) || !flows.every(isFlow)) return Reflect.apply(addBulk, this, [flows])
            return sendFlows(shim, flows, (carrying) => Reflect.apply(addBulk, this, [carrying]))
          },
      ),
    ]),
    install(Worker, (worker: WorkerMethods) => [
      patchMethod(
        worker,
        'callProcessJob',
        (callProcessJob) =>
          function (job, ...rest) {
            const work = (): Promise<unknown> => Reflect.apply(callProcessJob, this, [job, ...rest])
            return isInstrumented(this.processFn ?? work) ? work() : runBull(shim, job, work)
          },
      ),
    ]),
  ]
  return () => undos.forEach((undo) => undo())
}

/**
 * A processor whose every call is a run, for workers that are not instrumented, and for the file of a sandboxed processor: with `records: false`
 * there, where the worker's own process leaves the rows. Ids are then the same on both sides if `service_id` is.
 */
export function bullProcessor<Fn extends (job: never, ...rest: never[]) => unknown>(
  processor: Fn,
  options: RunOptions = {},
): Fn {
  const shim = createRunShim(options, 'queue')
  return disguised(processor, function (this: unknown, job, ...rest) {
    return runBull(shim, job as BullJob, () => Reflect.apply(processor, this, [job, ...rest] as never))
  }) as unknown as Fn
}

function runBull<Result>(shim: RunShim, job: BullJob, work: () => Result): Result {
  const { attempts } = (job.opts ?? {}) as { readonly attempts?: unknown }
  const facts = {
    job: job.name,
    queue: job.queueName,
    jobId: job.id,
    attempt: job.attemptsMade + 1,
    attemptsMax: typeof attempts === 'number' && attempts > 0 ? attempts : 1,
    begun: job.attemptsStarted ?? job.attemptsMade + 1,
    since: job.timestamp,
    isFailure: (failure: unknown) => !(failure instanceof Error && putsOff.has(failure.name)),
  }
  return runQueued(shim, bullCarrier, job, facts, work)
}

/** Thrown by processors to be called again later. */
const putsOff: ReadonlySet<string> = new Set([
  'DelayedError',
  'WaitingError',
  'WaitingChildrenError',
  'RateLimitError',
])

interface BulkJob {
  readonly name: string
  readonly opts?: object | null
}

interface FlowNode extends BulkJob {
  readonly queueName: string
  readonly children?: readonly FlowNode[] | null
}

interface QueueMethods {
  readonly name: string
  add(this: QueueMethods, name: string, data: unknown, opts?: object | null): Promise<unknown>
  addBulk(this: QueueMethods, jobs: readonly BulkJob[]): Promise<unknown>
  upsertJobScheduler(
    this: QueueMethods,
    id: string,
    repeat: object,
    template?: { readonly name?: string; readonly opts?: object | null },
  ): Promise<unknown>
}

interface FlowMethods {
  add(this: FlowMethods, flow: FlowNode, opts?: object): Promise<unknown>
  addBulk(this: FlowMethods, flows: readonly FlowNode[]): Promise<unknown>
}

interface WorkerMethods {
  readonly processFn?: object
  callProcessJob(this: WorkerMethods, job: BullJob, ...rest: unknown[]): Promise<unknown>
}

const jobCarrier = bullCarrier as Carrier<BulkJob>
const instrumented = new WeakMap<object, () => void>()

function install<Methods extends object>(
  type: { readonly prototype: object } | undefined,
  patches: (prototype: Methods) => readonly (() => void)[],
): () => void {
  if (type === undefined) return () => {}
  const { prototype } = type
  if (isPatchedAbove(instrumented, prototype)) return () => {}
  return instrumentOnce(instrumented, prototype, () => patches(prototype as Methods))
}

function sendOne(
  shim: RunShim,
  fields: { readonly job: string; readonly queue: string; readonly schedule?: string },
  opts: object | null | undefined,
  send: (opts: object | null | undefined) => Promise<unknown>,
): Promise<unknown> {
  return sendJobs(shim, bullCarrier, [{ message: { opts }, fields }], ([carrying]) => send(carrying?.opts))
}

/** Every node of a flow is a job of its own. */
function sendFlows(
  shim: RunShim,
  flows: readonly FlowNode[],
  send: (flows: readonly FlowNode[]) => Promise<unknown>,
): Promise<unknown> {
  const nodes = flows.flatMap(inOrder)
  const messages = nodes.map((node) => ({ message: node, fields: { job: node.name, queue: node.queueName } }))
  return sendJobs(shim, jobCarrier as Carrier<FlowNode>, messages, (carrying) => {
    // One object may stand for several jobs: they are told apart by their places.
    let place = 0
    const rebuilt = (node: FlowNode): FlowNode => {
      const own = carrying[place++] ?? node
      return isFilled(node.children) ? { ...own, children: node.children.map(rebuilt) } : own
    }
    return send(flows.map(rebuilt))
  })
}

function inOrder(node: FlowNode): readonly FlowNode[] {
  return [node, ...(isFilled(node.children) ? node.children.flatMap(inOrder) : [])]
}

function isFlow(node: unknown): node is FlowNode {
  return isObject(node) && (!isFilled(node['children']) || node['children'].every(isFlow))
}

function isFilled<Children>(children: Children): children is Children & readonly FlowNode[] {
  return Array.isArray(children) && children.length > 0
}

function scheduleOf(repeat: object): string {
  const { pattern, every } = repeat as { readonly pattern?: unknown; readonly every?: unknown }
  return typeof pattern === 'string' ? pattern : `every ${String(every)} ms`
}
