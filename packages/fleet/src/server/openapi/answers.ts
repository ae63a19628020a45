// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'
import { tenantScope } from '../../access/scope-schema.ts'
import { permissions } from '../../web/principal.ts'
import {
  alarm,
  apiKey,
  codes,
  count,
  credential,
  grant,
  group,
  hold,
  node,
  number,
  place,
  session,
  source,
  text,
  time,
  token,
  user,
  wholeNode,
  withPassword,
} from './answer-shapes.ts'

/** What a route is for, and what it answers when all is well. */
export interface ToldRoute {
  readonly summary: string
  /** Default 200. */
  readonly status?: 200 | 201 | 204 | 303
  /** JSON, whose members may become more; absent for no body. */
  readonly answer?: z.ZodType
  /** Where it is not JSON. */
  readonly media?: string
  /** Of a body that the route reads as it comes. */
  readonly bodyMedia?: string
  /** What such a route takes in its body, or in its query, where its handler and not the framework reads it. */
  readonly takes?: { readonly body?: z.ZodType; readonly querystring?: z.ZodType }
}

/** In the encoding of the request. */
const otlpLogs: ToldRoute = {
  summary: 'Takes an ExportLogsServiceRequest of OTLP from a source',
  bodyMedia: 'application/x-protobuf',
  media: 'application/x-protobuf',
}
const nothing = { status: 204 } as const

