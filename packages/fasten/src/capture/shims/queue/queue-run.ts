// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import type { Carrier } from '../../carriers/carrier.ts'
import { currentContext, runWithContext } from '../../context.ts'
import { mintID } from '../../request-id.ts'
import { errorName } from '../http/failure.ts'
import { enqueue, originOf } from '../scheduler/origin.ts'
import { runJob } from '../scheduler/run.ts'
import { mintRunID } from '../scheduler/run-id.ts'
import { recordRunRow, type RunFields } from '../scheduler/run-row.ts'
import type { RunShim } from '../scheduler/run-options.ts'

/** What a queue says of the job it hands to a worker. */
export interface QueuedFacts {
  readonly job: string
  readonly queue?: string | undefined
  readonly jobId: string | undefined
  /** From 1. */
  readonly attempt?: number | undefined
  readonly attemptsMax?: number | undefined
  /**
   * How often the queue has handed this job out, this time included, or, where it does not count, when it did; with `since` it names the run. Unknown: the
   * run's id is random.
   */
  readonly begun?: number | string | undefined
  /** The same of the start that this one tries again. Default: one less than `begun`, where that is a count. */
  readonly earlier?: string | undefined
  /** When the job was made: tells it from one that had its id before. */
  readonly since?: string | number | undefined
  /** Whether what was thrown means that the job failed; false where it only asks to be called again. */
  readonly isFailure?: (failure: unknown) => boolean
}

/**
 * Runs `work` as one attempt at a job from a queue. Its id is computed from the job and the count or time of its start, so that every worker knows that of the
 * attempt before without writing anything into the queue.
 */
export function runQueued<Message, Result>(
  shim: RunShim,
  carrier: Carrier<Message>,
  message: Message,
  facts: QueuedFacts,
  work: () => Result,
): Result {
  const { job, queue, jobId, attempt, attemptsMax, begun, isFailure } = facts
  const earlier = facts.earlier ?? (typeof begun === 'number' && begun > 1 ? begun - 1 : undefined)
  const fields: RunFields = {
    ...(queue === undefined ? {} : { queue }),
    ...(jobId === undefined ? {} : { job_id: jobId }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(attemptsMax === undefined ? {} : { attempts_max: attemptsMax }),
    ...(earlier === undefined ? {} : { retry_of: attemptRunID(shim, facts, earlier) }),
  }
  const runId = begun === undefined ? undefined : attemptRunID(shim, facts, begun)
  const origin = originOf(carrier, message)
  return runJob(shim, { job, runId, origin, fields, isFailure }, work)
}

function attemptRunID(
  shim: RunShim,
  { job, queue, jobId, since }: QueuedFacts,
  begun: number | string,
): string {
  const name = JSON.stringify([queue ?? job, jobId, since, begun])
  const digits = createHash('sha256').update(name).digest('hex').slice(0, 12)
  return mintRunID(shim.recorder()?.config.service_id).replace(/[0-9a-f]{12}$/, digits)
}

/**
 * Puts jobs into a queue: leaves `job_enqueued` for each, and hands `send` the messages with the ids in them. Resolves and rejects as `send` does; where it
 * rejects, or `isDuplicate` says so of its answer and a job, `job_run_skipped` says that nothing was enqueued.
 */
export async function sendJobs<Message, Result>(
  shim: RunShim,
  carrier: Carrier<Message>,
  jobs: readonly { readonly message: Message; readonly fields: RunFields }[],
  send: (messages: readonly Message[]) => Promise<Result>,
  isDuplicate: (result: Result, message: Message) => boolean = () => false,
): Promise<Result> {
  const begin = async (): Promise<Result> => {
    const messages = jobs.map(({ message, fields }) => carrier.inject(message, enqueue(shim, fields)))
    const skip = (why: RunFields, isSkipped: (message: Message) => boolean): void =>
      jobs.forEach(({ fields }, index) => {
        const message = messages[index]
        if (message !== undefined && isSkipped(message))
          recordRunRow(shim, 'job_run_skipped', { ...fields, ...why })
      })
    let result: Result
    try {
      result = await send(messages)
    } catch (failure) {
      skip({ reason: 'not enqueued', error: errorName(failure) }, () => true)
      throw failure
    }
    skip({ reason: 'duplicate' }, (message) => isDuplicate(result, message))
    return result
  }
  // Outside any request the job begins a thread, and the row that tells of it lies in that thread.
  return currentContext() === undefined
    ? runWithContext({ request_id: mintID(), method: shim.method }, begin)
    : begin()
}
