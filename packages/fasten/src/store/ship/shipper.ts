// SPDX-License-Identifier: Apache-2.0
/**
 * Ships the logs of a store to a fleet, for as long as a process lives.
 *
 *              lock            credential, facts             all shipped
 *   standing by ──▶ introducing itself ──▶ shipping ◀────────────────────▶ waiting
 *        ▲                   │                │      rows, or it is time
 *        └── somebody else   └───── fails ────┤
 *            holds it                         ▼
 *                                        backing off      stop: from any state, after what can be shipped in time
 *
 * standing by: of the processes that share a store one ships. The others ask for the lock now and then; it is theirs when that process ends.
 * introducing itself: a token is exchanged for a credential, once; the fleet says who it is.
 * shipping: requests follow each other while rows wait, never two at once.
 * waiting: one timer. Rows of this process are sent a second later, so that a burst travels together; rows of other processes are found within
 *   five. A report of the state goes out every half minute.
 * backing off: a second, doubled up to a minute (five where only an operator can help), a fifth up or down, and at least what the fleet
 *   asked for. Nothing is buffered meanwhile: rows lie in the store, and retention leaves them there.
 *
 * No row waits for any of this, and a failure costs none. None of its timers and sockets keeps a process alive.
 */
import type { Clock } from '../../core/clock.ts'
import { FastenError } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { hexOf } from '../../core/octets.ts'
import { formatVerifierKey } from '../../core/verifier-key.ts'
import type { Signing } from '../keys/signing.ts'
import type { Store } from '../ports.ts'
import type { HeldLock } from '../spool/lock.ts'
import {
  keepCredential,
  keptCredential,
  openCredential,
  rotateCredential,
  type FleetCredential,
} from './credential.ts'
import { askFacts, type FleetFacts } from './fleet-facts.ts'
import { createFleetClient, FleetFault, type FleetClient } from './fleet-client.ts'
import type { FleetSettings } from './fleet-settings.ts'
import type { ShipEvent } from './ship-event.ts'
import { registerKey } from './register-key.ts'
import { createShipping } from './shipping.ts'
import { sendStatus, type SpoolDepth } from './status-report.ts'

export interface ShipperOptions {
  readonly settings: FleetSettings
  readonly store: () => Promise<Store>
  readonly signing: Signing | undefined
  readonly clock: Clock
  readonly ids: IdSource
  /** The right to ship this store's rows; null while another process has it. */
  readonly lock: () => HeldLock | null
  readonly spool: () => SpoolDepth
  readonly onEvent: (event: ShipEvent) => void
  readonly onState: (state: ShipState) => void
  /** Default: one over HTTP. */
  readonly client?: FleetClient
  /** Default: timers that keep no process alive. */
  readonly timer?: Timer
}

/** Calls `then` after so many milliseconds, unless the function that it answers is called before. */
export type Timer = (ms: number, then: () => void) => () => void

/** What `stats()` says of it. */
export interface ShipState {
  /** Rows that the fleet has taken since the start. */
  readonly shipped: number
  /** Rows that it does not have yet, as far as this process knows; null before the fleet has answered, and while another process ships. */
  readonly unshipped: number | null
  /** Logs that it does not take. */
  readonly refused: number
  readonly failures: number
  readonly backoffMs: number
  /** Another process ships the rows of this store. */
  readonly isStandby: boolean
}

export interface Shipper {
  /** Rows were stored, or signed. Cheap; returns at once. */
  grew(): void
  /** Ships what is left, for so long at most, and ends. Never throws: what went wrong was told. What is left then is in the store. */
  stop(timeoutMs: number): Promise<void>
}

const lingerMs = 1000
const lookMs = 5000
const standbyMs = 10_000
const statusMs = 30_000
const backoffFirstMs = 1000
const backoffMaxMs = 60_000
/** Where only an operator can help. */
const backoffNeverMs = 300_000
const waitMaxMs = 3_600_000

