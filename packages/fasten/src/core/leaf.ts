// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from './canonical.ts'
import type { ApiDraft, AuditDraft, Clean, Draft, JsonValue, SysDraft } from './row.ts'

/**
 * The canonical text of a draft with its place in a log still open: one U+0000 stands where `log`, where
 * `monotonic_seq` and where `prev_hash` will be. JSON text never holds a raw U+0000, so the three are unambiguous, and since
 * a member comes before and after each of them, what `chain` puts there always reads `,"log":"…"` and so on.
 *
 * Member names stand here in their sorted order, by hand: a row's shape is known, and nothing is sorted per row.
 * The nested values arrive from `redact` as fresh plain data in canonical order.
 * Source: spec/canonical.md#drafts.
 */
export function draftText(draft: Clean): string {
  if (draft.stream === 'audit') return auditText(draft)
  return draft.stream === 'sys' ? sysText(draft) : apiText(draft)
}

/** True when no object within has a name that starts with a digit; JavaScript would list such names first. */
export function keepsNativeOrder(value: JsonValue): boolean {
  if (typeof value !== 'object' || value === null) return true
  for (const name in value) {
    const first = name.charCodeAt(0)
    if (first >= 48 && first <= 57 && !Array.isArray(value)) return false
    if (!keepsNativeOrder((value as Readonly<Record<string, JsonValue>>)[name] ?? null)) return false
  }
  return true
}

function auditText(row: AuditDraft): string {
  let text = `{"action":${quote(row.action)},"actor":${quote(row.actor)},"actor_kind":${quote(row.actor_kind)}`
  if (row.auth_method !== undefined) text += `,"auth_method":${quote(row.auth_method)}`
  text += `,"boot_id":${quote(row.boot_id)},"boot_seq":${row.boot_seq}`
  if (row.call_ref !== undefined) text += `,"call_ref":${quote(row.call_ref)}`
  text += `,"canonical_form_id":"3","category":${quote(row.category)}`
  if (row.caused_by !== undefined) text += `,"caused_by":${quote(row.caused_by)}`
  if (row.change_ref !== undefined) text += `,"change_ref":${quote(row.change_ref)}`
  text += `,"code":${quote(row.code)},"detail":${nested(row.detail)},"domain":${quote(row.domain)},"id":${quote(row.id)}`
  if (row.inbound_request_id !== undefined) text += `,"inbound_request_id":${quote(row.inbound_request_id)}`
  text += `\0,"method":${quote(row.method)}\0`
  if (row.on_behalf_of !== undefined) text += `,"on_behalf_of":${quote(row.on_behalf_of)}`
  text += `,"outcome":${quote(row.outcome)}`
  if (row.pii_in_detail === true) text += ',"pii_in_detail":true'
  text += '\0'
  if (row.reason !== undefined) text += `,"reason":${quote(row.reason)}`
  text += `,"request_id":${quote(row.request_id)}`
  if (row.request_ref !== undefined) text += `,"request_ref":${quote(row.request_ref)}`
  text += `,"retention_class":${quote(row.retention_class)}`
  if (row.sd !== undefined) text += `,"sd":${nested(row.sd)}`
  text += `,"service_id":${quote(row.service_id)}`
  if (row.session_id !== undefined) text += `,"session_id":${quote(row.session_id)}`
  text += `,"severity":${quote(row.severity)}`
  if (row.source !== undefined) text += `,"source":${nested(row.source as JsonValue)}`
  text += `,"source_node_id":${quote(row.source_node_id)}`
  if (row.span_id !== undefined) text += `,"span_id":${quote(row.span_id)}`
  text += `,"stream":"audit","target":${quote(row.target)}`
  if (row.target_kind !== undefined) text += `,"target_kind":${quote(row.target_kind)}`
  return text + ending(row)
}

function sysText(row: SysDraft): string {
  let text = `{"boot_id":${quote(row.boot_id)},"boot_seq":${row.boot_seq},"canonical_form_id":"3"`
  if (row.caused_by !== undefined) text += `,"caused_by":${quote(row.caused_by)}`
  text += `,"event":${quote(row.event)},"fields":${nested(row.fields)},"id":${quote(row.id)}`
  if (row.inbound_request_id !== undefined) text += `,"inbound_request_id":${quote(row.inbound_request_id)}`
  text += `,"level":${quote(row.level)}\0`
  if (row.logger !== undefined) text += `,"logger":${quote(row.logger)}`
  text += `\0\0,"request_id":${quote(row.request_id)},"service_id":${quote(row.service_id)}`
  text += `,"source_node_id":${quote(row.source_node_id)}`
  if (row.span_id !== undefined) text += `,"span_id":${quote(row.span_id)}`
  return `${text},"stream":"sys"${ending(row)}`
}

function apiText(row: ApiDraft): string {
  let text = row.actor === undefined ? '{' : `{"actor":${quote(row.actor)},`
  text += `"boot_id":${quote(row.boot_id)},"boot_seq":${row.boot_seq}`
  if (row.bytes_in !== undefined) text += `,"bytes_in":${row.bytes_in}`
  if (row.bytes_out !== undefined) text += `,"bytes_out":${row.bytes_out}`
  text += ',"canonical_form_id":"3"'
  if (row.caused_by !== undefined) text += `,"caused_by":${quote(row.caused_by)}`
  text += `,"duration_us":${row.duration_us}`
  if (row.error !== undefined) text += `,"error":${quote(row.error)}`
  text += `,"id":${quote(row.id)}`
  if (row.inbound_request_id !== undefined) text += `,"inbound_request_id":${quote(row.inbound_request_id)}`
  text += `\0,"method":${quote(row.method)}\0,"path":${quote(row.path)}\0,"request_id":${quote(row.request_id)}`
  if (row.route !== undefined) text += `,"route":${quote(row.route)}`
  text += `,"service_id":${quote(row.service_id)}`
  if (row.source !== undefined) text += `,"source":${nested(row.source as JsonValue)}`
  text += `,"source_node_id":${quote(row.source_node_id)}`
  if (row.span_id !== undefined) text += `,"span_id":${quote(row.span_id)}`
  return `${text},"status":${row.status},"stream":"api"${ending(row)}`
}

/** The members that end every row, whichever its stream. */
function ending(row: Draft): string {
  let text = row.tenant_id === undefined ? '' : `,"tenant_id":${quote(row.tenant_id)}`
  text += `,"timestamp":${quote(row.timestamp)}`
  if (row.trace_id !== undefined) text += `,"trace_id":${quote(row.trace_id)}`
  return `${text},"wire_version":"2"}`
}

const needsEscape = /[^ !#-[\]-~]/

function quote(text: string): string {
  return needsEscape.test(text) ? canonicalize(text) : `"${text}"`
}

function nested(value: JsonValue): string {
  return keepsNativeOrder(value) ? JSON.stringify(value) : canonicalize(value)
}
