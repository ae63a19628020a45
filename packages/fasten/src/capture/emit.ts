// SPDX-License-Identifier: Apache-2.0
import type { CodeMeta, CodeRegistry } from '../core/code.ts'
import { draftText } from '../core/leaf.ts'
import type { Redactor } from '../core/redact.ts'
import type { AuditDraft, Clean } from '../core/row.ts'
import type { Config } from './config.ts'
import { currentContext, type RequestContext } from './context.ts'
import type { AnyEmitInput } from './engine.ts'
import { enrich } from './enrich.ts'
import { parseEvent, type Event } from './event.ts'
import type { Identity } from './identity.ts'
import type { Sealer } from '../store/privacy/sealer.ts'
import type { Lane } from './lane.ts'
import { LaneReceipt, type Receipt } from './receipt.ts'

export interface EmitterParts {
  readonly config: Config
  readonly registry: CodeRegistry
  readonly identity: Identity
  readonly redactor: Redactor
  readonly lane: Lane
  /** Keeps personal values apart from the rows; null where there is no key to seal them with. */
  readonly sealer: () => Sealer | null
  readonly onUnregistered: (code: string) => void
  readonly onRefused: (code: string) => void
  /** Told of each row on its way, for stdout; null when nobody wants to know. */
  readonly onRow: ((draft: Clean<AuditDraft>) => void) | null
}

/**
 * emit: an event becomes a draft, the draft is cleaned, the clean draft is in the spool.
 *
 * When it returns, the row survives the death of this process (`durability: 'process'`, the default). It throws a `TypeError` in strict
 * mode for what the programmer got wrong, and a `FastenError` when the row could not be kept and the code is `fail_closed` or
 * `failure` is `raise`; otherwise never.
 */
export function createEmit(parts: EmitterParts): (input: AnyEmitInput) => Receipt {
  const { config, registry, identity, redactor, lane, sealer, onUnregistered, onRefused, onRow } = parts
  const syncsAlways = config.durability === 'disk'

  return (input) => {
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
      identity.envelope(context, tenant, true),
    )
    const sealing = meta.pii_in_detail || meta.pii.length > 0 ? sealer()?.start(draft.id, tenant) : undefined
    if (sealing === undefined) return keep(redactor.audit(draft, meta), tenant, meta)
    const clean = redactor.sealed(draft, meta, sealing.commit)
    return keep(clean, tenant, meta, sealing.sealed())
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
    if (meta.fail_closed || syncsAlways) lane.acceptSynced(log, draftText(clean), receipt, sealed)
    else {
      lane.accept(log, () => draftText(clean), receipt, sealed)
      receipt.isAwaitingTurn = config.durability === 'tick'
    }
    if (receipt.error === null) return receipt
    onRefused(clean.code)
    if (meta.fail_closed || config.failure === 'raise') throw receipt.error
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

/** The event of an unknown code, with that code kept where the row can say it. */
function wrapped(event: Event): Event {
  return { ...event, detail: { original_code: event.code, detail: event.detail ?? {} } }
}

function contextOf(event: Event): RequestContext | undefined {
  const context = currentContext()
  return event.request_id === undefined ? context : { ...context, request_id: event.request_id }
}
