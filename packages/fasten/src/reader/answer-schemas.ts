// SPDX-License-Identifier: Apache-2.0
import { breakKinds } from '../core/verdict.ts'
import { actorKinds, levels, outcomes, retentionClasses, severities, streams } from '../core/row.ts'

/** A JSON Schema 2020-12, as OpenAPI 3.1 embeds it. */
export type Schema = { readonly [keyword: string]: unknown }

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })
const text: Schema = { type: 'string' }
const count: Schema = { type: 'integer', minimum: 0 }
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const list = (items: Schema): Schema => ({ type: 'array', items })
const oneOf = (values: readonly string[]): Schema => ({ enum: [...values] })

/** Members that are not listed stay allowed: a newer server may say more, and no client should break over it. */
function object(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } }
}

const perStream = (schema: Schema): Schema => object({ audit: schema, sys: schema, api: schema })
const someStreams = (schema: Schema): Schema => object({}, { audit: schema, sys: schema, api: schema })

const timestamp: Schema = {
  type: 'string',
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{6}Z$',
  description: 'UTC with six fractional digits, always 27 characters.',
}
const source = object({}, { ip: text, user_agent: text, device: text })
const verification: Schema = {
  ...oneOf(['verified', 'chained', 'broken', 'ring']),
  description:
    '`verified`: hash, form, place, columns and the link to the predecessor were recomputed for this answer. `broken`: they were and do not hold. ' +
    '`chained`: stored with a hash, but the predecessor was not looked at. `ring`: lives in memory only and was never hashed.',
}

const envelope: Readonly<Record<string, Schema>> = {
  canonical_form_id: text,
  wire_version: text,
  id: text,
  log: text,
  monotonic_seq: { type: 'integer', minimum: -1, description: 'Place in the log; -1 in a ring.' },
  prev_hash: { type: 'string', description: '`genesis`, 64 hex characters, or empty in a ring.' },
  boot_id: text,
  boot_seq: count,
  timestamp,
  service_id: text,
  source_node_id: text,
  request_id: text,
  hash: orNull({ type: 'string', pattern: '^[0-9a-f]{64}$' }),
  verification,
}
const envelopeOptional: Readonly<Record<string, Schema>> = {
  tenant_id: text,
  inbound_request_id: text,
  trace_id: text,
  span_id: text,
  caused_by: text,
}

function rowOf(
  stream: string,
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>>,
): Schema {
  return object({ ...envelope, stream: { const: stream }, ...required }, { ...envelopeOptional, ...optional })
}

function pageOf(stream: string): Schema {
  return object({
    rows: list(ref(`${stream}Row`)),
    total: orNull(count),
    total_kind: {
      ...oneOf(['exact', 'at_least', 'estimated', 'unknown']),
      description:
        'How `total` is meant: counted, counted up to a bound, what the database expects (only with `total=estimated`), or null.',
    },
    limit: count,
    offset: count,
    next_cursor: {
      ...orNull(text),
      description: 'Give it back as `cursor` for the next page; null after the last.',
    },
    next_after: {
      ...orNull(count),
      description: 'The same for clients of the published readers, as `after`.',
    },
    completeness: someStreams(ref('completeness')),
  })
}

const logVerdict = object({
  verdict: oneOf(['PASS', 'FAIL', 'INCOMPLETE']),
  log: text,
  from_index: count,
  to_index: count,
  rows_expected: count,
  rows_checked: count,
  rows_expired: count,
  rows_erased: count,
  rows_missing: count,
  rows_bad: count,
  breaks: list(
    object({
      kind: oneOf(breakKinds),
      from_index: { type: 'integer' },
      to_index: { type: 'integer' },
      message: text,
    }),
  ),
  breaks_total: count,
  head_hash: orNull(text),
  anchored_to: {
    ...orNull(
      object({
        size: count,
        root: text,
        key: text,
        key_source: oneOf(['given', 'node', 'log']),
        witnesses: object({ signed: count, known: count }),
      }),
    ),
    description:
      'The largest signed checkpoint that the rows agree with. `key_source` `log`: the key was taken from the log itself.',
  },
  unanchored_rows: count,
  notes: list(text),
})

const emission: Schema = {
  ...object({
    boots: count,
    rows_emitted: count,
    rows_missing: count,
    gaps_total: count,
    gaps: list(
      object({
        boot_id: text,
        rows_emitted: count,
        rows_missing: count,
        stretches: list(object({ from_boot_seq: count, to_boot_seq: count })),
      }),
    ),
  }),
  description:
    'What processes emitted against what is stored, where everything was verified: a hole in the `boot_seq` of a `boot_id` is a row that ' +
    'was refused, is in quarantine or in a spool, or is stored elsewhere. Holes alone are no FAIL.',
}

