// SPDX-License-Identifier: Apache-2.0
import { header, type Carrier } from '../../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../../carriers/header-carrier.ts'
import { isObject, kindOf, metaOf, withMeta, type McpMessage } from './message.ts'

/**
 * The member of `_meta` that carries each id. `traceparent`, `tracestate` and `baggage` stand there bare, an exception that MCP makes for
 * the W3C names (SEP-414); what is ours has our prefix, as MCP asks of everybody (2026-07-28, `_meta`).
 */
export const metaKey = {
  request_id: 'fasten/request_id',
  traceparent: header.traceparent,
  tracestate: header.tracestate,
  baggage: header.baggage,
  caused_by: 'fasten/caused_by',
  /** Names one call on both sides, so that the two rows of a call that is recorded twice can be counted as one. */
  call_ref: 'fasten/call_ref',
} as const

const keyOfHeader: Readonly<Record<string, string>> = {
  [header.request_id]: metaKey.request_id,
  [header.caused_by]: metaKey.caused_by,
}

const carrier = createHeaderCarrier<McpMessage>({
  name: 'mcp',
  method: 'agent_tool',
  get: (message, name) => metaOf(message)[keyOfHeader[name] ?? name],
  set: (message, name, value) => withMeta(message, keyOfHeader[name] ?? name, value),
})

/**
 * Requests and notifications of the Model Context Protocol carry the ids in `params._meta`. Answers carry none, and neither does a message
 * whose `params` or `_meta` are not the objects the protocol wants: those go as they are.
 */
export const mcpCarrier: Carrier<McpMessage> = {
  ...carrier,
  inject: (message, carried) => (hasRoom(message) ? carrier.inject(message, carried) : message),
}

function hasRoom(message: McpMessage): boolean {
  const kind = kindOf(message)
  if (kind !== 'request' && kind !== 'notification') return false
  const { params } = message
  if (params === undefined) return true
  return isObject(params) && (params['_meta'] === undefined || isObject(params['_meta']))
}
