// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from './row.ts'

/** Every member that a row of a stream can have, in canonical order, which is the order of the row's text. */
export const memberNames: Readonly<Record<StreamName, readonly string[]>> = {
  audit: [
    'action', 'actor', 'actor_kind', 'auth_method', 'boot_id', 'boot_seq', 'call_ref', 'canonical_form_id', 'category',
    'caused_by', 'change_ref', 'code', 'detail', 'domain', 'id', 'inbound_request_id', 'log', 'method', 'monotonic_seq',
    'on_behalf_of', 'outcome', 'pii_in_detail', 'prev_hash', 'reason', 'request_id', 'request_ref', 'retention_class', 'sd',
    'service_id', 'session_id', 'severity', 'source', 'source_node_id', 'span_id', 'stream', 'target', 'target_kind',
    'tenant_id', 'timestamp', 'trace_id', 'wire_version',
  ],
  sys: [
    'boot_id', 'boot_seq', 'canonical_form_id', 'caused_by', 'event', 'fields', 'id', 'inbound_request_id', 'level', 'log',
    'logger', 'monotonic_seq', 'prev_hash', 'request_id', 'service_id', 'source_node_id', 'span_id', 'stream', 'tenant_id',
    'timestamp', 'trace_id', 'wire_version',
  ],
  api: [
    'actor', 'boot_id', 'boot_seq', 'bytes_in', 'bytes_out', 'canonical_form_id', 'caused_by', 'duration_us', 'error', 'id',
    'inbound_request_id', 'log', 'method', 'monotonic_seq', 'path', 'prev_hash', 'request_id', 'route', 'service_id',
    'source', 'source_node_id', 'span_id', 'status', 'stream', 'tenant_id', 'timestamp', 'trace_id', 'wire_version',
  ],
}
