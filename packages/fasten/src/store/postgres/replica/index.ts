// SPDX-License-Identifier: Apache-2.0
// Logs of other stores, kept in Postgres row for row.
export { createReplica, type Replica, type ReplicaOptions, type ReplicaPlace } from './replica.ts'
export type { HeldReplica } from './held-replica.ts'
export { createPlacedRows, type PlacedRow, type RowFault, type RowPlace } from './placed-row.ts'
export type { Queries } from './queries.ts'
// What a store says in its own name, for logs that a program writes without being one.
export { createOwnRows, type OwnRow, type OwnRows } from '../../own-rows.ts'
