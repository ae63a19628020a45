// SPDX-License-Identifier: Apache-2.0

/** A message of amqplib, as far as we look at it. */
export interface AmqpMessage {
  readonly content: { readonly length: number }
  readonly fields: {
    readonly deliveryTag: number
    readonly redelivered?: boolean
    readonly exchange?: string
    readonly routingKey?: string
  }
  readonly properties: { readonly headers?: Readonly<Record<string, unknown>> | undefined }
}

/** One stop on a message's way through dead-letter exchanges, newest first in `x-death`. */
export interface Death {
  /** Where it died, of what (`rejected`, `expired`, `maxlen`, `delivery_limit`) and how often so far. */
  readonly queue: string
  readonly reason: string
  readonly count: number
}

/** What the broker says about this delivery of a message. */
export interface Delivery {
  /** It was delivered before, to us or to another consumer, and not settled. */
  readonly redelivered: boolean
  /** How often it was returned before this; only quorum queues count. */
  readonly returns: number | undefined
  readonly deaths: readonly Death[]
}

/**
 * Whether a message has been here before, as the broker tells it. Its `x-` headers can be written by any publisher, so decide nothing
 * about rights by them. Never throws.
 */
export function deliveryOf(message: AmqpMessage): Delivery {
  const headers = message.properties.headers ?? {}
  const returns = headers['x-delivery-count']
  const deaths = headers['x-death']
  return {
    redelivered: message.fields.redelivered === true,
    returns: typeof returns === 'number' ? returns : undefined,
    deaths: Array.isArray(deaths) ? deaths.flatMap(deathOf) : [],
  }
}

function deathOf(given: unknown): readonly Death[] {
  if (typeof given !== 'object' || given === null) return []
  const { queue, reason, count } = given as Partial<Record<keyof Death, unknown>>
  return typeof queue === 'string' && typeof reason === 'string' && typeof count === 'number'
    ? [{ queue, reason, count }]
    : []
}

/** The word that a message row has for it. */
export function verbOf(message: AmqpMessage): 'DELIVER' | 'REDELIVER' | 'DEAD_LETTER' {
  const { redelivered, deaths } = deliveryOf(message)
  return redelivered ? 'REDELIVER' : deaths.length > 0 ? 'DEAD_LETTER' : 'DELIVER'
}
