// SPDX-License-Identifier: Apache-2.0

/** A JSON-RPC message of the Model Context Protocol, as far as the shim looks at it. Nobody has judged what is in it. */
export interface McpMessage {
  readonly jsonrpc?: unknown
  readonly id?: unknown
  readonly method?: unknown
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: unknown
}

export type McpKind = 'request' | 'notification' | 'response' | 'other'

export function kindOf(message: McpMessage): McpKind {
  if (typeof message !== 'object' || message === null) return 'other'
  const hasId = message.id !== undefined && message.id !== null
  if (typeof message.method === 'string') return hasId ? 'request' : 'notification'
  return hasId ? 'response' : 'other'
}

/** `params` of a request, or its `_meta`, where they are objects; empty otherwise. */
export function paramsOf(message: McpMessage): Readonly<Record<string, unknown>> {
  return isObject(message.params) ? message.params : {}
}

export function metaOf(message: McpMessage): Readonly<Record<string, unknown>> {
  const { _meta: meta } = paramsOf(message)
  return isObject(meta) ? meta : {}
}

/** The message with one more member of `_meta`; the one given stays as it is. */
export function withMeta<Message extends McpMessage>(message: Message, key: string, value: unknown): Message {
  return { ...message, params: { ...paramsOf(message), _meta: { ...metaOf(message), [key]: value } } }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
