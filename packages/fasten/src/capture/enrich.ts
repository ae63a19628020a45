// SPDX-License-Identifier: Apache-2.0
import type { CodeMeta } from '../core/code.ts'
import type { UncleanAudit } from '../core/redact.ts'
import type { DraftEnvelope } from '../core/row.ts'
import type { RequestContext } from './context.ts'
import type { Event } from './event.ts'

type Writable<T> = { -readonly [M in keyof T]: T[M] }

/**
 * Fills every anchor that the caller left open: first from the request in progress, then from the code's registration, then by
 * the documented defaults (`actor` system, `method` sdk, `outcome` success). Cannot fail. `detail` is not judged yet: that is
 * `redact`'s work.
 */
export function enrich(
  event: Event,
  code: string,
  meta: CodeMeta,
  context: RequestContext | undefined,
  envelope: DraftEnvelope,
): UncleanAudit {
  const actor = event.actor ?? context?.actor
  const draft = { ...envelope } as Writable<UncleanAudit>
  draft.stream = 'audit'
  draft.code = code
  draft.action = meta.action
  draft.severity = event.severity ?? meta.severity
  draft.domain = meta.domain
  draft.category = meta.category
  draft.actor = actor ?? 'system'
  draft.actor_kind =
    event.actor_kind ??
    (event.actor === undefined ? context?.actor_kind : undefined) ??
    (actor === undefined ? 'system' : 'service')
  draft.target = event.target
  draft.method = event.method ?? context?.method ?? 'sdk'
  draft.outcome = event.outcome ?? 'success'
  draft.retention_class = meta.retention_class
  draft.detail = detailOf(event)
  const onBehalfOf = event.on_behalf_of ?? context?.on_behalf_of
  if (onBehalfOf !== undefined) draft.on_behalf_of = onBehalfOf
  const authMethod = event.auth_method ?? context?.auth_method
  if (authMethod !== undefined) draft.auth_method = authMethod
  const session = event.session_id ?? context?.session_id
  if (session !== undefined) draft.session_id = session
  const source = event.source ?? context?.source
  if (source !== undefined) draft.source = source
  if (event.target_kind !== undefined) draft.target_kind = event.target_kind
  if (event.reason !== undefined) draft.reason = event.reason
  if (event.change_ref !== undefined) draft.change_ref = event.change_ref
  if (event.request_ref !== undefined) draft.request_ref = event.request_ref
  if (event.call_ref !== undefined) draft.call_ref = event.call_ref
  if (event.caused_by !== undefined) draft.caused_by = event.caused_by
  return draft
}

function detailOf({ detail, corrected }: Event): unknown {
  if (corrected === undefined) return detail ?? {}
  const isObject = typeof detail === 'object' && detail !== null && !Array.isArray(detail)
  return { ...(isObject ? detail : { value: detail }), _corrected: corrected }
}
