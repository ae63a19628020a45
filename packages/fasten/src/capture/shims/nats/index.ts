// SPDX-License-Identifier: Apache-2.0

// One line for a whole connection.
export { instrumentNats } from './instrument.ts'

// Messages that are iterated over.
export { handle } from './explicit.ts'

// Word for word, where nothing is to be changed in place.
export { handler, inMessage, withIds } from './explicit.ts'
export { createNatsCarrier } from './nats-carrier.ts'

export type { HandledMessage, HandleOptions } from './explicit.ts'
export type { NatsModule, NatsOptions, NatsTarget } from './instrument.ts'
export type { MakeNatsHeaders, NatsHeaders, NatsMessage } from './nats-carrier.ts'
