// SPDX-License-Identifier: Apache-2.0
import type { MessageResult } from '../../carriers/message-row.ts'

/** What a row says of a message that was not sent, or that the broker refused. */
export function publishResult(failure: unknown): MessageResult {
  if (failure === undefined || failure === null) return {}
  const { code, message } = failure as { readonly code?: unknown; readonly message?: unknown }
  const [status, error] =
    (typeof code === 'number' ? refusals.get(code) : undefined) ??
    (typeof message === 'string' ? troubles.get(message) : undefined) ??
    []
  return { failure, status, error }
}

/** Reason codes of PUBACK and PUBREC (MQTT 5, 3.4.2.1 and 3.5.2.1), as HTTP says the same. */
const refusals: ReadonlyMap<number, readonly [status: number, error: string]> = new Map([
  [128, [500, 'UnspecifiedError']],
  [131, [500, 'ImplementationSpecificError']],
  [135, [403, 'NotAuthorized']],
  [144, [400, 'TopicNameInvalid']],
  [145, [409, 'PacketIdentifierInUse']],
  [151, [429, 'QuotaExceeded']],
  [153, [415, 'PayloadFormatInvalid']],
])

/** What mqtt.js says when a message cannot leave; its errors have no codes. */
const troubles: ReadonlyMap<string, readonly [status: number, error: string]> = new Map([
  ['client disconnecting', [503, 'Disconnecting']],
  ['Connection closed', [503, 'ConnectionClosed']],
  ['No connection to broker', [503, 'NotConnected']],
  ['Message removed', [499, 'Removed']],
])
