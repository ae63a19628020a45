// SPDX-License-Identifier: Apache-2.0
// The laws of a row, without files, network, clock or randomness: runs in a browser as it does on a server.

// What a row is.
export { actorKinds, levels, methods, outcomes, retentionClasses, severities, streams } from './row.ts'
export type {
  ActorKind,
  ApiDraft,
  ApiMembers,
  ApiRow,
  Arrival,
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
  Origin,
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
export { ownBootPrefix } from './emission.ts'
export { parsePeriod, parseRetentionRules } from './retention-grammar.ts'
export {
  policyHash,
  policyText,
  retentionDays,
  type RetentionDays,
  type RetentionPolicy,
  type RetentionRule,
} from './retention-policy.ts'
export {
  replicaSweptBy,
  replicaSweptCode,
  runsOf,
  sweptBy,
  sweptFacts,
  type Swept,
  type SweptRun,
} from './swept.ts'
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
export type { PersonalMembers, PersonalValue } from './personal.ts'
export {
  commitmentOf,
  disclosureText,
  jsonPointer,
  pointerParts,
  readDisclosure,
  type Disclosure,
} from './disclosure.ts'
export { canonicalize, isCanonical } from './canonical.ts'
export { readJson } from './read-json.ts'
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
export { createMerkleTree, type MerkleTree, type MerkleTreeOptions } from './merkle.ts'
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

// Signed by a key, so that others need not believe the store.
export type { Ed25519Sign, Ed25519Verify, NoteCrypto } from './signature.ts'
export {
  formatVerifierKey,
  parseVerifierKey,
  verifierKey,
  type KeyKind,
  type VerifierKey,
} from './verifier-key.ts'
export { openNote, parseNote, signNote, type Note, type OpenedNote, type VerifiedSignature } from './note.ts'
export { signatureLine, type NoteSignature, type NoteSigner } from './signature-line.ts'
export { cosign, cosignatureBytes, cosignatureMessage } from './cosignature.ts'
export {
  formatCheckpoint,
  openCheckpoint,
  openCosignedCheckpoint,
  parseCheckpoint,
  type CheckpointClaim,
  type CheckpointKeys,
  type TrustedCheckpoint,
  type UnsignedCheckpoint,
} from './checkpoint.ts'
export {
  consistencyPlan,
  createNodeCollector,
  inclusionPlan,
  isConsistent,
  isIncluded,
  proofFrom,
  type NodeCollector,
  type NodePlace,
  type ProofPlan,
} from './tree-proof.ts'
export { formatTlogProof, openTlogProof, parseTlogProof, type TlogProof } from './tlog-proof.ts'
export {
  hasQuorum,
  parseTlogPolicy,
  policyKeys,
  type PolicyGroup,
  type PolicyWitness,
  type TlogPolicy,
} from './tlog-policy.ts'
export {
  addCosignatures,
  formatCheckpointRequest,
  parseCheckpointRequest,
  witness,
  type CheckpointRequest,
  type WitnessAnswer,
  type WitnessOptions,
  type WitnessState,
} from './witness.ts'
export {
  decodeEntries,
  decodeTile,
  encodeEntries,
  encodeTile,
  parseTilePath,
  tileOf,
  tilePath,
  tilesBetween,
  tileWidth,
  type Tile,
} from './tiles.ts'

// Rows of the published SDKs, forms 1 and 2: read and verified, never written.
export {
  legacyCommitment,
  legacyRowFromColumns,
  legacyText,
  legacyVariantOf,
  readLegacyRow,
  type LegacyRow,
  type LegacyVariant,
} from './legacy.ts'
export { legacyVerify, type LegacyVerifyOptions } from './legacy-verify.ts'

// Text of strangers, on its way to somebody's eyes.
export { jsonLine, unsafeCharacters, visible, visibleLines } from './visible.ts'

// What can go wrong.
export { FastenError, systemCode } from './error.ts'
