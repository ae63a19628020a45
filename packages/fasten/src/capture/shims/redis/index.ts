// SPDX-License-Identifier: Apache-2.0

// One line for a whole client.
export { instrumentRedis } from './instrument.ts'

// What was read from a stream.
export { entriesOf, handle } from './entries.ts'

// Word for word, where nothing is to be changed in place.
export { inEntry, inMessage, withId, withIds } from './explicit.ts'
export { redisMessageCarrier, redisStreamCarrier } from './redis-carrier.ts'

export type { RedisEntry, RedisHandleOptions } from './entries.ts'
export type { RedisOptions, RedisTarget } from './instrument.ts'
export type { RedisFields } from './redis-carrier.ts'
export type { Payload } from '../../carriers/json-id.ts'
