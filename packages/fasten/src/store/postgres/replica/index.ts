// SPDX-License-Identifier: Apache-2.0
// Logs of other stores, kept in Postgres row for row.
export { createReplica, type Replica, type ReplicaOptions, type ReplicaPlace } from './replica.ts'
export type { HeldReplica } from './held-replica.ts'
export { createPlacedRows, type PlacedRow, type RowFault, type RowPlace } from './placed-row.ts'
// How their rows are let go again.
export { judgeRows, type Judgement, type PrunableRow } from '../../retention/judge.ts'
export { stretchRows } from '../../retention/pruner.ts'
export { holdFrom } from '../../retention/hold.ts'
export {
  advance as advanceRetentionTime,
  type ClockMark,
  type ClockReading,
} from '../../retention/retention-clock.ts'
export type { Queries } from './queries.ts'
// What a store says in its own name, for logs that a program writes without being one.
export { createOwnRows, type OwnRow, type OwnRows } from '../../own-rows.ts'