/** Every schema that an endpoint's answer names, by name. */
export const answerSchemas: Readonly<Record<string, Schema>> = {
  completeness: {
    ...oneOf(['store', 'ring', 'store-degraded']),
    description:
      '`store`: durable and chained. `ring`: the newest rows in memory only. `store-degraded`: rows wait or were quarantined.',
  },
  auditRow: rowOf(
    'audit',
    {
      code: text,
      action: text,
      severity: oneOf(severities),
      domain: text,
      category: text,
      actor_kind: oneOf(actorKinds),
      method: text,
      outcome: oneOf(outcomes),
      retention_class: oneOf(retentionClasses),
      detail: { type: 'object' },
    },
    {
      actor: text,
      target: text,
      on_behalf_of: text,
      auth_method: text,
      session_id: text,
      target_kind: text,
      reason: text,
      change_ref: text,
      request_ref: text,
      call_ref: text,
      source,
      pii_in_detail: { const: true },
      sd: { type: 'object', additionalProperties: text },
    },
  ),
  sysRow: rowOf('sys', { level: oneOf(levels), event: text, fields: { type: 'object' } }, { logger: text }),
  apiRow: rowOf(
    'api',
    {
      method: text,
      path: text,
      status: { type: 'integer' },
      duration_us: count,
      duration_ms: count,
    },
    { route: text, bytes_in: count, bytes_out: count, actor: text, source, error: text },
  ),
  row: { oneOf: [ref('auditRow'), ref('sysRow'), ref('apiRow')] },
  expiredRow: {
    ...object({
      log: text,
      stream: oneOf(streams),
      monotonic_seq: count,
      hash: { type: 'string', pattern: '^[0-9a-f]{64}$' },
      verification: { const: 'expired' },
      swept_by: object({
        id: text,
        timestamp,
        monotonic_seq: count,
        class: text,
        policy_hash: text,
      }),
    }),
    description: 'What is left of a row whose content has expired, and the row that tells of it.',
  },
  rowOrExpired: { oneOf: [ref('row'), ref('expiredRow')] },
  auditPage: pageOf('audit'),
  sysPage: pageOf('sys'),
  apiPage: pageOf('api'),
  correlation: object({
    request_id: text,
    audit: list(ref('auditRow')),
    sys: list(ref('sysRow')),
    api: list(ref('apiRow')),
    counts: perStream(count),
    totals: perStream(orNull(count)),
    truncated: perStream({ type: 'boolean' }),
    completeness: perStream(ref('completeness')),
  }),
  thread: object({
    request_id: text,
    rows: list(ref('row')),
    counts: perStream(count),
    totals: perStream(orNull(count)),
    truncated: perStream({ type: 'boolean' }),
    completeness: perStream(ref('completeness')),
  }),
  searchResult: object(
    {
      matches: list(
        object({ stream: oneOf(streams), request_id: text, ts: timestamp, summary: text, row: ref('row') }),
      ),
      counts: someStreams(count),
      truncated: {
        ...someStreams({ type: 'boolean' }),
        description: 'True where more may match: the limit or the amount of work was reached.',
      },
      completeness: someStreams(ref('completeness')),
    },
    { errors: { ...someStreams(text), description: 'Streams that could not be read, and why.' } },
  ),
  topology: object({
    sources: list(
      object({
        source_node_id: text,
        service_id: text,
        tenant_id: orNull(text),
        rows: count,
        first_seen: text,
        last_seen: text,
      }),
    ),
    nodes: count,
    services: count,
    tenants: count,
  }),
  doctor: object({
    store: object({
      kind: text,
      reachable: { type: 'boolean' },
      rows: orNull(count),
      last_insert_at: orNull(text),
      last_error: orNull(text),
    }),
    queue: orNull({ type: 'object' }),
    transport: object({
      stdout_active: { type: 'boolean' },
      syslog_ring_depth: orNull(count),
      api_ring_depth: orNull(count),
    }),
    redactor: object({ active: { type: 'boolean' } }),
    init: orNull({ type: 'object' }),
    chain: object({
      verified: count,
      breaks: orNull(count),
      first_break_at: orNull({ type: 'integer' }),
      reason: orNull(text),
      last_verified_at: orNull(text),
    }),
  }),
  verdict: object(
    {
      verdict: oneOf(['PASS', 'FAIL', 'INCOMPLETE']),
      logs: list(logVerdict),
      rows_checked: count,
      rows_bad: count,
      rows_missing: count,
      verifier_version: text,
      notes: list(text),
    },
    { emission },
  ),
  logs: object({
    logs: list(
      object(
        { log: text, stream: oneOf(streams), size: count, head_hash: text },
        { shipped_size: count, shipped_at: text },
      ),
    ),
  }),
  csv: {
    type: 'string',
    description:
      'RFC 4180 with a header line. Text that a spreadsheet would run as a formula has an apostrophe in front.',
  },
  openapi: { type: 'object' },
  problem: object(
    { type: text, title: text, status: { type: 'integer' }, detail: text, code: text },
    { hint: text, errors: list(object({ parameter: text, code: text, detail: text })) },
  ),
}
