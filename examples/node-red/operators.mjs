// SPDX-License-Identifier: Apache-2.0
import { createHash, timingSafeEqual } from 'node:crypto'

/** Who may use the tanks, and who may use the editor. A real server asks its directory. */
const operators = new Set(['ines', 'omar'])
const editors = new Map([
  ['admin', { username: 'admin', permissions: '*' }],
  ['viewer', { username: 'viewer', permissions: ['read'] }],
  ['auditor', { username: 'auditor', permissions: ['fasten.read'] }],
])

/** @typedef {import('node:http').IncomingMessage & { operator?: string, user?: { username?: string } }} Request */

/**
 * HTTP Basic for the flows' own routes.
 * @param {Request} req
 * @param {import('node:http').ServerResponse} res
 * @param {() => void} next
 */
export function onlyOperators(req, res, next) {
  const [, encoded = ''] = /^Basic (\S+)$/i.exec(req.headers.authorization ?? '') ?? []
  const [name = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':')
  if (operators.has(name) && isSecret(rest.join(':'), process.env['OPERATOR_PASSWORD'])) {
    req.operator = name
    return next()
  }
  res.writeHead(401, { 'www-authenticate': 'Basic realm="tank farm"', 'content-type': 'application/json' })
  res.end('{"error":"operators only"}')
}

/** Node-RED's `adminAuth.users`. @param {string} name */
export const findEditor = async (name) => editors.get(name) ?? null

/** Node-RED's `adminAuth.authenticate`. @param {string} name @param {string} password */
export async function logIn(name, password) {
  return name !== 'auditor' && isSecret(password, process.env['EDITOR_PASSWORD']) ? findEditor(name) : null
}

/**
 * @param {string} given
 * @param {string | undefined} secret
 */
function isSecret(given, secret) {
  const digest = (/** @type {string} */ text) => createHash('sha256').update(text).digest()
  return secret !== undefined && timingSafeEqual(digest(given), digest(secret))
}
