// SPDX-License-Identifier: Apache-2.0
// Settings for Node-RED 5: `node-red --settings settings.mjs`. What fasten needs is marked; copy it into your own settings file
// together with audit-log.mjs, flush-at-stop.mjs, plugin/ and codes/node-red.codes.yaml.
import { join } from 'node:path'
import fasten from 'fasten'
import { expressShim } from 'fasten/http/express'
import { auditLog } from './audit-log.mjs'
import { flushAtStop } from './flush-at-stop.mjs'
import { findEditor, logIn, onlyOperators } from './operators.mjs'

// fasten: where rows go stands in FASTEN_AUDIT_DSN, FASTEN_API_DSN and FASTEN_SYS_DSN.
fasten.init({ service_id: 'tank-farm', codes: [join(import.meta.dirname, 'codes/*.codes.yaml')] })

const settings = {
  uiHost: '127.0.0.1',
  uiPort: Number(process.env['PORT'] ?? 1880),
  httpAdminRoot: '/admin',
  httpNodeRoot: '/api',
  flowFile: 'flows.json',
  lang: 'en-US',
  telemetry: { enabled: false, updateNotification: false },
  editorTheme: { tours: false, projects: { enabled: false } },
  credentialSecret: process.env['CREDENTIAL_SECRET'] ?? false,

  // fasten: one api row for each request, and a context that everything inside the request inherits.
  httpAdminMiddleware: expressShim({
    actor: editorOf,
    skip: /^\/admin\/(vendor|red|icons|types|favicon|locales|theme|debug)\b/,
  }),
  httpNodeMiddleware: [expressShim({ actor: operatorOf }), onlyOperators],

  // fasten: what Node-RED does, and what people do to it.
  logging: { fasten: { level: 'info', audit: true, metrics: false, handler: auditLog } },

  // fasten: messages carry their thread, and /admin/fasten serves the rows.
  nodesDir: [join(import.meta.dirname, 'plugin')],

  // fasten: Node-RED waits for its context stores before it ends.
  contextStorage: { default: { module: 'memory' }, fasten: { module: flushAtStop } },

  // fasten: `global.get('fasten').emit({ … })` in function nodes.
  functionGlobalContext: { fasten: { emit: fasten.emit } },

  adminAuth: {
    type: 'credentials',
    users: findEditor,
    authenticate: logIn,
    // fasten: a token that reads the rows and nothing else.
    tokens: [{ token: process.env['FASTEN_READER_TOKEN'], user: 'auditor', scope: ['fasten.read'] }],
  },
}

/** Node-RED loads its settings with `require`; this is how an ES module answers it. */
export { settings as 'module.exports' }

/** @param {import('./operators.mjs').Request} req */
function editorOf(req) {
  return req.user?.username === undefined
    ? undefined
    : { actor: req.user.username, actor_kind: /** @type {const} */ ('admin') }
}

/** @param {import('./operators.mjs').Request} req */
function operatorOf(req) {
  return req.operator === undefined
    ? undefined
    : { actor: req.operator, actor_kind: /** @type {const} */ ('user') }
}
