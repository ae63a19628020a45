// SPDX-License-Identifier: Apache-2.0

// Any transport: say how a message carries the ids, and the rest is done.
export { carriedNow, carry, contextOf, header, receive } from './carrier.ts'
export { createHeaderCarrier } from './header-carrier.ts'
export { createMessageRows, endWith } from './message-row.ts'

export type { Carried, Carrier, ReceiveOptions } from './carrier.ts'
export type { HeaderCarrierOptions } from './header-carrier.ts'
export type {
  BeginMessageRow,
  MessageFacts,
  MessageRecorder,
  MessageResult,
  MessageRow,
  MessageRowOptions,
} from './message-row.ts'
