// SPDX-License-Identifier: Apache-2.0

// Opening a store, by DSN or by what a person typed.
export { openForReading, openStore, type StoreParts, type StoreTarget } from './open.ts'
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from './memory.ts'
export { hideSecrets, isTableName, parseDsn, type Dsn, type PostgresDsn, type SqliteDsn } from './dsn.ts'

// What a store is. Implement these, run `describeStore` of fasten/testing, and hand the object in.
export type {
  AppendBatch,
  AppendedRow,
  AppendResult,
  EvidenceRow,
  Exclusion,
  ListedLog,
  LogHead,
  RejectedDraft,
  RowSink,
  RowSource,
  ScanFilter,
  ScanQuery,
  SourceSummary,
  SpooledDraft,
  Store,
  StoredRow,
  StoreDescription,
} from './ports.ts'
export type {
  Compaction,
  HoldOrder,
  PrunableLog,
  PruneOrder,
  PruneOutcome,
  RowPruner,
} from './retention/pruner.ts'
export { isHeld, type HeldRows, type Hold, type HoldFacts } from './retention/hold.ts'
export { sweep, type SweepOptions, type SweepReport } from './retention/sweep.ts'
export type { NodeStatus, Sources } from './sources.ts'
export { matches, type Candidate } from './matches.ts'

// Time, randomness, hashing and signing of this machine.
export {
  createSystemClock,
  createSystemIds,
  createUptime,
  ed25519FromSeed,
  ed25519Pair,
  noteCrypto,
  sha256,
} from './platform.ts'
