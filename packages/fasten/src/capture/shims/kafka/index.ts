// SPDX-License-Identifier: Apache-2.0

// One line for a whole client.
export { instrumentKafka } from './instrument.ts'

// Records in a batch or a stream.
export { eachInBatch, handle } from './explicit.ts'

// Word for word, where nothing is to be changed in place.
export { handler, inMessage, withIds } from './explicit.ts'
export { createKafkaCarrier, kafkaCarrier } from './kafka-carrier.ts'

export type { KafkaBatchPayload, KafkaHandleOptions } from './explicit.ts'
export type { KafkaOptions, KafkaTarget } from './instrument.ts'
export type { KafkaHeaders, KafkaMessage } from './kafka-carrier.ts'
