// SPDX-License-Identifier: Apache-2.0
import type { ArrivingMembers } from '../sources/arriving-row.ts'

/**
 * What a service without our SDK says has happened, in the terms of a row. All of it is the sender's word: its form was judged, and nothing else. What a row has
 * besides (id, place, hashes) the fleet gives it when it seals it.
 */
export interface Claim {
  readonly members: ArrivingMembers
  /** Microseconds; undefined where the sender said none, or none that can be read. */
  readonly timestamp: number | undefined
  /** As `acceptRequestId` judged it; undefined where the work has none. */
  readonly request_id: string | undefined
  readonly inbound_request_id?: string
  readonly trace_id?: string
  readonly span_id?: string
  /** Id of a row as the sender knows it. */
  readonly caused_by?: string
  /** Which tenant the row is said to be of. Whether that may be, the credential says. */
  readonly tenant_id?: string
  /** What the sender knows the row by. */
  readonly origin: ClaimedOrigin
}

/** The row's identity and place where it comes from, as far as it had one. */
export interface ClaimedOrigin {
  readonly id?: string
  readonly log?: string
  readonly monotonic_seq?: number
  readonly prev_hash?: string
  readonly hash?: string
  readonly service_id?: string
  readonly source_node_id?: string
  readonly boot_id?: string
  readonly boot_seq?: number
}
