// SPDX-License-Identifier: Apache-2.0
/**
 * What is said to a fleet about the logs of one store, one request after another.
 *
 *   log seen ──▶ its place is asked ──▶ rows from there ──▶ the size that the fleet answers ──▶ recorded in the store
 *                     ▲                                                   │
 *                     └────────────── an answer was lost ─────────────────┘
 *
 * Nothing is remembered that the fleet does not say, and no row is held: whatever is sent is read from the store at that moment. A
 * crash at any point costs one question for the place.
 */
import type { Clock } from '../../core/clock.ts'
import { FastenError } from '../../core/error.ts'
import { parseLogName } from '../../core/log-name.ts'
import { formatMicros } from '../../core/timestamp.ts'
import type { Signing } from '../keys/signing.ts'
import type { Store } from '../ports.ts'
import { isCosigned, keepFleetCosignature } from './fleet-cosignature.ts'
import {
  answerFault,
  FleetFault,
  type FleetAnswer,
  type FleetClient,
  type FleetRequest,
} from './fleet-client.ts'
import type { FleetFacts } from './fleet-facts.ts'
import { packings } from './packing.ts'
import { placesIn, sectionResults, type NamedPlace, type SectionResult } from './rows-answer.ts'
import { gatherSection, rowsBody, type Section } from './section.ts'
import type { ShipEvent } from './ship-event.ts'
import { isBehind, newShipment, promised, type Shipment } from './shipment.ts'

export interface ShippingOptions {
  readonly store: () => Promise<Store>
  readonly signing: Signing | undefined
  readonly client: FleetClient
  readonly clock: Clock
  readonly onEvent: (event: ShipEvent) => void
  /** Rows that the fleet has taken now. */
  readonly onShipped: (rows: number) => void
  /** The fleet does not know the key that signs here. */
  readonly onUntrusted: () => void
}

/** Who speaks, and to whom. */
export interface Spoken {
  readonly credential: string
  readonly facts: FleetFacts
  readonly signal: AbortSignal
}

export interface Shipping {
  /** One request of rows, where there are any to send. Throws a `FleetFault`, or what the store throws. */
  turn(spoken: Spoken): Promise<{
    /** More rows wait that could be sent now. */
    readonly hasMore: boolean
    /** What the fleet asks to wait before that. */
    readonly waitMs: number
  }>
  /** An answer was lost, or somebody else may have shipped: every place is asked anew. */
  forget(): void
  /** The fleet has been told the key: what it did not trust is sent again. */
  trusted(): void
  /** What is known without asking anybody. */
  counts(): { readonly unshipped: number | null; readonly refused: number }
}

const placesMax = 1000
const rowsMax = 5000
const bytesMost = 8 << 20
const bytesLeast = 64 << 10
/** A refusal of one log is looked at again after this; spec/fleet.md#what-is-refused. */
const refusedMs = 300_000

