// SPDX-License-Identifier: Apache-2.0

// Contract suites: what every store, source of rows, reader, HTTP shim and carrier promises, to be run against your own.
export {
  appendJob,
  assertSound,
  describeStore,
  evidenceOf,
  spooled,
  type AppendJob,
  type StorePlace,
} from './store-contract.ts'
export { describeKeyStore, type KeyStorePlace } from './key-store-contract.ts'
export { describePruner, type PrunerPlace } from './pruner-contract.ts'
export { describeSeals, type SealPlace } from './seal-contract.ts'
export { describeSigner } from './signer-contract.ts'
export { describeSource, type SourceUnderTest } from './source-contract.ts'
export { describeReader, type ReaderContractOptions, type ReaderUnderTest } from './reader-contract.ts'
export {
  createRecorder,
  describeHttpShim,
  type HttpShimHarness,
  type RecordedAccess,
  type ShimSetup,
} from './http-shim-contract.ts'
export {
  describeCarrier,
  type CarrierContractOptions,
  type CarrierHarness,
  type CarryingView,
} from './carrier-contract.ts'
export type { CaptureView, ContextView, ShimAnswer, ShimCall, ShimRoute } from './http-shim-routes.ts'

// Rows to feed them with.
export {
  createSampleDrafts,
  sampleTime,
  sampleWindow,
  type SampleDrafts,
  type SampleOptions,
} from './sample-drafts.ts'
