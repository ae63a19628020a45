// SPDX-License-Identifier: Apache-2.0

// A client, or all of them, under the shim.
export { instrumentMqtt } from './instrument.ts'

// One message at a time.
export { handler } from './handler.ts'
export { publish } from './publish.ts'
export { carryWill } from './will.ts'

// The carrier itself, for what neither covers: `receive(createMqttCarrier(), message, work)` of fasten/carrier.
export { createMqttCarrier } from './carrier.ts'

export type { MqttCarrierOptions, MqttMessage } from './carrier.ts'
export type {
  MqttClientLike,
  MqttPacket,
  MqttProperties,
  MqttPublished,
  MqttPublisher,
  MqttPublishOptions,
} from './client.ts'
export type { MqttHandlerContext, MqttListener } from './handler.ts'
export type { MqttTarget } from './instrument.ts'
export type { MqttOptions } from './options.ts'
export type { TopicChoice } from './topic-filter.ts'
export type { MqttWill } from './will.ts'
