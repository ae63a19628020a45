// SPDX-License-Identifier: Apache-2.0
// The front door: `import fasten, { withRequestID, mintID } from 'fasten'`.
import { currentContext, currentRequestID, extendContext, runWithContext } from './context.ts'
import { defineCodes } from './codes.ts'
import { createFasten } from './create.ts'
import {
  checkpoint,
  close,
  codes,
  currentFasten,
  dump,
  emit,
  emitStored,
  flush,
  init,
  log,
  metaOf,
  ready,
  register,
  sources,
  stats,
} from './init.ts'
import { background, mintID, mintSentinel, withRequestID } from './request-id.ts'

// Start, record, end.
export {
  init,
  ready,
  emit,
  emitStored,
  log,
  flush,
  checkpoint,
  close,
  stats,
  sources,
  currentFasten,
  createFasten,
}
// Codes.
export { register, defineCodes, codes, metaOf, dump }
// Files of codes for a registry of one's own, beside the one of this process.
export { createCodeFiles, type CodeFiles, type LoadedCodes } from './codes.ts'
// One id through everything.
export { withRequestID, currentRequestID, mintID, background, mintSentinel }
// For carriers of your own: the whole context, not only the id.
export { currentContext, runWithContext, extendContext }
// What can go wrong.
export { FastenError } from '../core/error.ts'

export type { ApiInput, CodeName, DetailOf, EmitInput, Fasten, RegisteredCodes } from './engine.ts'
export type { CreateOptions } from './create.ts'
export type { KeyRing } from '../store/privacy/key-ring.ts'
export {
  openServiceKeyRing,
  type KeyService,
  type ServiceKeyRing,
  type ServiceKeyRingOptions,
} from '../store/privacy/key-service.ts'
export { createVaultKeyService, type VaultOptions } from '../store/privacy/vault.ts'
export type { RequestContext } from './context.ts'
export type { Config, InitOptions } from './config.ts'
export type { Durability } from './settings.ts'
export type { LogCall, LogFields, Logger } from './log.ts'
export type { ReservedRow } from './identity.ts'
export type { Receipt, StoredPlace, StoredReceipt } from './receipt.ts'
export type { Sealed } from '../store/seal/sealer.ts'
export type { Signer } from '../store/keys/signer.ts'
export type { Stats } from './stats.ts'
export type { TransactionReceipt } from './transaction/receipt.ts'
export type { Sources } from '../store/sources.ts'
export type {
  ActorKind,
  Level,
  Method,
  Outcome,
  RetentionClass,
  Severity,
  Source,
  StreamName,
} from '../core/row.ts'

const fasten = {
  init,
  ready,
  emit,
  emitStored,
  log,
  flush,
  checkpoint,
  close,
  stats,
  sources,
  currentFasten,
  createFasten,
  register,
  defineCodes,
  codes,
  metaOf,
  dump,
  withRequestID,
  currentRequestID,
  mintID,
  background,
  mintSentinel,
} as const

export default fasten
