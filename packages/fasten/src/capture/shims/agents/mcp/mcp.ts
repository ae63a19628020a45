// SPDX-License-Identifier: Apache-2.0
import { instrumentPeer, type McpOptions, type McpPeer, type Undo } from './instrument.ts'
import { isObject } from './message.ts'
import { recordServed, watchSent } from './tool-calls.ts'

/**
 * From now on requests that reach `server` (an `McpServer` or `Server` of SDK 1 or 2, or the class, for all of them) run in the context their
 * `_meta` asks for, calls of tools leave rows, and what the server sends carries the ids. Hostile ids are judged as those of HTTP are.
 * Connections that exist are included. Idempotent; answers the function that undoes it.
 */
export function instrumentMcpServer(server: McpPeer, options: McpOptions = {}): Undo {
  const watch = (by: object) => recordServed(options, () => nameOf(insideOf(by)['_serverInfo']))
  return instrumentPeer(server, 'server', options.records === false ? () => silent : watch, options)
}

/**
 * The same for a `Client`, or its class: what it sends carries the ids of the work in progress, its reports of progress and what servers
 * ask of it (sampling, elicitation, roots) run in the context they belong to. Calls leave rows with `records: true`.
 */
export function instrumentMcpClient(client: McpPeer, options: McpOptions = {}): Undo {
  const watch = (by: object) => watchSent(options, () => nameOf(serverOf(by)))
  return instrumentPeer(client, 'client', watch, options)
}

const silent = { arrived: () => undefined }

/** An `McpServer` has the `Server` inside. */
function insideOf(server: object): Readonly<Record<string, unknown>> {
  const { server: inside } = server as { readonly server?: unknown }
  return (isObject(inside) ? inside : server) as Readonly<Record<string, unknown>>
}

/** What the server said of itself, once it has. */
function serverOf(client: object): unknown {
  const { getServerVersion } = client as { readonly getServerVersion?: () => unknown }
  return typeof getServerVersion === 'function' ? getServerVersion.call(client) : undefined
}

function nameOf(info: unknown): string | undefined {
  const name = isObject(info) ? info['name'] : undefined
  return typeof name === 'string' && name !== '' ? name : undefined
}