export function createShipper(options: ShipperOptions): Shipper {
  const { settings, store, signing, clock, ids, lock, onEvent, timer = looseTimer } = options
  const client = options.client ?? createFleetClient({ url: settings.url, tls: settings.tls })
  const aborting = new AbortController()
  const { signal } = aborting
  const shipping = createShipping({
    store,
    signing,
    client,
    clock,
    onEvent,
    onShipped(rows) {
      shipped += rows
    },
    onUntrusted() {
      isKeyUnknown = true
    },
  })
  let shipped = 0
  let held: HeldLock | null = null
  let introduced: { readonly credential: FleetCredential; readonly facts: FleetFacts } | undefined
  let failures = 0
  let failingSince = 0n
  let toldError: string | null = null
  let backoffMs = 0
  let statusAt: bigint | null = null
  let roundTripMs: number | undefined
  /** The fleet said so, and it was not told the key yet. */
  let isKeyUnknown = false
  let isStopping = false
  /** Something was tried again at once, and did not come through yet. */
  let isRepeating = false
  let hasGrown = false
  let isWaiting = false
  let cutShort: (() => void) | null = null
  const ended = run()

  /** Asked anew after each wait, because `stop` may come during one. */
  const isEnding = (): boolean => isStopping

  async function run(): Promise<void> {
    // A process of a moment ships at its end, if at all.
    await pause(lingerMs)
    for (;;) {
      const isLast = isEnding()
      const rest = await attempt()
      if (signal.aborted || (isLast && rest.kind !== 'more')) return
      if (isEnding()) {
        if (rest.kind === 'failed') return
        continue
      }
      if (rest.waitMs > 0) await (rest.kind === 'idle' ? wait(rest.waitMs) : pause(rest.waitMs))
    }
  }

  interface Rest {
    readonly kind: 'more' | 'idle' | 'standby' | 'failed'
    readonly waitMs: number
  }

  async function attempt(): Promise<Rest> {
    try {
      held ??= lock()
      tell()
      if (held === null) return { kind: 'standby', waitMs: standbyMs }
      introduced ??= await introduce()
      if (introduced === undefined) return { kind: 'standby', waitMs: lingerMs }
      if (isKeyUnknown) await introduceKey(introduced)
      hasGrown = false
      const { credential, facts } = introduced
      const { hasMore, waitMs } = await shipping.turn({ credential: credential.credential, facts, signal })
      await reportWhenDue(introduced)
      recover()
      if (hasMore) return { kind: 'more', waitMs: Math.min(waitMs, waitMaxMs) }
      return { kind: 'idle', waitMs: Math.max(lookMs, waitMs) }
    } catch (error) {
      if (signal.aborted) return { kind: 'failed', waitMs: 0 }
      if (!isRepeating && isWorthRepeating(error)) {
        isRepeating = true
        shipping.forget()
        introduced = undefined
        return { kind: 'more', waitMs: 0 }
      }
      return { kind: 'failed', waitMs: failed(error) }
    } finally {
      tell()
    }
  }

  /** Whether the same may go well at once: on another connection, or with a credential that another process or store has changed to. */
  function isWorthRepeating(error: unknown): boolean {
    if (!(error instanceof FleetFault) || isEnding()) return false
    if (error.isStale) return true
    const { credential } = introduced ?? {}
    return (
      error.status === 401 &&
      credential !== undefined &&
      keptCredential(settings)?.credential !== credential.credential
    )
  }

  async function introduce(): Promise<typeof introduced> {
    const facts = await askFacts(client, signal)
    const opened = await openCredential(settings, client, ids, signal)
    if (opened === 'elsewhere') return undefined
    const { isNew } = opened
    const witness_vkey = formatVerifierKey(facts.witness)
    const credential = { witness_vkey, ...opened.credential }
    if (credential.witness_vkey !== witness_vkey) throw otherFleet(credential.witness_vkey, witness_vkey)
    if (opened.credential.witness_vkey === undefined) keepCredential(settings, credential, ids)
    if (isNew) onEvent({ event: 'fleet_enrolled', node_id: credential.node_id, fleet: facts.name })
    const publicKey = signing && hexOf(signing.signer().publicKey)
    // Replaced since: a key that the fleet knows vouches for it. Of a credential that was given nobody knows which keys it has.
    isKeyUnknown =
      publicKey !== undefined &&
      credential.public_keys.length > 0 &&
      !credential.public_keys.includes(publicKey)
    return { credential, facts }
  }

  async function introduceKey({ credential, facts }: NonNullable<typeof introduced>): Promise<void> {
    isKeyUnknown = false
    if (signing === undefined) return
    const publicKey = hexOf(signing.signer().publicKey)
    const known = await registerKey(client, credential, { publicKey, archives: settings.archives, signal })
    if (known === undefined) return
    keepCredential(settings, known, ids)
    introduced = { credential: known, facts }
    shipping.trusted()
  }

  function otherFleet(known: string, said: string): FleetFault {
    return new FleetFault(
      'never',
      new FastenError('FLEET_OTHER', `the fleet cosigns with ${said}, and did with ${known}`, {
        at: client.at,
        hint: `if it was set up anew, delete ${settings.credentialFile} and set a new token; else somebody answers in its place`,
      }),
    )
  }

  async function reportWhenDue({ credential: known, facts }: NonNullable<typeof introduced>): Promise<void> {
    const now = clock.monotonicNanos()
    if (statusAt !== null && now - statusAt < BigInt(statusMs) * 1_000_000n) return
    statusAt = now
    const { unshipped, refused } = shipping.counts()
    const { credential } = known
    const { spoolBytesMax } = settings
    const answer = await sendStatus(
      { client, store: await store(), clock, credential, signal },
      {
        spool: {
          ...options.spool(),
          ...(spoolBytesMax === undefined ? {} : { bytes_max: spoolBytesMax }),
        },
        stats: { shipped, ...(unshipped === null ? {} : { unshipped }), refused_logs: refused, failures },
        ...(roundTripMs === undefined ? {} : { round_trip_ms: roundTripMs }),
      },
    )
    roundTripMs = answer?.roundTripMs
    if (answer?.wantsRotation !== true) return
    const next = await rotateCredential(settings, client, known, { ids, signal })
    if (next !== undefined) introduced = { credential: next, facts }
  }

  /** How long to wait; what is wrong is told when it is something else than before. */
  function failed(fault: unknown): number {
    const { error, kind, waitMs = 0 } = faultOf(fault)
    // What was on its way may have arrived.
    shipping.forget()
    // Another fleet may answer at the address, or another credential be needed.
    introduced = undefined
    client.close()
    if (failures++ === 0) failingSince = clock.monotonicNanos()
    if (toldError !== error.code)
      onEvent({ event: 'fleet_ship_failed', error: error.toLine(), code: error.code })
    toldError = error.code
    const most = kind === 'later' ? backoffMaxMs : backoffNeverMs
    const jitter = 0.8 + (0.4 * Number.parseInt(ids.randomHex(2), 16)) / 0xffff
    const ownMs = Math.min(backoffFirstMs * 2 ** Math.min(failures - 1, 20), most) * jitter
    // Many nodes were told the same: they come back one after another, and none too early.
    backoffMs = Math.round(Math.max(ownMs, Math.min(waitMs, waitMaxMs) * (0.8 + jitter / 4)))
    return backoffMs
  }

  function recover(): void {
    isRepeating = false
    if (failures === 0) return
    const nanos = clock.monotonicNanos() - failingSince
    failures = 0
    backoffMs = 0
    toldError = null
    onEvent({ event: 'fleet_ship_recovered', recovery_after_seconds: Number(nanos / 1_000_000n) / 1000 })
  }

  function tell(): void {
    const { unshipped, refused } = shipping.counts()
    options.onState({ shipped, unshipped, refused, failures, backoffMs, isStandby: held === null })
  }

  /** Until so much time has passed, or somewhat after rows came. */
  async function wait(ms: number): Promise<void> {
    if (!hasGrown) {
      isWaiting = true
      await pause(ms)
      isWaiting = false
    }
    if (hasGrown && !isEnding()) await pause(lingerMs)
  }

  function pause(ms: number): Promise<void> {
    if (isStopping) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        cutShort = null
        resolve()
      }
      const cancel = timer(ms, done)
      cutShort = done
    })
  }

  return {
    grew() {
      hasGrown = true
      if (isWaiting) cutShort?.()
    },
    async stop(timeoutMs) {
      if (isStopping) return ended
      isStopping = true
      // A fleet that does not answer now will not do so in the next seconds: its rows are sent by the next process.
      if (failures > 0 || timeoutMs <= 0) aborting.abort()
      const cancel = timer(timeoutMs, () => aborting.abort())
      cutShort?.()
      await ended
      cancel()
      client.close()
      held?.release()
      held = null
    },
  }
}

const looseTimer: Timer = (ms, then) => {
  const timer = setTimeout(then, ms).unref()
  return () => clearTimeout(timer)
}

function faultOf(fault: unknown): Pick<FleetFault, 'error' | 'kind' | 'waitMs'> {
  if (fault instanceof FleetFault) return fault
  const error = fault instanceof FastenError ? fault : new FastenError('STORE_UNKNOWN', String(fault))
  return { kind: 'later', error, waitMs: undefined }
}
