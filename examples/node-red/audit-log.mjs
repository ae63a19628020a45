// SPDX-License-Identifier: Apache-2.0
// Node-RED already says what people do to it and what it does itself: through the handlers of `logging` in its settings.
// This handler turns the first into typed audit rows and the second into rows of the sys stream.
import fasten from 'fasten'

/**
 * @typedef {{
 *   level: number, timestamp: number, msg?: unknown,
 *   event?: string, error?: string, message?: string, user?: { username?: string }, username?: string, path?: string,
 *   id?: string, type?: string, name?: string, z?: string, module?: string, scope?: unknown, permissions?: unknown, key?: string,
 * }} LogLine
 * @typedef {Omit<import('fasten').EmitInput, 'code'> & { code: string }} Event
 */

const levelOf = /** @type {const} */ ({
  10: 'fatal',
  20: 'error',
  30: 'warn',
  40: 'info',
  50: 'debug',
  60: 'debug',
})
const auditLevel = 98

/** What `logging: { fasten: { handler: auditLog } }` wants: a function that answers the function called for every line. */
export const auditLog = () => (/** @type {LogLine} */ line) => {
  if (line.level === auditLevel) fasten.emit(eventOf(line))
  else if (line.level in levelOf) record(levelOf[/** @type {keyof typeof levelOf} */ (line.level)], line)
}

/**
 * A line of the runtime, or of a node in a flow.
 * @param {(typeof levelOf)[keyof typeof levelOf]} level
 * @param {LogLine} line
 */
function record(level, { msg, id, type, name, z }) {
  const text = (msg instanceof Error ? msg.message : String(msg)).trim().split('\n')[0] ?? ''
  fasten.log[level](text, id === undefined ? {} : { node: name || id, node_type: type, flow: z })
}

/**
 * The typed event of one audit line. The request id, the caller's address and the method come from the request it was
 * written in; nothing is dropped, since what has no code of its own is ADMIN_READ with the name Node-RED gave it.
 * @param {LogLine} line
 * @returns {Event}
 */
function eventOf(line) {
  const { event = 'unknown', user, username, error, message } = line
  const actor = user?.username ?? username ?? 'anonymous'
  const common = {
    actor,
    actor_kind: actor === 'anonymous' ? /** @type {const} */ ('user') : /** @type {const} */ ('admin'),
    target_kind: 'node-red',
    ...(error === undefined ? {} : { outcome: /** @type {const} */ ('failure'), reason: message ?? error }),
  }
  const [area = '', ...rest] = event.split('.')
  const verb = rest.join('.')

  if (event === 'auth.login') return { ...common, code: 'AUTH_LOGIN', target: actor, target_kind: 'user' }
  if (event === 'auth.login.revoke')
    return { ...common, code: 'AUTH_LOGOUT', target: actor, target_kind: 'user' }
  if (event.startsWith('auth.login.fail')) {
    // Whoever typed a wrong password is not the user whose name they typed.
    const reason = event.slice('auth.login.fail.'.length) || 'refused'
    return {
      ...common,
      code: 'AUTH_FAILED',
      actor: 'anonymous',
      actor_kind: 'user',
      target: actor,
      target_kind: 'user',
      outcome: 'denied',
      reason,
    }
  }
  if (area === 'auth')
    return { ...common, code: 'TOKEN_REJECTED', target: 'admin-api', outcome: 'denied', reason: verb }
  if (event === 'permission.fail') {
    return {
      ...common,
      code: 'ACCESS_DENIED',
      target: String(line.permissions),
      target_kind: 'permission',
      outcome: 'denied',
    }
  }
  if (event === 'flows.set')
    return {
      ...common,
      code: 'FLOWS_DEPLOYED',
      target: 'flows',
      target_kind: 'flows',
      detail: { deployment: line.type },
    }
  if (/^flow\.(add|update|remove)$/.test(event))
    return {
      ...common,
      code: 'FLOW_CHANGED',
      target: line.id ?? 'flow',
      target_kind: 'flow',
      detail: { event },
    }
  if (/^nodes\.(install|remove|module\.set|info\.set)$/.test(event)) {
    return {
      ...common,
      code: 'PALETTE_CHANGED',
      target: line.module ?? line.id ?? 'palette',
      target_kind: 'module',
      detail: { event },
    }
  }
  if (event === 'context.delete')
    return {
      ...common,
      code: 'CONTEXT_DELETED',
      target: line.key ?? String(line.scope),
      target_kind: 'context',
    }
  if (area === 'projects' || event === 'library.set')
    return {
      ...common,
      code: 'PROJECT_CHANGED',
      target: line.id ?? line.name ?? line.path ?? area,
      target_kind: 'project',
      detail: { event },
    }
  if (event === 'settings.update')
    return { ...common, code: 'SETTINGS_UPDATED', target: actor, target_kind: 'user' }
  if (event === 'credentials.get')
    return { ...common, code: 'CREDENTIALS_READ', target: line.id ?? 'credentials', target_kind: 'node' }
  if (area === 'comms')
    return {
      ...common,
      code: 'EDITOR_CONNECTED',
      target: 'editor',
      ...(verb.includes('fail') ? { outcome: 'denied' } : {}),
    }
  if (event === 'api.error') return { ...common, code: 'ADMIN_FAILED', target: line.path ?? 'admin-api' }
  return { ...common, code: 'ADMIN_READ', target: line.id ?? area, detail: { event } }
}
