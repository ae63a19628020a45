// SPDX-License-Identifier: Apache-2.0
import fasten from 'fasten'
import { expressReader } from 'fasten/reader/express'

/**
 * @typedef {{ use(path: string, ...handlers: unknown[]): void }} Router
 * @typedef {{ httpAdmin: Router, auth: { needsPermission(permission: string): unknown } }} Runtime
 */

/**
 * Serves the rows under the admin root, behind Node-RED's own log-in: whoever may read anything may read `fasten.read`,
 * and an access token with just that scope suits an auditor.
 * @param {Runtime} RED
 */
export function serveRows(RED) {
  RED.httpAdmin.use(
    '/fasten',
    RED.auth.needsPermission('fasten.read'),
    // Node-RED has already decided who may come here.
    expressReader(fasten, { authorize: 'open' }),
  )
}
