// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from './canonical.ts'
import type { ApiDraft, AuditDraft, Clean, DraftEnvelope, JsonObject, Source, SysDraft } from './row.ts'

/**
 * The canonical text of a draft with its place in a log still open: one U+0000 stands where `log`, where
 * `monotonic_seq` and where `prev_hash` will be. JSON text never holds a raw U+0000, so the three are unambiguous, and since
 * a member comes before and after each of them, what `chain` puts there always reads `,"log":"…"` and so on.
 *
 * Nothing is sorted here: the shape of a row is known, and its names stand below in their order. The nested values come from
 * `redact`: fresh plain data, names already in order. Whatever repeats from row to row (see `AuditFrame`) is quoted once and
 * then reused; `id` and `timestamp` are minted by us and need no quoting.
 * Source: spec/canonical.md#drafts.
 *
 * Why so: joining is what costs. A row of 550 bytes, written out as UTF-8, took 1,750 ns with every member quoted and joined
 * by itself, 1,330 as one JSON.stringify, and takes 960 this way, 300 of them for `detail` (Node.js 24.21, 2 cores, 2026-11).
 */
export function draftText(draft: Clean): string {
  if (draft.stream === 'audit') return auditText(draft)
  return draft.stream === 'sys' ? sysText(draft) : apiText(draft)
}

/**
 * True when `JSON.stringify` lists the members of `value` in the order they were put in: no name within starts with a digit,
 * as the names that JavaScript lists first do.
 */
export function keepsInsertionOrder(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) {
    for (const item of value) if (!keepsInsertionOrder(item)) return false
    return true
  }
  for (const name in value) {
    const first = name.charCodeAt(0)
    if (first >= 48 && first <= 57) return false
    const member = (value as JsonObject)[name]
    if (typeof member === 'object' && !keepsInsertionOrder(member)) return false
  }
  return true
}

function auditText(row: AuditDraft): string {
  const frame = frameOf(row)
  // An actor or target that is personal is not in the leaf: `sd` commits to it.
  const actor = row.actor === undefined ? frame.startOnly : frame.start + quote(row.actor)
  let text = `${actor + frame.actorToSeq}${row.boot_seq}`
  if (row.call_ref !== undefined) text += `,"call_ref":${quote(row.call_ref)}`
  if (row.caused_by === undefined && row.change_ref === undefined) text += frame.formToDetail
  else {
    text += frame.formToCategory
    if (row.caused_by !== undefined) text += `,"caused_by":${quote(row.caused_by)}`
    if (row.change_ref !== undefined) text += `,"change_ref":${quote(row.change_ref)}`
    text += frame.codeToDetail
  }
  text += nested(row.detail) + frame.domainToId + row.id
  if (row.inbound_request_id === undefined && row.on_behalf_of === undefined) text += frame.idToOutcome
  else {
    text += '"'
    if (row.inbound_request_id !== undefined) text += `,"inbound_request_id":${quote(row.inbound_request_id)}`
    text += frame.method
    if (row.on_behalf_of !== undefined) text += `,"on_behalf_of":${quote(row.on_behalf_of)}`
    text += frame.outcome
  }
  if (row.reason !== undefined) text += `,"reason":${quote(row.reason)}`
  text += `,"request_id":${quote(row.request_id)}`
  if (row.request_ref !== undefined) text += `,"request_ref":${quote(row.request_ref)}`
  if (row.sd === undefined && row.session_id === undefined) text += frame.classToSeverity
  else {
    text += frame.retentionClass
    if (row.sd !== undefined) text += `,"sd":${nested(row.sd)}`
    text += frame.service
    if (row.session_id !== undefined) text += `,"session_id":${quote(row.session_id)}`
    text += frame.severity
  }
  if (row.source !== undefined) text += sourceMember(row.source)
  text += frame.node
  if (row.span_id !== undefined) text += `,"span_id":${quote(row.span_id)}`
  text += row.target === undefined ? ',"stream":"audit"' : `,"stream":"audit","target":${quote(row.target)}`
  if (row.target_kind !== undefined) text += `,"target_kind":${quote(row.target_kind)}`
  return text + ending(row)
}

