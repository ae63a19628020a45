// SPDX-License-Identifier: Apache-2.0
/**
 * The waist of the product: one row type per stream, exactly as it rests on disk and crosses the wire.
 * Source: spec/row.md. Absent optional members are omitted, never null.
 */

export const streams = ['audit', 'sys', 'api'] as const
export type StreamName = (typeof streams)[number]

export const severities = ['debug', 'info', 'warn', 'error', 'critical'] as const
export type Severity = (typeof severities)[number]

export const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof levels)[number]

export const actorKinds = ['user', 'admin', 'service', 'system', 'scheduler', 'agent'] as const
export type ActorKind = (typeof actorKinds)[number]

export const outcomes = ['success', 'failure', 'denied', 'unknown'] as const
export type Outcome = (typeof outcomes)[number]

/** How an audited action arrived. Applications may register more; these are known everywhere. */
export const methods = [
  'http',
  'mqtt',
  'cli',
  'scheduler',
  'ui',
  'agent_tool',
  'queue',
  'grpc',
  'sdk',
] as const
export type Method = (typeof methods)[number] | (string & {})

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }
export type JsonObject = { readonly [key: string]: JsonValue }

/** Where a request came from. `ip` is the client behind trusted proxies only. */
export interface Source {
  readonly ip?: string
  readonly user_agent?: string
  readonly device?: string
}

/** What `emit` knows: everything but the place in a log. */
export interface DraftEnvelope {
  readonly canonical_form_id: '3'
  readonly wire_version: '2'
  /** `evt-` + ULID, 26 upper-case Crockford characters. */
  readonly id: string
  /** 16 lower-case hex characters, random per process start. */
  readonly boot_id: string
  /** Counts from 0 in each process across all streams and tenants; a hole is a row that was emitted and never stored. */
  readonly boot_seq: number
  /** UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`, always 27 characters. */
  readonly timestamp: string
  readonly service_id: string
  readonly source_node_id: string
  readonly tenant_id?: string
  readonly request_id: string
  readonly inbound_request_id?: string
  /** W3C, 32 lower-case hex. */
  readonly trace_id?: string
  /** W3C, 16 lower-case hex. */
  readonly span_id?: string
  /** Id of the row that caused this one. */
  readonly caused_by?: string
}

/** What the insert transaction adds. */
export interface Place {
  /** `<tenant>/<service>/<node>/<stream>`, percent-encoded parts; see `log-name.ts`. */
  readonly log: string
  /** Position in its log, from 0, without holes. */
  readonly monotonic_seq: number
  /** `genesis` for row 0, else the predecessor's hash: 64 lower-case hex. */
  readonly prev_hash: string
}

/**
 * What a fleet says of a row that it sealed when it arrived from a service without our shipper: its log proves that the row came, when, and that it
 * was not changed since; what happened at the source it does not prove. Source: spec/row.md#rows-sealed-on-arrival.
 */
export interface Origin {
  /** Canonical timestamp by the fleet's clock. */
  readonly arrived_at: string
  /** The fleet's id of the source. */
  readonly source: string
  readonly kind: string
  /**
   * What of the source's own evidence held when the row came: `linked`, its hash and its link to the row before; `hashed`, its hash; `none`, there is
   * nothing to check; `broken`, there is and it did not hold.
   */
  readonly proof: 'linked' | 'hashed' | 'none' | 'broken'
  /** The place and identity that the row had there, as far as it had one. */
  readonly id?: string
  readonly log?: string
  readonly monotonic_seq?: number
  readonly prev_hash?: string
  readonly hash?: string
  readonly canonical_form_id?: string
  readonly service_id?: string
  readonly source_node_id?: string
  readonly boot_id?: string
  readonly boot_seq?: number
}

/** Only in rows that were sealed on arrival. */
export interface Arrival {
  readonly origin?: Origin
}

export interface AuditMembers {
  readonly stream: 'audit'
  readonly code: string
  readonly action: string
  readonly severity: Severity
  readonly domain: string
  readonly category: string
  /** Always there, unless it was declared personal: then `sd` commits to it. */
  readonly actor?: string
  readonly actor_kind: ActorKind
  readonly on_behalf_of?: string
  readonly auth_method?: string
  readonly session_id?: string
  /** Always there, perhaps empty, unless it was declared personal: then `sd` commits to it. */
  readonly target?: string
  readonly target_kind?: string
  readonly method: Method
  readonly outcome: Outcome
  readonly reason?: string
  readonly change_ref?: string
  readonly request_ref?: string
  readonly call_ref?: string
  readonly source?: Source
  readonly retention_class: RetentionClass
  readonly pii_in_detail?: true
  readonly detail: JsonObject
  /** Commitments to erasable members: JSON pointer → base64url SHA-256. */
  readonly sd?: { readonly [pointer: string]: string }
}

export interface SysMembers {
  readonly stream: 'sys'
  readonly level: Level
  readonly event: string
  readonly logger?: string
  readonly fields: JsonObject
}

export interface ApiMembers {
  readonly stream: 'api'
  /** HTTP verb, or what happened to a message; upper case. */
  readonly method: string
  /** Without the query string. */
  readonly path: string
  /** The pattern that matched, e.g. `/users/:id`. */
  readonly route?: string
  /** HTTP status; 499 when the client went away before an answer. */
  readonly status: number
  readonly duration_us: number
  readonly bytes_in?: number
  readonly bytes_out?: number
  readonly actor?: string
  readonly source?: Source
  /** Code or class of what went wrong, e.g. `aborted` or `TypeError`. */
  readonly error?: string
  /** Only in rows that the store itself writes: what it did (spec/row.md#rows-of-the-store). */
  readonly detail?: JsonObject
}

export const retentionClasses = ['short', 'medium', 'long', 'regulated', 'permanent'] as const
export type RetentionClass = (typeof retentionClasses)[number]

/** Complete but for its place in a log. The stage brands below say how far one has come. */
export type AuditDraft = DraftEnvelope & AuditMembers
export type SysDraft = DraftEnvelope & SysMembers
export type ApiDraft = DraftEnvelope & ApiMembers
export type Draft = AuditDraft | SysDraft | ApiDraft

declare const clean: unique symbol
/** A draft that went through `redact`; nothing else can make one. */
export type Clean<D extends Draft = Draft> = D & { readonly [clean]: true }

/** A stored row, as parsed from its leaf. */
export type AuditRow = AuditDraft & Place & Arrival
export type SysRow = SysDraft & Place & Arrival
export type ApiRow = ApiDraft & Place & Arrival
export type Row = AuditRow | SysRow | ApiRow

/**
 * How much a reader may trust a row.
 * `chained`: stored with a hash that was not recomputed by this answer. `verified`: leaf, hash and link to the
 * predecessor were recomputed. `broken`: they were and do not hold. `ring`: lived only in memory, never hashed.
 */
export type VerificationState = 'chained' | 'verified' | 'broken' | 'ring'
