// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../core/row.ts'
import type { RowSource } from './ports.ts'
import type { KeyRing } from './privacy/key-ring.ts'

/** Where each stream can be read, and what the process that writes them says of itself. */
export interface Sources {
  readonly streams: Readonly<Record<StreamName, RowSource>>
  /** Absent when the streams are read from a file or database without the writing process. */
  status?(): NodeStatus
  /** Opens personal values for whoever may see them. Only a process that can tell of it in the trail has this. */
  readonly disclosing?: Disclosing
}

export interface Disclosing {
  /** Null where there is no key. */
  ring(): KeyRing | null
  /** Resolves when the row that tells of it survives power loss: only then may the values be handed out. */
  tell(access: DisclosedAccess): Promise<void>
}

/** What was disclosed to somebody; no value, and of the question the names of its parameters only. */
export interface DisclosedAccess {
  readonly operation: string
  readonly parameters: readonly string[]
  readonly rows: number
  readonly values: number
  /** The first 100. */
  readonly row_ids: readonly string[]
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
