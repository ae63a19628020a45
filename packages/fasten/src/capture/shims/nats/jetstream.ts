// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../unsettled.ts'

/** What the address of JetStream's acks says of a delivery. */
export interface JetStreamDelivery {
  /** The same for each delivery of one message to one consumer. */
  readonly key: string
  /** From 1. */
  readonly count: number
  /** An ordered consumer, as nats.js names it: it acks nothing. */
  readonly isOrdered: boolean
}

/** The delivery that acks to `subject` are about, or undefined when it is no such subject. */
export function deliveryAt(subject: string | undefined): JetStreamDelivery | undefined {
  if (subject?.startsWith('$JS.ACK.') !== true) return undefined
  const tokens = subject.split('.')
  // Newer servers put a domain and an account before the stream.
  const [stream, consumer = '', count, sequence] = tokens.slice(tokens.length === 9 ? 2 : 4)
  return {
    key: `${stream}.${consumer}.${sequence}`,
    count: Number(count),
    isOrdered: consumer.startsWith('oc_'),
  }
}

/** What a payload sent there says; undefined when it settles nothing (work in progress, or a wish for more). */
export function outcomeOf(payload: unknown): Outcome | undefined {
  const text = typeof payload === 'string' ? payload : Buffer.from(payload as Uint8Array).toString('latin1')
  if (text === '' || text.startsWith('+ACK') || text.startsWith('+NXT')) return 'acked'
  if (text.startsWith('-NAK')) return 'requeued'
  if (text.startsWith('+TERM')) return 'terminated'
  return undefined
}
