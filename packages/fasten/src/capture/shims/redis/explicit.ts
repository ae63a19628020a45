// SPDX-License-Identifier: Apache-2.0
import { carry, receive, type ReceiveOptions } from '../../carriers/carrier.ts'
import type { Payload } from '../../carriers/json-id.ts'
import { redisMessageCarrier, redisStreamCarrier, type RedisFields } from './redis-carrier.ts'

/**
 * The fields with the ids of the work in progress beside them: `client.xAdd(stream, '*', withIds({ order: '7' }))`, or as a list for ioredis,
 * `redis.xadd(stream, '*', ...withIds(['order', '7']))`.
 */
export function withIds<Fields extends RedisFields>(fields: Fields): Fields {
  return carry(redisStreamCarrier, fields) as Fields
}

/** Runs `work` as what an entry asks for. Returns, throws, resolves and rejects as `work` does. */
export function inEntry<Result>(fields: RedisFields, work: () => Result, options?: ReceiveOptions): Result {
  return receive(redisStreamCarrier, fields, work, options)
}

/** A payload of pub/sub with the id in it, as `_req`, where it is a JSON object; any other payload as it is. */
export function withId<Given extends Payload>(payload: Given): Given {
  return carry(redisMessageCarrier, payload) as Given
}

/** Runs `work` as what a payload of pub/sub asks for. */
export function inMessage<Result>(payload: Payload, work: () => Result, options?: ReceiveOptions): Result {
  return receive(redisMessageCarrier, payload, work, options)
}
