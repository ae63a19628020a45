// SPDX-License-Identifier: Apache-2.0
import { carry, receive } from '../../carriers/carrier.ts'
import { noteCarrier, noteOf, type Note } from './note.ts'

/** A message and its ids in one, for ports of your own whose both ends know of it. */
export interface Envelope<Value> {
  readonly fasten: Note
  readonly value: Value
}

/** The value in an envelope with the ids of the work in progress: `port.postMessage(enclose(job), [job.buffer])`. */
export const enclose = <Value>(value: Value): Envelope<Value> => ({ fasten: carry(noteCarrier, {}), value })

/**
 * Runs `work` with what is in the envelope, in the context of its ids. What is no envelope is handed on as it is, under an id of its own. Returns
 * what `work` returns.
 */
export function openEnvelope<Value, Result>(
  message: Value | Envelope<Value>,
  work: (value: Value) => Result,
): Result {
  const { fasten, value } = noteOf(message)
  const isEnvelope = typeof fasten === 'object' && fasten !== null && 'value' in (message as object)
  return receive(
    noteCarrier,
    isEnvelope ? (fasten as Note) : {},
    () => work((isEnvelope ? value : message) as Value),
    { trustsSentinels: true },
  )
}
