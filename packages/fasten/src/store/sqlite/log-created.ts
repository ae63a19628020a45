// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import { createRowIdMint, type IdSource } from '../../core/ids.ts'
import { draftText } from '../../core/leaf.ts'
import type { LogParts } from '../../core/log-name.ts'
import type { Clean, Draft, DraftEnvelope, JsonObject } from '../../core/row.ts'
import { formatMicros } from '../../core/timestamp.ts'

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

/** The draft text of row 0 of `log`. */
export type LogOpener = (parts: LogParts, log: string, previous: PreviousLog | undefined) => Uint8Array

/**
 * Writes row 0 of logs: the text of a draft that says which software opened the log and, if so, which log it replaces.
 *
 * The store is a writer of its own, with its own `boot_id` and `boot_seq`, so that the counters of the emitting processes
 * have no holes. The api stream has no `detail`: there the log's birth is told as a `POST /LOG_CREATED` answered 201,
 * with the software as user agent and the replaced log in `error`. Source: spec/row.md#logs.
 */
export function createLogOpener({
  clock,
  ids,
  software,
}: {
  clock: Clock
  ids: IdSource
  software: Software
}): LogOpener {
  const mintId = createRowIdMint(ids)
  const boot_id = ids.randomHex(8)
  let boot_seq = 0
  return (parts, log, previous) => {
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
    return encoder.encode(draftText(logCreated(envelope, parts, log, software, previous) as Clean))
  }
}

function logCreated(
  envelope: DraftEnvelope,
  { stream }: LogParts,
  log: string,
  software: Software,
  previous: PreviousLog | undefined,
): Draft {
  const facts: JsonObject = {
    ...(previous === undefined
      ? {}
      : {
          previous_log: {
            head_hash: previous.head_hash,
            log: previous.log,
            reason: previous.reason,
            size: previous.size,
          },
        }),
    software: software.name,
    version: software.version,
  }
  if (stream === 'sys') {
    return {
      ...envelope,
      stream,
      level: previous === undefined ? 'info' : 'error',
      event: 'LOG_CREATED',
      logger: 'fasten',
      fields: facts,
    }
  }
  if (stream === 'api') {
    return {
      ...envelope,
      stream,
      method: 'POST',
      path: '/LOG_CREATED',
      status: 201,
      duration_us: 0,
      source: { user_agent: `${software.name}/${software.version}` },
      ...(previous === undefined ? {} : { error: `${previous.reason}: ${previous.log} at ${previous.size}` }),
    }
  }
  return {
    ...envelope,
    stream,
    code: 'LOG_CREATED',
    action: 'create',
    severity: previous === undefined ? 'info' : 'critical',
    domain: 'fasten',
    category: 'integrity',
    actor: software.name,
    actor_kind: 'system',
    target: log,
    target_kind: 'log',
    method: 'sdk',
    outcome: 'success',
    retention_class: 'permanent',
    detail: facts,
    ...(previous === undefined ? {} : { reason: `${previous.log} is not continued: ${previous.reason}` }),
  }
}

const encoder = new TextEncoder()
