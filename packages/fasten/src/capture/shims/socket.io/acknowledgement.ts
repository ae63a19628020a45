// SPDX-License-Identifier: Apache-2.0
import { bindListener } from '../events/bind.ts'

/** The values of an event; a function at their end, which hears the acknowledgement, runs in the context at hand. */
export function boundAck(values: readonly unknown[]): unknown[] {
  const ack = values.at(-1)
  if (typeof ack !== 'function') return [...values]
  // Socket.IO keeps a mark on the functions it makes itself.
  return [...values.slice(0, -1), Object.assign(bindListener(ack as () => unknown), ack)]
}
