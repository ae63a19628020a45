// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import { createRowIdMint, type IdSource } from '../core/ids.ts'
import { logName } from '../core/log-name.ts'
import type { DraftEnvelope, StreamName } from '../core/row.ts'
import { formatMicros } from '../core/timestamp.ts'
import type { Config } from './config.ts'
import type { RequestContext } from './context.ts'
import { mintSentinel } from './request-id.ts'
import { activeSpan } from './trace-bridge.ts'

/** Who this process is, and the numbers it gives out. */
export interface Identity {
  readonly boot_id: string
  /** The members every row begins with. `consumesSeq` for rows that go to a spool: a hole then shows a lost row. */
  readonly envelope: EnvelopeOf
  /**
   * The same for a row that goes into somebody's transaction. It is counted under a `boot_id` of its own, and its number is a placeholder:
   * the transaction that gives the row its place gives it the number too, because rows that are rolled back must leave no hole.
   */
  readonly transactionEnvelope: EnvelopeOf
  /** An id for a row to come. */
  reserve(): ReservedRow
  /** The reserved id, the first time it is asked for; undefined afterwards, and for what `reserve` did not make. */
  redeem(reserved: unknown): string | undefined
  /** Name of the log a row of this process belongs to. */
  log(stream: StreamName, tenant: string | undefined): string
}

/** A row's id before there is the row. */
export interface ReservedRow {
  readonly id: string
}

export type EnvelopeOf = (
  context: RequestContext | undefined,
  tenant: string | undefined,
  consumesSeq: boolean,
) => DraftEnvelope

/** `boot_id` is random per instance; `boot_seq` counts from 0 over all streams and tenants. Source: spec/row.md. */
export function createIdentity(config: Config, clock: Clock, ids: IdSource): Identity {
  const mintRowId = createRowIdMint(ids)
  const boot_id = ids.randomHex(8)
  const transactionBootID = ids.randomHex(8)
  const bootRequestId = mintSentinel('boot', config.service_id)
  const logs = new Map<string, string>()
  const reservations = new WeakSet<object>()
  let nextSeq = 0
  let hasSeenRequest = false

  /** Until the first request everything belongs to the start; later, work without a context stands alone. */
  const outside = (): string => (hasSeenRequest ? mintSentinel('orphan', config.service_id) : bootRequestId)

  const identity: Identity = {
    boot_id,
    transactionEnvelope: (context, tenant) => ({
      ...identity.envelope(context, tenant, false),
      boot_id: transactionBootID,
      boot_seq: 0,
    }),
    envelope(context, tenant, consumesSeq) {
      if (context !== undefined) hasSeenRequest = true
      const micros = clock.nowMicros()
      const envelope: { -readonly [M in keyof DraftEnvelope]: DraftEnvelope[M] } = {
        canonical_form_id: '3',
        wire_version: '2',
        id: mintRowId(micros),
        boot_id,
        boot_seq: consumesSeq ? nextSeq++ : nextSeq,
        timestamp: formatMicros(micros),
        service_id: config.service_id,
        source_node_id: config.node_id,
        request_id: context === undefined ? outside() : context.request_id,
      }
      if (tenant !== undefined) envelope.tenant_id = tenant
      // Where there is an active span, the row lies in it, whatever trace its request came with.
      const place = activeSpan() ?? context
      if (place?.trace_id !== undefined) envelope.trace_id = place.trace_id
      if (place?.span_id !== undefined) envelope.span_id = place.span_id
      if (context === undefined) return envelope
      if (context.inbound_request_id !== undefined) envelope.inbound_request_id = context.inbound_request_id
      if (context.caused_by !== undefined) envelope.caused_by = context.caused_by
      return envelope
    },
    reserve() {
      const reserved = Object.freeze({ id: mintRowId(clock.nowMicros()) })
      reservations.add(reserved)
      return reserved
    },
    redeem(reserved) {
      const isOpen = typeof reserved === 'object' && reserved !== null && reservations.delete(reserved)
      return isOpen ? (reserved as ReservedRow).id : undefined
    },
    log(stream, tenant) {
      const key = tenant === undefined ? stream : `${stream} ${tenant}`
      let name = logs.get(key)
      if (name === undefined) {
        name = logName({
          ...(tenant === undefined ? {} : { tenant_id: tenant }),
          service_id: config.service_id,
          source_node_id: config.node_id,
          stream,
        })
        // Tenants come from requests; the cache must not grow with them without bound.
        if (logs.size >= 10_000) logs.clear()
        logs.set(key, name)
      }
      return name
    },
  }
  return identity
}
