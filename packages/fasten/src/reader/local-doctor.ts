// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import { formatMicros } from '../core/timestamp.ts'
import type { Sources } from '../store/sources.ts'
import { checkChain } from './chain-check.ts'
import type { DoctorReport, Reader } from './reader.ts'

/**
 * The health of the audit pipeline as its reader sees it, in the published readers' shape. Never throws for a store that
 * cannot be asked: that is what the report is for.
 */
export async function localDoctor(
  reader: Pick<Reader, 'logs' | 'verify'>,
  sources: Sources,
  clock: Pick<Clock, 'nowMicros'>,
): Promise<DoctorReport> {
  const status = sources.status?.()
  const common = {
    queue: status?.queue ?? null,
    transport: {
      stdout_active: status?.stdout_active ?? false,
      syslog_ring_depth: status?.sys_ring_depth ?? null,
      api_ring_depth: status?.api_ring_depth ?? null,
    },
    // A process that writes always redacts; one that only reads has nothing to redact.
    redactor: { active: status !== undefined },
    init:
      status === undefined
        ? null
        : {
            service_id: status.service_id,
            node_id: status.source_node_id,
            tenant_id: status.tenant_id,
            failure_strategy: status.failure_strategy,
            worker_pid: status.worker_pid,
          },
  }
  try {
    const { kind, rows, last_insert_at } = await sources.streams.audit.describe()
    const store = { kind, reachable: true, rows, last_insert_at, last_error: null }
    return { store, ...common, chain: await checkChain(reader, formatMicros(clock.nowMicros())) }
  } catch (error) {
    const last_error = error instanceof Error ? error.message : String(error)
    return {
      store: { kind: 'unknown', reachable: false, rows: null, last_insert_at: null, last_error },
      ...common,
      chain: {
        verified: 0,
        breaks: null,
        first_break_at: null,
        reason: 'the store cannot be reached',
        last_verified_at: null,
      },
    }
  }
}
