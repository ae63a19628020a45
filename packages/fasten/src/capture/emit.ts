// SPDX-License-Identifier: Apache-2.0
import { builtinDomain } from '../core/builtin-codes.ts'
import type { CodeMeta, CodeRegistry } from '../core/code.ts'
import type { FastenError } from '../core/error.ts'
import { draftText } from '../core/leaf.ts'
import { openNumber } from '../core/open-number.ts'
import type { Redactor } from '../core/redact.ts'
import type { AuditDraft, Clean, DraftEnvelope } from '../core/row.ts'
import { createFrameEncoder } from '../store/spool/frame.ts'
import type { Config } from './config.ts'
import { currentContext, type RequestContext } from './context.ts'
import type { AnyEmitInput } from './engine.ts'
import { enrich } from './enrich.ts'
import { parseEvent, type Event } from './event.ts'
import type { EnvelopeOf, Identity } from './identity.ts'
import type { Sealer } from '../store/privacy/sealer.ts'
import type { Lane } from './lane.ts'
import { LaneReceipt, type Receipt, type StoredReceipt } from './receipt.ts'
import { recognise } from './transaction/client.ts'
import type { OutboxInsert } from './transaction/outbox-insert.ts'
import { OutboxReceipt, type TransactionReceipt } from './transaction/receipt.ts'
import type { UndeclaredPersonal } from './undeclared-personal.ts'
import type { OutboxWatch } from './transaction/watch.ts'
import { traceBridge } from './trace-bridge.ts'
import { within } from './within.ts'

export interface EmitterParts {
  readonly config: Config
  readonly registry: CodeRegistry
  readonly identity: Identity
  readonly redactor: Redactor
  readonly lane: Lane
  /** Why a row of this code must be refused although the spool would take it, or null. */
  readonly refusal: (meta: CodeMeta) => FastenError | null
  /** Keeps personal values apart from the rows; null where there is no key to seal them with. */
  readonly sealer: () => Sealer | null
  /** Looks for personal values that no code declares. */
  readonly undeclared: UndeclaredPersonal
  readonly onUnregistered: (code: string) => void
  readonly onRefused: (code: string) => void
  /** The application's transactions, as far as they reach the store. */
  readonly outbox: { readonly insert: OutboxInsert; readonly watch: OutboxWatch }
  /** Told of each row on its way, for stdout; null when nobody wants to know. */
  readonly onRow: ((draft: Clean<AuditDraft>) => void) | null
}

export interface Emitter {
  emit(input: AnyEmitInput): Receipt
  /** `emit`, and a bounded wait for the row's place; see `Fasten.emitStored`. */
  emitStored(input: AnyEmitInput, timeoutMs?: number): Promise<StoredReceipt>
  /**
   * Into the transaction `tx` instead of the spool: stored when it commits, gone when it rolls back. On a synchronous client the row is
   * in the transaction when the call returns, and what went wrong is thrown; on others when the promise resolves, or rejects.
   */
  emitInTransaction(tx: unknown, input: AnyEmitInput): Promise<TransactionReceipt>
}

/**
 * emit: an event becomes a draft, the draft is cleaned, the clean draft is in the spool.
 *
 * When it returns, the row survives the death of this process (`durability: 'process'`, the default). It throws a `TypeError` in strict
 * mode for what the programmer got wrong, and a `FastenError` when the row could not be kept and the code is `fail_closed` or
 * `failure` is `raise`; otherwise never.
 */