function sysText(row: SysDraft): string {
  const here = processOf(row)
  let text = `${here.start}${row.boot_seq},"canonical_form_id":"3"`
  if (row.caused_by !== undefined) text += `,"caused_by":${quote(row.caused_by)}`
  text += `,"event":${quote(row.event)},"fields":${nested(row.fields)},"id":"${row.id}"`
  if (row.inbound_request_id !== undefined) text += `,"inbound_request_id":${quote(row.inbound_request_id)}`
  text += `,"level":${quote(row.level)}\0`
  if (row.logger !== undefined) text += `,"logger":${quote(row.logger)}`
  text += `\0\0,"request_id":${quote(row.request_id)}${here.service}${here.node}`
  if (row.span_id !== undefined) text += `,"span_id":${quote(row.span_id)}`
  return `${text},"stream":"sys"${ending(row)}`
}

function apiText(row: ApiDraft): string {
  const here = processOf(row)
  let text = row.actor === undefined ? here.start : `{"actor":${quote(row.actor)}${here.continued}`
  text += row.boot_seq
  if (row.bytes_in !== undefined) text += `,"bytes_in":${row.bytes_in}`
  if (row.bytes_out !== undefined) text += `,"bytes_out":${row.bytes_out}`
  text += ',"canonical_form_id":"3"'
  if (row.caused_by !== undefined) text += `,"caused_by":${quote(row.caused_by)}`
  if (row.detail !== undefined) text += `,"detail":${nested(row.detail)}`
  text += `,"duration_us":${row.duration_us}`
  if (row.error !== undefined) text += `,"error":${quote(row.error)}`
  text += `,"id":"${row.id}"`
  if (row.inbound_request_id !== undefined) text += `,"inbound_request_id":${quote(row.inbound_request_id)}`
  text += `\0,"method":${quote(row.method)}\0,"path":${quote(row.path)}\0,"request_id":${quote(row.request_id)}`
  if (row.route !== undefined) text += `,"route":${quote(row.route)}`
  text += here.service
  if (row.source !== undefined) text += sourceMember(row.source)
  text += here.node
  if (row.span_id !== undefined) text += `,"span_id":${quote(row.span_id)}`
  return `${text},"status":${row.status},"stream":"api"${ending(row)}`
}

/** The members that end every row, whichever its stream. */
function ending(row: DraftEnvelope): string {
  const tenant =
    row.tenant_id === undefined ? ',"timestamp":"' : `,"tenant_id":${quote(row.tenant_id)},"timestamp":"`
  const trace =
    row.trace_id === undefined
      ? '","wire_version":"2"}'
      : `","trace_id":${quote(row.trace_id)},"wire_version":"2"}`
  return tenant + row.timestamp + trace
}

function sourceMember({ device, ip, user_agent }: Source): string {
  let text = ''
  if (device !== undefined) text += `,"device":${quote(device)}`
  if (ip !== undefined) text += `,"ip":${quote(ip)}`
  if (user_agent !== undefined) text += `,"user_agent":${quote(user_agent)}`
  return `,"source":{${text.slice(1)}}`
}

