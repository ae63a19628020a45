// SPDX-License-Identifier: Apache-2.0
// The laws of a row, without files, network, clock or randomness: runs in a browser as it does on a server.

// What a row is.
export { actorKinds, levels, methods, outcomes, retentionClasses, severities, streams } from './row.ts'
export type {
  ActorKind,
  ApiDraft,
  ApiMembers,
  ApiRow,
  AuditDraft,
  AuditMembers,
  AuditRow,
  Clean,
  Draft,
  DraftEnvelope,
  JsonObject,
  JsonValue,
  Level,
  Method,
  Outcome,
  Place,
  RetentionClass,
  Row,
  Severity,
  Source,
  StreamName,
  SysDraft,
  SysMembers,
  SysRow,
  VerificationState,
} from './row.ts'
export { logName, parseLogName, type LogParts } from './log-name.ts'
export { formatMicros, parseTime } from './timestamp.ts'
export {
  acceptRequestId,
  createRowIdMint,
  isRequestId,
  isRowId,
  requestIdKind,
  sentinelKinds,
  type AcceptedRequestId,
  type SentinelKind,
} from './ids.ts'

// What is handed in.
export type { Clock } from './clock.ts'
export type { Digest } from './digest.ts'
export type { IdSource } from './ids.ts'

// From a draft to a place in a log.
export {
  createRedactor,
  type DetailPrivacy,
  type Redactor,
  type RedactorOptions,
  type UncleanApi,
  type UncleanAudit,
  type UncleanSys,
} from './redact.ts'
export { canonicalize, isCanonical } from './canonical.ts'
export { memberNames } from './members.ts'
export { draftText } from './leaf.ts'
export { chain, genesis, leafBytesMax, leafHash, type Chained, type Head } from './chain.ts'
export { columnNames, columnsOf, numericColumns, type ColumnValue } from './columns.ts'

// Codes.
export {
  createCodeRegistry,
  type CodeMeta,
  type CodeMetaInput,
  type CodeRegistry,
  type DetailSchema,
  type MemberSchema,
} from './code.ts'

// Whether it still holds.
export {
  combineVerdicts,
  createLogVerifier,
  verifierVersion,
  type Evidence,
  type LogVerifier,
  type LogVerifierOptions,
} from './verify.ts'
export { createEmissionTally, type EmissionTally } from './emission.ts'
export { createMerkleTree, type MerkleTree } from './merkle.ts'
export {
  breakKinds,
  type Break,
  type BreakKind,
  type Emission,
  type EmissionGap,
  type LogVerdict,
  type Verdict,
  type VerdictKind,
} from './verdict.ts'

// Rows of the published SDKs, forms 1 and 2: read and verified, never written.
export { legacyRowFromColumns, readLegacyRow, type LegacyRow } from './legacy.ts'
export { legacyVerify, type LegacyVerifyOptions } from './legacy-verify.ts'

// What can go wrong.
export { FastenError, systemCode } from './error.ts'