export function createShipping(options: ShippingOptions): Shipping {
  const { client, clock, onEvent } = options
  const shipments = new Map<string, Shipment>()
  const doubted = new Set<string>()
  const packs = [...packings()]
  let bytesMax = bytesMost / 4
  let sectionsMax = 64
  /** The log that the next request begins with, so that a long one does not keep the others waiting. */
  let turnOf = 0
  let isAnswered = false

  const nowMs = (): number => Number(clock.monotonicNanos() / 1_000_000n)

  async function turn(spoken: Spoken): ReturnType<Shipping['turn']> {
    const store = await options.store()
    await look(store)
    await askPlaces(store, spoken)
    isAnswered = true
    const sections = await gather(store, spoken.facts)
    if (sections.length === 0) return { hasMore: false, waitMs: 0 }
    const answer = await send(sections, spoken)
    const waitMs = answer === undefined ? 0 : await settle(store, sections, answer, spoken.facts)
    const hasMore = shipments.values().some((each) => isBehind(each, nowMs()) && isShort(each))
    return { hasMore: hasMore || answer === undefined, waitMs }
  }

  /** The logs as they are now. */
  async function look(store: Store): Promise<void> {
    const heads = (await store.heads()).filter(({ log, size }) => size > 0 && parseLogName(log) !== undefined)
    const isNew = heads.some(({ log }) => !shipments.has(log))
    const recorded = new Map(
      isNew ? ((await store.shipped?.()) ?? []).map((each) => [each.log, each.size] as const) : [],
    )
    for (const { log, size } of heads) {
      const known = shipments.get(log)
      if (known === undefined) {
        const isSigned = options.signing !== undefined
        shipments.set(log, newShipment(log, size, recorded.get(log) ?? 0, isSigned))
      } else known.size = size
    }
  }

  async function askPlaces(store: Store, { credential, signal }: Spoken): Promise<void> {
    const unknown = [...shipments.values()].filter(
      ({ place, refusal }) => place === undefined && (refusal === undefined || refusal.until <= nowMs()),
    )
    for (let from = 0; from < unknown.length; from += placesMax) {
      const asked = unknown.slice(from, from + placesMax)
      const body = Buffer.from(JSON.stringify({ logs: asked.map(({ log }) => log) }))
      const places = placesIn(await client.ask({ method: 'POST', path: '/places', credential, body }, signal))
      if (places === undefined) throw new FleetFault('later', answerFault(client.at, 'it answers no places'))
      for (const shipment of asked) await takePlace(store, shipment, places.get(shipment.log))
    }
  }

  async function takePlace(store: Store, shipment: Shipment, place: NamedPlace | undefined): Promise<void> {
    const { log } = shipment
    if (place === undefined)
      return refuse(shipment, 'WRONG_LOG', 'the log is not one that this node may write', undefined)
    if (place.size > shipment.size) {
      // Another process of this node may have shipped what was stored since we looked.
      const head = (await store.heads()).find((each) => each.log === log)
      shipment.size = head?.size ?? shipment.size
    }
    if (place.size > shipment.size && shipment.compared !== shipment.size) {
      // Whether it is ahead of this log or has another: our last row is sent over what lies there, so that the fleet sees both and judges.
      const size = shipment.size - 1
      shipment.place = { size, signed_size: Math.min(place.signed_size, size) }
      return
    }
    if (place.size > shipment.size)
      return refuse(
        shipment,
        'FLEET_AHEAD',
        `the fleet has ${place.size} rows of it, and ${shipment.size} are here`,
        undefined,
      )
    if (place.size < shipment.recorded)
      onEvent({ event: 'fleet_rolled_back', log, shipped: shipment.recorded, size: place.size })
    // What is sent once more is promised once more.
    if (place.size < shipment.cosigned && shipment.cosigned !== Infinity) shipment.cosigned = place.size
    if (place.size > 0) {
      const [hash] = (await store.leafHashes?.(log, place.size - 1, place.size)) ?? []
      // Another row than the fleet has: it is sent over what lies there, so that the fleet sees both and judges.
      if (hash !== undefined && hash !== place.head_hash) {
        shipment.place = { size: place.size - 1, signed_size: Math.min(place.signed_size, place.size - 1) }
        return
      }
    }
    shipment.place = place
    if (shipment.refusal?.code === 'WRONG_LOG' || shipment.refusal?.code === 'FLEET_AHEAD') accept(shipment)
    await record(store, [shipment])
  }

  async function gather(store: Store, { limits }: FleetFacts): Promise<readonly Section[]> {
    const behind = [...shipments.values()].filter((each) => isBehind(each, nowMs()))
    const sections: Section[] = []
    let bytesLeft = Math.min(bytesMax, limits.unpacked_bytes / 2)
    let rowsLeft = Math.min(rowsMax, limits.rows)
    for (let step = 0; step < behind.length; step++) {
      const shipment = behind[(turnOf + step) % behind.length]
      if (shipment?.place === undefined) continue
      if (rowsLeft <= 0 || bytesLeft <= 0 || sections.length >= Math.min(sectionsMax, limits.sections)) break
      const { log, size, place } = shipment
      try {
        const section = await gatherSection(store, {
          log,
          from: place.size,
          size,
          signedSize: Math.min(place.signed_size, shipment.cosigned),
          isUnsigned: shipment.unsignedUntil > nowMs(),
          rowsMax: rowsLeft,
          bytesMax: bytesLeft,
        })
        if (section === undefined) continue
        sections.push(section)
        rowsLeft -= section.count
        bytesLeft -= section.bytes
      } catch (error) {
        if (!(error instanceof FastenError) || error.code !== 'FLEET_ROWS_MISSING') throw error
        refuse(shipment, error.code, error.message, place.size)
      }
    }
    turnOf++
    return sections
  }

  /** Undefined when the request has to be made otherwise, at once. */
  async function send(
    sections: readonly Section[],
    { credential, signal }: Spoken,
  ): Promise<FleetAnswer | undefined> {
    const [pack = async (body: Uint8Array) => ({ body })] = packs
    const request: FleetRequest = {
      method: 'POST',
      path: '/rows',
      credential,
      contentType: 'application/vnd.fasten.rows',
      ...(await pack(rowsBody(sections))),
    }
    try {
      const answer = await client.ask(request, signal)
      bytesMax = Math.min(bytesMax * 2, bytesMost)
      sectionsMax = Math.min(sectionsMax * 2, 64)
      return answer
    } catch (error) {
      if (!(error instanceof FleetFault)) throw error
      // A line that broke may be a slow one.
      const isTight = bytesMax === bytesLeast
      if (error.status === undefined || error.status === 413) bytesMax = Math.max(bytesMax / 2, bytesLeast)
      if (error.kind !== 'unfit' || (error.status === 413 && isTight)) throw error
      if (error.status === 413) return undefined
      if (error.status === 415 && packs.length > 1) {
        packs.shift()
        return undefined
      }
      // Something in the body that the fleet cannot read. One log alone then says whose it was.
      const [only, ...others] = sections
      const shipment = only && shipments.get(only.log)
      if (shipment !== undefined && others.length === 0)
        refuse(shipment, 'BODY_REFUSED', error.error.message, undefined)
      sectionsMax = 1
      for (const { log } of sections) forgetPlace(shipments.get(log))
      return undefined
    }
  }

  async function settle(
    store: Store,
    sections: readonly Section[],
    answer: FleetAnswer,
    facts: FleetFacts,
  ): Promise<number> {
    const results = sectionResults(
      answer,
      sections.map(({ log }) => log),
    )
    if (results === undefined)
      throw new FleetFault(
        'later',
        answerFault(client.at, 'it answers rows with something else than results'),
      )
    const moved: Shipment[] = []
    let shipped = 0
    for (const [index, section] of sections.entries()) {
      const shipment = shipments.get(section.log)
      const result = results[index]
      if (shipment === undefined || result === undefined) continue
      const reached = section.from + section.count
      if (result.size > reached && result.refused === undefined) {
        // More than was sent: somebody else ships too, or the fleet errs. Its place says which.
        forgetPlace(shipment)
        shipment.compared = reached
        continue
      }
      const takenTo = Math.min(result.size, result.refused?.at_seq ?? reached)
      shipped += Math.max(0, takenTo - section.from)
      shipment.place = { size: result.size, signed_size: result.signed_size }
      moved.push(shipment)
      judge(shipment, section, result, facts)
    }
    await record(store, moved)
    options.onShipped(shipped)
    for (const [index, { checkpoint }] of sections.entries()) {
      const line = results[index]?.cosignature
      if (checkpoint === undefined || line === undefined) continue
      const kept = await keepFleetCosignature(store, options.signing, checkpoint, line, facts.witness)
      doubt(checkpoint, kept === 'forged')
    }
    const { retry_after_ms } = answer
    return typeof retry_after_ms === 'number' && retry_after_ms > 0 ? retry_after_ms : 0
  }

  function judge(shipment: Shipment, section: Section, result: SectionResult, facts: FleetFacts): void {
    const { size, refused } = result
    if (refused?.code === 'GAP' && size < section.from) {
      onEvent({ event: 'fleet_rolled_back', log: section.log, shipped: section.from, size })
      return
    }
    if (refused?.code === 'NOTE_UNTRUSTED' && section.checkpoint !== undefined)
      return distrusted(shipment, refused)
    if (refused !== undefined) return refuse(shipment, refused.code, refused.message, refused.at_seq)
    if (section.count > 0 && size <= section.from)
      return refuse(shipment, 'FLEET_ANSWER', 'the fleet took no row and said no reason', section.from)
    const { checkpoint } = section
    if (checkpoint !== undefined && result.signed_size >= checkpoint.size) {
      const line = result.cosignature
      // Of one that is not its newest it need not say anything.
      if (line === undefined && result.signed_size === checkpoint.size)
        return refuse(
          shipment,
          'FLEET_COSIGNATURE',
          `the fleet says to have its ${checkpoint.size} rows and does not sign for them`,
          undefined,
        )
      const holds = line !== undefined && isCosigned(checkpoint, line, facts.witness)
      if (holds) shipment.cosigned = Math.max(shipment.cosigned, checkpoint.size)
    }
    accept(shipment)
    if (section.checkpoint === undefined || shipment.unsignedUntil === 0) return
    shipment.unsignedUntil = 0
    onEvent({ event: 'fleet_log_accepted', log: section.log })
  }

  /** A fleet that signs with another key than it said: its word counts for nothing, and is told once. Rows are shipped all the same. */
  function doubt({ log, size }: { readonly log: string; readonly size: number }, isForged: boolean): void {
    if (!isForged) return void doubted.delete(log)
    if (doubted.has(log)) return
    doubted.add(log)
    const error = `FLEET_COSIGNATURE ${log}: the fleet's cosignature of ${size} rows does not hold under its key, and is not kept`
    onEvent({ event: 'fleet_log_refused', log, code: 'FLEET_COSIGNATURE', error })
  }

  function accept(shipment: Shipment): void {
    if (shipment.refusal === undefined) return
    shipment.refusal = undefined
    onEvent({ event: 'fleet_log_accepted', log: shipment.log })
  }

  /** The fleet does not know the key. Rows go on without its signature, and it is sent again once there may be another answer. */
  function distrusted(shipment: Shipment, { code, message }: NonNullable<SectionResult['refused']>): void {
    const { log } = shipment
    options.onUntrusted()
    if (shipment.unsignedUntil === 0)
      onEvent({
        event: 'fleet_log_refused',
        log,
        code,
        error: `${code} ${log}: ${message}; its rows are shipped unsigned`,
      })
    shipment.unsignedUntil = nowMs() + refusedMs
  }

  /** Told once for each reason; the other logs go on. */
  function refuse(shipment: Shipment, code: string, message: string, at_seq: number | undefined): void {
    const { log, refusal } = shipment
    shipment.refusal = { code, until: code === 'FORK_DETECTED' ? Infinity : nowMs() + refusedMs }
    // Whoever tries it again asks first where the fleet is.
    forgetPlace(shipment)
    if (refusal?.code === code) return
    const at = at_seq === undefined ? '' : ` (from row ${at_seq} on)`
    const error = `${code} ${log}: ${message}${at}`
    onEvent({ event: 'fleet_log_refused', log, code, error, ...(at_seq === undefined ? {} : { at_seq }) })
  }

  async function record(store: Store, logs: readonly Shipment[]): Promise<void> {
    const marks = logs.flatMap((shipment) => {
      const size = promised(shipment)
      return size === undefined || size === shipment.recorded ? [] : [{ log: shipment.log, size }]
    })
    if (marks.length === 0) return
    await store.pruner?.markReplicated(marks, formatMicros(clock.nowMicros()))
    for (const { log, size } of marks) {
      const shipment = shipments.get(log)
      if (shipment !== undefined) shipment.recorded = size
    }
  }

  return {
    turn,
    forget() {
      for (const shipment of shipments.values()) forgetPlace(shipment)
    },
    trusted() {
      for (const shipment of shipments.values()) shipment.unsignedUntil = Math.min(shipment.unsignedUntil, 1)
    },
    counts() {
      let [unshipped, refused] = [0, 0]
      for (const { size, place, recorded, refusal, unsignedUntil } of shipments.values()) {
        unshipped += Math.max(0, size - (place?.size ?? recorded))
        if (refusal !== undefined || unsignedUntil > 0) refused++
      }
      return { unshipped: isAnswered ? unshipped : null, refused }
    },
  }
}

const isShort = ({ size, place }: Shipment): boolean => place !== undefined && place.size < size

function forgetPlace(shipment: Shipment | undefined): void {
  if (shipment !== undefined) shipment.place = undefined
}