/** Every route besides the reader's own, whose document fasten/reader keeps. */
export const toldRoutes: Readonly<Record<string, ToldRoute>> = {
  'GET /healthz': { summary: 'Whether the server lives', answer: z.looseObject({ status: text }) },
  'GET /readyz': {
    summary: 'Whether it can work now; 503 while not',
    answer: z.object({ status: text, database: text }),
  },

  'GET /api/v1/login': {
    summary: 'Which ways in there are.',
    answer: z.strictObject({ password: z.boolean(), oidc: z.boolean() }),
  },
  'POST /api/v1/login': {
    summary: 'Logs a local user in; the session comes as a cookie',
    answer: z.looseObject({}),
  },
  'GET /api/v1/login/oidc': { summary: 'To the identity provider', status: 303 },
  'GET /api/v1/login/oidc/callback': { summary: 'Back from the identity provider', status: 303 },
  'POST /api/v1/password': { summary: 'Changes the own password', ...nothing },
  'GET /api/v1/me': {
    summary: 'Who asks, and what they may',
    answer: z.object({
      kind: z.enum(['user', 'api_key', 'node', 'system']),
      actor: text,
      name: text,
      auth_method: text,
      session_id: text.optional(),
      on_behalf_of: text.optional(),
      rights: z.array(z.object({ permissions: z.array(z.enum(permissions)), tenants: tenantScope, codes })),
      places: z.array(text),
    }),
  },
  'GET /api/v1/sessions': {
    summary: 'Where one is logged in',
    answer: z.object({ sessions: z.array(session) }),
  },
  'DELETE /api/v1/sessions/:session_id': { summary: 'Ends a session', ...nothing },
  'POST /api/v1/logout': { summary: 'Ends the own session', ...nothing },
  'GET /api/v1/users': { summary: 'Who can log in', answer: z.object({ users: z.array(user) }) },
  'POST /api/v1/users': {
    summary: 'Makes a local user, with a password for once',
    status: 201,
    answer: withPassword,
  },
  'PATCH /api/v1/users/:user_id': { summary: 'Locks, unlocks, or resets the password', answer: withPassword },
  'GET /api/v1/grants': { summary: 'Who may do what', answer: z.object({ grants: z.array(grant) }) },
  'POST /api/v1/grants': { summary: 'Gives a role to a user or a group', status: 201, answer: grant },
  'DELETE /api/v1/grants/:grant_id': {
    summary: 'Takes a role away',
    answer: z.looseObject({ grant_id: text }),
  },
  'GET /api/v1/api-keys': { summary: 'Keys for programs', answer: z.object({ keys: z.array(apiKey) }) },
  'POST /api/v1/api-keys': {
    summary: 'Makes a key, which is shown this once',
    status: 201,
    answer: apiKey.extend({ key: text }),
  },
  'DELETE /api/v1/api-keys/:key_id': { summary: 'Ends a key', answer: z.looseObject({ key_id: text }) },

  'GET /api/v1/enrolment-tokens': {
    summary: 'Tokens that let nodes in',
    answer: z.object({ tokens: z.array(token) }),
  },
  'POST /api/v1/enrolment-tokens': {
    summary: 'Makes a token, which is shown this once',
    status: 201,
    answer: token.extend({ token: text }),
  },
  'DELETE /api/v1/enrolment-tokens/:token_id': { summary: 'Withdraws a token', answer: token },
  'GET /api/v1/nodes': {
    summary: 'How nodes stand',
    answer: z.object({ nodes: z.array(node), next: text.optional() }),
  },
  'GET /api/v1/nodes/:node_id': { summary: 'How one stands, and its keys', answer: wholeNode },
  'POST /api/v1/nodes/:node_id/revoke': { summary: 'Lets a node send no more', answer: wholeNode },
  'POST /api/v1/nodes/:node_id/credential': {
    summary: 'Gives a node another credential',
    status: 201,
    answer: credential,
  },
  'POST /api/v1/nodes/:node_id/rotate': { summary: 'Has a node change its credential', answer: wholeNode },
  'POST /api/v1/nodes/:node_id/settings': { summary: 'When its silence is an alarm', answer: wholeNode },
  'POST /api/v1/nodes/:node_id/keys/:public_key/retire': {
    summary: 'Believes a key no more',
    answer: wholeNode,
  },
  'GET /api/v1/alarms': {
    summary: 'What needs a person',
    answer: z.object({ alarms: z.array(alarm), next: count.optional() }),
  },
  'POST /api/v1/alarms/:alarm_id/acknowledge': { summary: 'A person has taken note', answer: alarm },
  'GET /api/v1/sources': {
    summary: 'Services without our shipper whose rows are taken',
    answer: z.object({ sources: z.array(source), next: text.optional() }),
  },
  'GET /api/v1/sources/:source_id': { summary: 'One of them', answer: source },
  'POST /api/v1/sources': { summary: 'Adds one', status: 201, answer: source },
  'PATCH /api/v1/sources/:source_id': { summary: 'Changes one', answer: source },
  'DELETE /api/v1/sources/:source_id': { summary: 'Removes one; its rows stay', answer: source },
  'POST /api/v1/sources/:source_id/credential': {
    summary: 'Gives it another credential',
    status: 201,
    answer: z.object({ source_id: text, credential: text }),
  },
  'DELETE /api/v1/sources/:source_id/credential': { summary: 'Ends its credentials', answer: source },

  'GET /api/v1/retention': {
    summary: 'What of the nodes’ rows is let go, and how far that is',
    answer: z.object({
      follow: z.union([z.literal('all'), z.array(text)]),
      policy: z.looseObject({}),
      policy_hash: text,
      swept_at: time.nullable(),
      sweeps: z.array(
        z.object({
          tenant: text,
          told_by: z.enum(['node', 'fleet']),
          rows: count,
          gone: count,
          held: count,
          there: count,
        }),
      ),
    }),
  },
  'GET /api/v1/holds': {
    summary: 'What stays whatever its time',
    answer: z.object({ holds: z.array(hold) }),
  },
  'POST /api/v1/holds': { summary: 'Keeps rows whatever their time', status: 201, answer: hold },
  'POST /api/v1/holds/:hold_id/release': { summary: 'Ends a hold', answer: hold },

  'GET /metrics': { summary: 'For Prometheus', media: 'text/plain' },
  'GET /api/v1/metrics/red': {
    summary: 'Rate, errors and durations of accesses',
    answer: z.looseObject({
      since: time,
      until: time,
      complete: z.boolean(),
      accuracy: number,
      total: group,
      groups: z.array(group),
      groups_left: count,
      top_routes: z.array(group),
    }),
  },
  'GET /api/v1/metrics/codes': {
    summary: 'Audit rows by code and outcome',
    answer: z.looseObject({
      since: time,
      until: time,
      complete: z.boolean(),
      rows: count,
      groups: z.array(z.looseObject({ group: z.record(text, text), rows: count })),
      groups_left: count,
    }),
  },

  'GET /api/v1/codes': {
    summary: 'What codes mean, as far as the fleet was told',
    answer: z.object({
      codes: z.array(
        z.object({
          code: text,
          domain: text,
          category: text,
          action: text,
          severity: text,
          retention_class: text,
          description: text,
          emitter: text,
          high_volume: z.boolean(),
          is_personal: z.boolean(),
          from: z.enum(['fasten', 'fleet', 'own', 'catalogue']),
        }),
      ),
    }),
  },
  'GET /api/v1/tenants': {
    summary: 'Whose rows there are',
    answer: z.object({
      tenants: z.array(
        z.object({
          tenant: text,
          logs: count,
          nodes: count,
          services: count,
          rows: count,
          rows_kind: z.literal('with_expired'),
          last_stored_at: time,
        }),
      ),
    }),
  },
  'GET /api/v1/traces/:request_id': {
    summary: 'What a request led to, on all nodes',
    answer: z.looseObject({
      request_id: text,
      entries: z.array(z.looseObject({ id: text, depth: count, start_us: number, duration_us: number })),
      started_at: time.nullable(),
      duration_us: number,
      clocks: z.array(z.looseObject({})),
      clocks_are: z.enum(['put_right', 'not_put_right']),
    }),
  },
  'GET /api/v1/entities/:kind/:id/timeline': {
    summary: 'What somebody did, and what was done to them',
    answer: z.looseObject({
      entity: z.object({ kind: text, id: text }),
      rows: z.array(z.looseObject({})),
      next_cursor: text.nullable(),
    }),
  },
  'GET /api/v1/logs/*': {
    summary: 'Behind the name of a log: checkpoint, proof?index=N, or a tile of c2sp.org/tlog-tiles',
    media: 'text/plain',
  },
  'POST /api/v1/sql': {
    summary: 'One query over audit, sys, api, red_requests and red_codes',
    answer: z.looseObject({
      columns: z.array(z.object({ name: text, type: text })),
      rows: z.array(z.array(z.unknown())),
      is_cut: z.boolean(),
      duration_ms: number,
    }),
    takes: {
      body: z.strictObject({
        sql: text,
        rows_max: z.int().min(1).max(10_000).default(1000),
        timeout_ms: z.int().min(100).max(60_000).default(15_000),
      }),
    },
  },

  'GET /ingest/v1': {
    summary: 'What a node should know before it sends',
    answer: z.object({
      protocol: z.literal('fasten-fleet/1'),
      name: text,
      witness_vkey: text,
      limits: z.object({ body_bytes: count, unpacked_bytes: count, sections: count, rows: count }),
    }),
  },
  'POST /ingest/v1/enrol': {
    summary: 'A credential for a token',
    status: 201,
    answer: credential.extend({ fleet: z.object({ name: text, witness_vkey: text }), tenants: tenantScope }),
  },
  'POST /ingest/v1/credential': {
    summary: 'A new credential for this node',
    status: 201,
    answer: credential,
  },
  'POST /ingest/v1/keys': {
    summary: 'A further key of this node',
    answer: z.object({ public_key: text, is_new: z.boolean() }),
  },
  'POST /ingest/v1/status': {
    summary: 'How this node stands',
    answer: z.object({ server_time: time, rotate: z.literal(true).optional() }),
  },
  'POST /ingest/v1/places': {
    summary: 'Where to go on',
    answer: z.object({ places: z.record(text, place) }),
    takes: { body: z.strictObject({ logs: z.array(text).max(1_000) }) },
  },
  'POST /ingest/v1/lines': {
    summary: 'Takes lines of JSON from a source',
    bodyMedia: 'application/x-ndjson',
    answer: z.object({
      lines: count,
      stored: count,
      again: count,
      refused: count,
      reasons: z.array(z.object({ code: text, message: text })),
      server_time: time,
    }),
  },
  'POST /v1/logs': otlpLogs,
  'POST /ingest/otlp/v1/logs': otlpLogs,
  'POST /ingest/v1/rows': {
    summary: 'Rows of this node (spec/fleet.md)',
    bodyMedia: 'application/vnd.fasten.rows',
    answer: z.object({
      results: z.array(
        z.object({
          log: text,
          size: count,
          signed_size: count,
          cosignature: text.optional(),
          refused: z.object({ code: text, message: text, at_seq: count.optional() }).optional(),
        }),
      ),
      server_time: time,
      retry_after_ms: count.optional(),
    }),
  },
}