const needsEscape = /[^ !#-[\]-~]/

/** Half of a surrogate pair becomes U+FFFD: redaction leaves none, but it does not search names of services and tenants. */
function quote(text: string): string {
  return needsEscape.test(text) ? JSON.stringify(text.toWellFormed()) : `"${text}"`
}

function nested(value: JsonObject): string {
  return keepsInsertionOrder(value) ? JSON.stringify(value) : canonicalize(value)
}

/** The texts of the members that stay the same for all rows of a process. */
interface ProcessFrame {
  readonly boot_id: string
  readonly service_id: string
  readonly source_node_id: string
  readonly start: string
  readonly continued: string
  readonly service: string
  readonly node: string
}

let latestProcess: ProcessFrame | undefined

function processOf(row: DraftEnvelope): ProcessFrame {
  const { boot_id, service_id, source_node_id } = row
  const frame = latestProcess
  if (
    frame?.boot_id === boot_id &&
    frame.service_id === service_id &&
    frame.source_node_id === source_node_id
  )
    return frame
  const boot = `"boot_id":${quote(boot_id)},"boot_seq":`
  latestProcess = {
    boot_id,
    service_id,
    source_node_id,
    start: `{${boot}`,
    continued: `,${boot}`,
    service: `,"service_id":${quote(service_id)}`,
    node: `,"source_node_id":${quote(source_node_id)}`,
  }
  return latestProcess
}

/** The texts of the members that most audit rows of one code share, and the values those texts stand for. */
interface AuditFrame {
  readonly of: AuditDraft
  readonly start: string
  readonly startOnly: string
  readonly actorToSeq: string
  readonly formToCategory: string
  readonly codeToDetail: string
  readonly formToDetail: string
  readonly domainToId: string
  readonly method: string
  readonly outcome: string
  readonly idToOutcome: string
  readonly retentionClass: string
  readonly service: string
  readonly severity: string
  readonly classToSeverity: string
  readonly node: string
}

const framesByCode = new Map<string, AuditFrame[]>()
/** Codes are registered and few; a caller with countless codes pays for quoting, not with memory. */
const codesMax = 2_000
/** Rows of one code differ in outcome, method and kind of actor: success and failure, people and services. */
const framesPerCodeMax = 8

function frameOf(row: AuditDraft): AuditFrame {
  let frames = framesByCode.get(row.code)
  if (frames === undefined) {
    if (framesByCode.size >= codesMax) framesByCode.clear()
    frames = []
    framesByCode.set(row.code, frames)
  }
  for (const frame of frames) if (fits(frame.of, row)) return frame
  const frame = buildFrame(row)
  if (frames.length >= framesPerCodeMax) frames.length = 0
  frames.push(frame)
  return frame
}

function fits(a: AuditDraft, b: AuditDraft): boolean {
  return (
    a.action === b.action &&
    a.actor_kind === b.actor_kind &&
    a.auth_method === b.auth_method &&
    a.boot_id === b.boot_id &&
    a.category === b.category &&
    a.domain === b.domain &&
    a.method === b.method &&
    a.outcome === b.outcome &&
    a.pii_in_detail === b.pii_in_detail &&
    a.retention_class === b.retention_class &&
    a.service_id === b.service_id &&
    a.severity === b.severity &&
    a.source_node_id === b.source_node_id
  )
}

function buildFrame(row: AuditDraft): AuditFrame {
  const auth = row.auth_method === undefined ? '' : `,"auth_method":${quote(row.auth_method)}`
  const formToCategory = `,"canonical_form_id":"3","category":${quote(row.category)}`
  const codeToDetail = `,"code":${quote(row.code)},"detail":`
  const method = `\0,"method":${quote(row.method)}\0`
  const outcome = `,"outcome":${quote(row.outcome)}${row.pii_in_detail === true ? ',"pii_in_detail":true' : ''}\0`
  const retentionClass = `,"retention_class":${quote(row.retention_class)}`
  const service = `,"service_id":${quote(row.service_id)}`
  const severity = `,"severity":${quote(row.severity)}`
  return {
    of: row,
    start: flat(`{"action":${quote(row.action)},"actor":`),
    startOnly: flat(`{"action":${quote(row.action)}`),
    actorToSeq: flat(
      `,"actor_kind":${quote(row.actor_kind)}${auth},"boot_id":${quote(row.boot_id)},"boot_seq":`,
    ),
    formToCategory,
    codeToDetail,
    formToDetail: flat(formToCategory + codeToDetail),
    domainToId: flat(`,"domain":${quote(row.domain)},"id":"`),
    method,
    outcome,
    idToOutcome: flat(`"${method}${outcome}`),
    retentionClass,
    service,
    severity,
    classToSeverity: flat(retentionClass + service + severity),
    node: flat(`,"source_node_id":${quote(row.source_node_id)}`),
  }
}

/** The same text as one run of characters; engines keep a joined text as a tree until somebody reads it. */
function flat(text: string): string {
  needsEscape.test(text)
  return text
}
