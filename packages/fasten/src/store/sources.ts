// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../core/row.ts'
import type { RowSource } from './ports.ts'

/** Where each stream can be read, and what the process that writes them says of itself. */
export interface Sources {
  readonly streams: Readonly<Record<StreamName, RowSource>>
  /** Absent when the streams are read from a file or database without the writing process. */
  status?(): NodeStatus
}

/** Plain data for `doctor`; no secrets. */
export interface NodeStatus {
  readonly service_id: string
  readonly source_node_id: string
  readonly tenant_id: string | null
  readonly failure_strategy: string
  readonly worker_pid: number
  readonly stdout_active: boolean
  readonly sys_ring_depth: number | null
  readonly api_ring_depth: number | null
  /** `stats()` of the instance. */
  readonly queue: Readonly<Record<string, unknown>> | null
  /** True once a row was refused or quarantined: answers then say `store-degraded`. */
  readonly isDegraded: boolean
}
