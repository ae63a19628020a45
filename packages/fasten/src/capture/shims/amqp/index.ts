// SPDX-License-Identifier: Apache-2.0

// One line for a whole client.
export { instrumentAmqp } from './instrument.ts'

// Word for word, where nothing is to be changed in place.
export { amqpCarrier } from './amqp-carrier.ts'
export { handler, inMessage, withIds } from './explicit.ts'

// What the broker says of a message that comes again.
export { deliveryOf } from './delivery.ts'

export type { AmqpProperties } from './amqp-carrier.ts'
export type { AmqpMessage, Death, Delivery } from './delivery.ts'
export type { AmqpChannel, AmqpConnection, AmqpModule, AmqpOptions } from './instrument.ts'
