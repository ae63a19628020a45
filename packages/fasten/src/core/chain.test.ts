// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { canonicalize } from './canonical.ts'
import { chain, genesis, leafBytesMax, leafHash, type Head } from './chain.ts'
import { FastenError } from './error.ts'
import { draftText } from './leaf.ts'
import type { ApiDraft, AuditDraft, Clean, Draft, JsonValue, SysDraft } from './row.ts'

const digest = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const empty: Head = { log: '_/gateway/node-1/audit', size: 0, head_hash: genesis }

const envelope = {
  canonical_form_id: '3',
  wire_version: '2',
  id: 'evt-01JD9Q2Z3V4X5Y6Z7A8B9C0DEF',
  boot_id: '0123456789abcdef',
  boot_seq: 7,
  timestamp: '2026-11-22T06:00:00.000000Z',
  service_id: 'gateway',
  source_node_id: 'node-1',
  request_id: 'a1b2c3d4e5f6',
} as const
const optional = {
  tenant_id: 'tenant-x',
  inbound_request_id: 'boot-\\u{1f600}',
  trace_id: '0'.repeat(31) + '1',
  span_id: '0'.repeat(15) + '1',
  caused_by: 'evt-01JD9Q2Z3V4X5Y6Z7A8B9C0DEE',
} as const
const audit: AuditDraft = {
  ...envelope,
  stream: 'audit',
  code: 'SETPOINT_WRITE',
  action: 'write',
  severity: 'info',
  domain: 'control',
  category: 'actuation',
  actor: 'ann "the" \u{1f600}\u007f',
  actor_kind: 'user',
  target: 'valve\n\u2028',
  method: 'http',
  outcome: 'success',
  retention_class: 'medium',
  detail: { after: 75.5, before: 1e21, '9': 'x', '10': 'y', tiny: 1e-7 },
}
const fullAudit: AuditDraft = {
  ...audit,
  ...optional,
  on_behalf_of: 'bob',
  auth_method: 'mfa',
  session_id: 's-1',
  target_kind: 'valve',
  reason: 'planned',
  change_ref: 'CHG-1',
  request_ref: 'REQ-1',
  call_ref: 'call-1',
  source: { device: 'd', ip: '::1', user_agent: 'x' },
  pii_in_detail: true,
  sd: { '/detail/email': 'bIV-s9DKn6KESBKBsTLwyxJLyXstyBSpLrwRUKzn_EM' },
}
const sys: SysDraft = { ...envelope, stream: 'sys', level: 'info', event: 'started', fields: {} }
const api: ApiDraft = {
  ...envelope,
  stream: 'api',
  method: 'GET',
  path: '/users/1',
  status: 200,
  duration_us: 1234,
}
const drafts: readonly Draft[] = [
  audit,
  fullAudit,
  sys,
  { ...sys, ...optional, logger: 'db', fields: { a: [1, null, { b: true }] } },
  api,
  {
    ...api,
    ...optional,
    actor: 'ann',
    bytes_in: 0,
    bytes_out: 5,
    error: 'aborted',
    route: '/users/:id',
    source: { ip: '1.2.3.4' },
  },
]

describe('chain', () => {
  it('turns every draft into the canonical text of its row', () => {
    for (const draft of drafts) {
      const head: Head = { log: `_/gateway/node-1/${draft.stream}`, size: 41, head_hash: 'ab'.repeat(32) }
      const { leaf, hash: rowHash, head: next } = chain(encode(draftText(draft as Clean)), head, digest)
      const row = { ...draft, log: head.log, monotonic_seq: 41, prev_hash: head.head_hash }
      assert.equal(new TextDecoder().decode(leaf), canonicalize(row as unknown as JsonValue))
      assert.equal(rowHash, digest(encode(`\0${canonicalize(row as unknown as JsonValue)}`)))
      assert.equal(leafHash(leaf, digest), rowHash)
      assert.deepEqual(next, { log: head.log, size: 42, head_hash: rowHash })
    }
  })

  it('begins a log at genesis with sequence 0', () => {
    const { leaf } = chain(encode(draftText(audit as Clean)), empty, digest)
    assert.match(new TextDecoder().decode(leaf), /"monotonic_seq":0,.*"prev_hash":"genesis"/)
  })

  for (const [name, text] of [
    ['nothing', ''],
    ['no opening', '{"a":1}'],
    ['two openings', '{"a":1\0,"b":2\0,"c":3}'],
    ['four openings', '{"a":1\0\0\0\0,"c":3}'],
    ['text before the object', 'x{"a":1\0\0\0,"c":3}'],
    ['a cut end', '{"a":1\0\0\0,"c":3'],
    ['nothing after the openings', '{"a":1\0\0\0}'],
  ] as const) {
    it(`refuses a draft with ${name}`, () => {
      assert.throws(
        () => chain(encode(text), empty, digest),
        (error) => error instanceof FastenError && error.code === 'DRAFT_MALFORMED',
      )
    })
  }

  it('takes a leaf of the largest size and refuses one byte more', () => {
    const room =
      leafBytesMax - chain(encode(draftText({ ...audit, reason: '' } as Clean)), empty, digest).leaf.length
    const fill = (count: number): Uint8Array =>
      encode(draftText({ ...audit, reason: 'x'.repeat(count) } as Clean))
    assert.equal(chain(fill(room), empty, digest).leaf.length, leafBytesMax)
    assert.throws(
      () => chain(fill(room + 1), empty, digest),
      (error) => error instanceof FastenError && error.code === 'ROW_TOO_LARGE',
    )
  })
})
