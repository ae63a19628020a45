// SPDX-License-Identifier: Apache-2.0
import { isRequestId } from '../../../core/ids.ts'
import { runWithContext } from '../../context.ts'
import { currentFasten } from '../../init.ts'
import { mintSentinel } from '../../request-id.ts'
import type { RunShim } from './run-options.ts'

/** A new id for one run of a job: `scheduler-<service>-<12 hex>`. The service is the process's own unless given. */
export function mintRunID(service: string | undefined = currentFasten()?.config.service_id): string {
  return mintSentinel('scheduler', service)
}

/** The same, of the service that the shim's rows go to. */
export const newRunID = (shim: RunShim): string => mintRunID(shim.recorder()?.config.service_id)

/**
 * Runs `work` in the context of a run, without rows: for schedulers that tell of their runs themselves. The id is `runId` where it is 1 to 128 of
 * `A-Z a-z 0-9 . _ : -`, else a new one. Returns what `work` returns.
 */
export function jobRun<Result>(runId: string | undefined, work: () => Result): Result {
  const request_id = runId !== undefined && isRequestId(runId) ? runId : mintRunID()
  return runWithContext({ request_id, method: 'scheduler', actor_kind: 'scheduler' }, work)
}
