// SPDX-License-Identifier: Apache-2.0
import { builtinCodes, builtinDomain, type BuiltinCode } from '../core/builtin-codes.ts'
import type { CodeMetaInput } from '../core/code-meta.ts'
import { ownBootPrefix } from '../core/emission.ts'
import { createRowIdMint, type IdSource } from '../core/ids.ts'
import { draftText } from '../core/leaf.ts'
import type { Clock } from '../core/clock.ts'
import type { LogParts } from '../core/log-name.ts'
import type { Clean, Draft, DraftEnvelope, JsonObject, Severity } from '../core/row.ts'
import { formatMicros } from '../core/timestamp.ts'

export interface Software {
  readonly name: string
  readonly version: string
}

/** The log that this one continues instead of, and what was wrong with it. */
export interface PreviousLog {
  readonly log: string
  /** What this process had stored there. */
  readonly size: number
  readonly head_hash: string
  readonly reason: LogEnd
}

/**
 * Why a log is not continued. `log_missing`: it is not in the store any more. `rolled_back`: it is shorter than this process
 * left it. `diverged`: it holds other rows than this process stored. `tail_missing`: its newest row is not there.
 * `tail_changed`: its newest row is not the one that its head names. `rows_beyond_head`: it holds rows that its head does not count.
 */
export type LogEnd =
  | 'log_missing'
  | 'rolled_back'
  | 'diverged'
  | 'tail_missing'
  | 'tail_changed'
  | 'rows_beyond_head'

/** Something a store says about one of its logs, in that log. */
export interface OwnRow {
  /** Registered in core/builtin-codes.ts, which gives severity, action and category unless said otherwise here. */
  readonly code: BuiltinCode
  /** Names in canonical order; nothing personal, nothing secret: it is kept for ever. */
  readonly facts: JsonObject
  /** What it was done to. Default: the log itself. */
  readonly target?: string
  readonly target_kind?: string
  /** Who asked for it, where somebody did. Default: the software. */
  readonly actor?: string
  readonly severity?: Severity
  readonly reason?: string
}

/** Writes the texts of the rows that a store itself appends. */
export interface OwnRows {
  /** Row 0 of `log`: which software opened it, `facts` such as the log's key, and, if so, which log it replaces. */
  logCreated(parts: LogParts, log: string, previous: PreviousLog | undefined, facts?: JsonObject): Uint8Array
  /** Any other row, for the end of `log`. */
  row(parts: LogParts, log: string, own: OwnRow): Uint8Array
}

/**
 * A store speaks in its own name: its `boot_id` begins with eight zeros, so that nobody counts its rows among those that a
 * process emitted, and a transaction that is rolled back leaves no hole in anybody's count (spec/chain.md#emission).
 *
 * Each stream tells a deed in its own shape. audit: `code` and `detail`. sys: `event` and `fields`. api: `POST /<CODE>`, answered
 * 201, with the facts in `detail`, which no other api row has. Source: spec/row.md#rows-of-the-store.
 */
export function createOwnRows({
  clock,
  ids,
  software,
}: {
  readonly clock: Clock
  readonly ids: IdSource
  readonly software: Software
}): OwnRows {
  const mintId = createRowIdMint(ids)
  const boot_id = ownBootPrefix + ids.randomHex(4)
  let boot_seq = 0

  function row(parts: LogParts, log: string, own: OwnRow): Uint8Array {
    const micros = clock.nowMicros()
    const envelope: DraftEnvelope = {
      canonical_form_id: '3',
      wire_version: '2',
      id: mintId(micros),
      boot_id,
      boot_seq: boot_seq++,
      timestamp: formatMicros(micros),
      service_id: parts.service_id,
      source_node_id: parts.source_node_id,
      ...(parts.tenant_id === undefined ? {} : { tenant_id: parts.tenant_id }),
      request_id: `lib-${ids.randomHex(6)}`,
    }
    // Clean by construction: nothing in it comes from a caller's event.
    return encoder.encode(draftText(draftOf(envelope, parts, log, own, software) as Clean))
  }

  return {
    row,
    logCreated: (parts, log, previous, facts = {}) =>
      row(parts, log, {
        code: 'LOG_CREATED',
        facts: sorted({
          ...facts,
          ...(previous === undefined ? {} : { previous_log: sorted({ ...previous }) }),
          software: software.name,
          version: software.version,
        }),
        ...(previous === undefined
          ? {}
          : { severity: 'critical', reason: `${previous.log} is not continued: ${previous.reason}` }),
      }),
  }
}

function draftOf(
  envelope: DraftEnvelope,
  { stream }: LogParts,
  log: string,
  own: OwnRow,
  software: Software,
): Draft {
  const meta: CodeMetaInput = builtinCodes[own.code]
  const severity = own.severity ?? meta.severity ?? 'info'
  if (stream === 'sys') {
    const level = severity === 'critical' ? 'error' : severity
    return { ...envelope, stream, level, event: own.code, logger: builtinDomain, fields: own.facts }
  }
  if (stream === 'api') {
    return {
      ...envelope,
      stream,
      method: 'POST',
      path: `/${own.code}`,
      status: 201,
      detail: own.facts,
      duration_us: 0,
      source: { user_agent: `${software.name}/${software.version}` },
      ...(own.actor === undefined ? {} : { actor: own.actor }),
      ...(own.reason === undefined ? {} : { error: own.reason }),
    }
  }
  return {
    ...envelope,
    stream,
    code: own.code,
    action: meta.action ?? own.code.toLowerCase(),
    severity,
    domain: builtinDomain,
    category: meta.category ?? builtinDomain,
    actor: own.actor ?? software.name,
    actor_kind: own.actor === undefined ? 'system' : 'admin',
    target: own.target ?? log,
    target_kind: own.target === undefined ? 'log' : (own.target_kind ?? 'subject'),
    method: 'sdk',
    outcome: 'success',
    retention_class: meta.retention_class ?? 'permanent',
    detail: own.facts,
    ...(own.reason === undefined ? {} : { reason: own.reason }),
  }
}

/** Members in the order of the canonical text, which serialising keeps. */
function sorted(facts: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(facts).sort(([one], [other]) => (one < other ? -1 : 1)))
}

const encoder = new TextEncoder()
