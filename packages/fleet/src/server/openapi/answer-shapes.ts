// SPDX-License-Identifier: Apache-2.0
// What answers are made of: the things that a fleet keeps, as its routes show them. Members may become more.
import { z } from 'zod'
import { tenantScope } from '../../access/scope-schema.ts'
import { alarmKinds } from '../../nodes/alarms/alarm.ts'
import { permissions, roles } from '../../web/principal.ts'

export const text = z.string()
export const time = z.string().meta({ description: 'RFC 3339' })
export const count = z.int().min(0)
export const number = z.number()
export const codes = z.array(text).optional()

export const user = z.object({
  user_id: text,
  name: text,
  from: text,
  groups: z.array(text),
  created_at: time,
  last_login_at: time.nullable(),
  locked_at: time.nullable(),
})
export const withPassword = user.extend({ one_time_password: text.optional() })
export const grant = z.object({
  grant_id: text,
  to: text,
  role: z.enum(roles),
  tenants: tenantScope,
  codes,
  created_at: time,
  created_by: text,
  expires_at: time.nullable(),
})
export const apiKey = z.object({
  key_id: text,
  name: text,
  permissions: z.array(z.enum(permissions)),
  tenants: tenantScope,
  codes,
  created_by: text,
  created_at: time,
  expires_at: time,
  last_used_at: time.nullable(),
  revoked_at: time.nullable(),
})
export const session = z.object({
  session_id: text,
  user: text,
  auth_method: text,
  created_at: time,
  last_seen_at: time,
  expires_at: time,
  address: text.nullable(),
  user_agent: text.nullable(),
  is_own: z.boolean(),
})
export const token = z.object({
  token_id: text,
  source_node_id: text.nullable(),
  service_id: text.nullable(),
  tenants: tenantScope,
  uses: count,
  uses_max: count,
  created_at: time,
  created_by: text,
  expires_at: time,
  revoked_at: time.nullable(),
})
export const node = z.object({
  node_id: text,
  source_node_id: text,
  service_id: text.nullable(),
  tenants: tenantScope,
  software: text.nullable(),
  enrolled_at: time,
  revoked_at: time.nullable(),
  last_seen_at: time.nullable(),
  silent_after_s: count,
  needs_certificate: z.boolean(),
  clock: z.object({ offset_ms: number, bound_ms: number.nullable(), said_at: time }).nullable(),
  spool: z.object({ rows: count, bytes: count, bytes_max: count.nullable() }).nullable(),
  lag: z.object({ rows: count, seconds: number }),
  chain: z.enum(['forked', 'rolled_back', 'refused', 'silent', 'pass', 'empty']),
  alarms: z.array(z.enum(alarmKinds)),
  logs: z.array(
    z.object({
      log: text,
      node_size: count.nullable(),
      size: count,
      signed_size: count,
      lag_rows: count,
      lag_seconds: number,
      chain: z.enum(['pass', 'forked', 'empty']),
    }),
  ),
})
export const wholeNode = node.extend({ keys: z.array(z.looseObject({})) })
export const alarm = z.object({
  alarm_id: count,
  kind: z.enum(alarmKinds),
  subject: text,
  node_id: text.nullable(),
  raised_at: time,
  cleared_at: time.nullable(),
  acknowledged_at: time.nullable(),
  acknowledged_by: text.nullable(),
  note: text.nullable(),
  detail: z.looseObject({ message: text }),
})
export const source = z.looseObject({ source_id: text, kind: text, name: text, service_id: text })
export const hold = z.object({
  hold_id: text,
  rows: z.looseObject({}),
  reason: text,
  placed_by: text,
  placed_at: time,
  released_at: time.nullable(),
  released_by: text.nullable(),
})
export const group = z.looseObject({ group: z.record(text, text), requests: count })
export const credential = z.object({ node_id: text, credential: text })
export const place = z.object({ size: count, head_hash: text, signed_size: count })
