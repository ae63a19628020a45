// SPDX-License-Identifier: Apache-2.0
import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { Server as NetServer } from 'node:net'
import { instrumentServer, type NodeServer } from '../shims/http/node.ts'
import { patchMethod } from '../shims/patch.ts'

/**
 * Puts the HTTP shim under every HTTP server of this process, HTTP/2 included, when it begins to listen. A framework's own shim on top
 * adds the route. Returns a function after which further servers are left alone.
 */
export function instrumentServers(): () => void {
  const known = new WeakSet<NetServer>()
  return patchMethod(NetServer.prototype as { listen(...values: unknown[]): unknown }, 'listen', (listen) => {
    return function (this: NetServer, ...values: unknown[]): unknown {
      if (isHttp(this) && !known.has(this)) {
        known.add(this)
        instrumentServer(this)
      }
      return Reflect.apply(listen, this, values)
    }
  })
}

/** Servers of node:http2 have no class that could be asked for; like the others, they answer `request` events. */
function isHttp(server: NetServer): server is NetServer & NodeServer {
  return server instanceof HttpServer || server instanceof HttpsServer || server.listenerCount('request') > 0
}