export function createEmit(parts: EmitterParts): Emitter {
  const { config, registry, identity, redactor, lane, sealer, undeclared } = parts
  const { onUnregistered, onRefused, onRow, outbox } = parts
  const syncsAlways = config.durability === 'disk'
  const frame = createFrameEncoder()

  return {
    emit(input) {
      const { clean, tenant, meta, sealed } = cleaned(input, identity.envelope)
      return keep(clean, tenant, meta, sealed)
    },
    async emitStored(input, timeoutMs = config.failClosedTimeoutMs) {
      const { clean, tenant, meta, sealed } = cleaned(input, identity.envelope)
      const receipt = keep(clean, tenant, meta, sealed)
      const { id, request_id } = receipt
      return { id, request_id, ...(await within(timeoutMs, receipt.stored, `row ${id} was not stored`, id)) }
    },
    emitInTransaction(tx, input) {
      const client = recognise(tx)
      const { clean, tenant, sealed } = cleaned(input, identity.transactionEnvelope)
      const length = frame.encode(identity.log('audit', tenant), openNumber(draftText(clean)), sealed)
      const inserting = outbox.insert(client, clean.id, Buffer.from(frame.bytes.subarray(0, length)))
      const receipt = new OutboxReceipt(clean.id, clean.request_id, outbox.watch.stored)
      const whenInserted = (): OutboxReceipt => {
        outbox.watch.expect(clean.id)
        traceBridge()?.onRow(clean)
        return receipt
      }
      return inserting === undefined ? Promise.resolve(whenInserted()) : settle(inserting, whenInserted)
    },
  }

  async function settle<T>(work: Promise<void>, after: () => T): Promise<T> {
    await work
    return after()
  }

  /** The stages before a row goes anywhere. */
  function cleaned(input: AnyEmitInput, envelopeOf: EnvelopeOf): Cleaned {
    const event = parseEvent(input, config.isStrict)
    const known = registry.metaOf(event.code)
    const meta = known ?? unregistered(event.code)
    if (config.isStrict) checkDetail(event)
    const context = contextOf(event)
    const tenant = event.tenant_id ?? context?.tenant_id ?? config.tenant_id
    const draft = enrich(
      known ? event : wrapped(event),
      known ? event.code : 'UNREGISTERED_CODE',
      meta,
      context,
      withReserved(event, envelopeOf(context, tenant, true)),
    )
    const sealing = meta.pii_in_detail || meta.pii.length > 0 ? sealer()?.start(draft.id, tenant) : undefined
    const clean =
      sealing === undefined ? redactor.audit(draft, meta) : redactor.sealed(draft, meta, sealing.commit)
    undeclared.look(clean)
    return { clean, tenant, meta, sealed: sealing?.sealed() }
  }

  /** The envelope under the id that was given out for this row before, where one was. */
  function withReserved(event: Event, envelope: DraftEnvelope): DraftEnvelope {
    if (event.reserved === undefined) return envelope
    const id = identity.redeem(event.reserved)
    // Under an id that is in use no store would take the row: it keeps its own.
    if (id !== undefined) return { ...envelope, id }
    if (config.isStrict)
      throw new TypeError(
        `reserved of ${event.code}: only what reserve() of this instance answered, and each only once`,
      )
    return envelope
  }

  function keep(
    clean: Clean<AuditDraft>,
    tenant: string | undefined,
    meta: CodeMeta,
    sealed?: string,
  ): Receipt {
    const receipt = new LaneReceipt(lane, 'audit', clean.id, clean.request_id, clean.boot_seq)
    const log = identity.log('audit', tenant)
    onRow?.(clean)
    const refusal = parts.refusal(meta)
    if (refusal !== null) lane.refuse(receipt, refusal)
    else if (meta.fail_closed || syncsAlways) lane.acceptSynced(log, draftText(clean), receipt, sealed)
    else {
      lane.accept(log, () => draftText(clean), receipt, sealed)
      receipt.isAwaitingTurn = config.durability === 'tick'
    }
    if (receipt.error === null) {
      traceBridge()?.onRow(clean)
      return receipt
    }
    onRefused(clean.code)
    // What fasten says of itself has no caller who could be told.
    if (meta.domain !== builtinDomain && (meta.fail_closed || config.failure === 'raise')) throw receipt.error
    return receipt
  }

  function checkDetail(event: Event): void {
    const [problem, ...more] = registry.problemsOf(event.code, event.detail ?? {})
    if (problem === undefined) return
    throw new TypeError(
      `detail of ${event.code}: ${problem}${more.length === 0 ? '' : ` (and ${more.length} more)`}`,
    )
  }

  function unregistered(code: string): CodeMeta {
    if (config.isStrict)
      throw new TypeError(`code "${code}" is not registered; register() it or add it to a *.codes.yaml file`)
    onUnregistered(code)
    const meta = registry.metaOf('UNREGISTERED_CODE')
    if (!meta) throw new TypeError('the built-in codes are missing from the registry')
    return meta
  }
}

interface Cleaned {
  readonly clean: Clean<AuditDraft>
  readonly tenant: string | undefined
  readonly meta: CodeMeta
  /** Its personal values, sealed, where it has any. */
  readonly sealed?: string | undefined
}

/** The event of an unknown code, with that code kept where the row can say it. */
function wrapped(event: Event): Event {
  return { ...event, detail: { original_code: event.code, detail: event.detail ?? {} } }
}

function contextOf(event: Event): RequestContext | undefined {
  const context = currentContext()
  return event.request_id === undefined ? context : { ...context, request_id: event.request_id }
}
