// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { auditColumns, columnsOf } from './columns.ts'
import type { AuditRow } from './row.ts'

const row: AuditRow = {
  canonical_form_id: '3',
  wire_version: '2',
  id: 'evt-01JD9Q2Z3V4X5Y6Z7A8B9C0DEF',
  boot_id: '0123456789abcdef',
  boot_seq: 7,
  timestamp: '2026-11-22T06:00:00.000000Z',
  service_id: 'gateway',
  source_node_id: 'node-1',
  request_id: 'a1b2c3d4e5f6',
  stream: 'audit',
  code: 'SETPOINT_WRITE',
  action: 'write',
  severity: 'info',
  domain: 'control',
  category: 'actuation',
  actor: 'ann',
  actor_kind: 'user',
  target: 'valve',
  method: 'http',
  outcome: 'success',
  retention_class: 'medium',
  pii_in_detail: true,
  detail: { after: 75.5 },
  log: '_/gateway/node-1/audit',
  monotonic_seq: 3,
  prev_hash: 'ab'.repeat(32),
}

it('columns are the named members, null where absent, true as 1', () => {
  const columns = columnsOf(row)
  assert.deepEqual(Object.keys(columns), [...auditColumns])
  assert.equal(columns['actor'], 'ann')
  assert.equal(columns['pii_in_detail'], 1)
  assert.equal(columns['tenant_id'], null)
  assert.equal('detail' in columns, false)
})
