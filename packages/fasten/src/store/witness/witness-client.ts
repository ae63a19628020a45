// SPDX-License-Identifier: Apache-2.0
/**
 * Asks witnesses for their cosignatures, one log and witness after another, behind everything else.
 *
 *   sealed ──▶ the log waits ──▶ ask: the size that this witness saw last, and the proof from there
 *                                  200  kept with the checkpoint
 *                                  409  the witness says what it saw last: asked once more from there
 *                                  else told once, tried again with the next checkpoint, or after a pause that doubles up to an hour
 *
 * No row and no checkpoint waits for a witness. Only the newest checkpoint of a log is asked for: it covers those before.
 */
import { FastenError } from '../../core/error.ts'
import type { PolicyWitness } from '../../core/tlog-policy.ts'
import { verifierKey } from '../../core/verifier-key.ts'
import { sha256 } from '../platform.ts'
import type { Signing } from '../keys/signing.ts'
import type { Store } from '../ports.ts'
import { keepCosignatures, newestCheckpoint, witnessRequest } from './witness-request.ts'

export interface WitnessClientOptions {
  readonly store: () => Promise<Store>
  readonly signing: Signing
  /** Those with a URL are asked. */
  readonly witnesses: readonly PolicyWitness[]
  /** An answer that takes longer counts as none. */
  readonly timeoutMs: number
  /** Told of each failure of a witness once, and null when it answers again. */
  readonly onFailure: (witness: string, error: FastenError | null) => void
}

export interface WitnessClient {
  /** These logs have a new checkpoint. Cheap; returns at once. */
  ask(logs: readonly string[]): void
  /** Resolves when nothing is being asked. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const pauseFirstMs = 10_000
const pauseMaxMs = 3_600_000

export function createWitnessClient(options: WitnessClientOptions): WitnessClient {
  const { store, signing, witnesses, timeoutMs, onFailure } = options
  const askable = witnesses.filter(({ url }) => url !== undefined)
  const waiting = new Set<string>()
  /** What each witness saw last of each log, as far as it is known. */
  const seen = new Map<string, number>()
  const failing = new Map<string, number>()
  const aborting = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let isRunning = false
  let timer: NodeJS.Timeout | undefined

  function ask(logs: readonly string[]): void {
    if (askable.length === 0 || aborting.signal.aborted) return
    for (const log of logs) waiting.add(log)
    if (isRunning) return
    isRunning = true
    running = run().finally(() => {
      isRunning = false
    })
  }

  async function run(): Promise<void> {
    while (waiting.size > 0 && !aborting.signal.aborted) {
      const [log = ''] = waiting
      waiting.delete(log)
      let hasFailed = false
      for (const witness of askable) hasFailed = !(await attempt(log, witness)) || hasFailed
      if (hasFailed) later(log)
    }
  }

  async function attempt(log: string, witness: PolicyWitness): Promise<boolean> {
    const { name } = witness
    try {
      await askOne(log, witness)
      if (failing.delete(name)) onFailure(name, null)
      return true
    } catch (error) {
      if (aborting.signal.aborted) return false
      const failures = (failing.get(name) ?? 0) + 1
      failing.set(name, failures)
      if (failures === 1)
        onFailure(
          name,
          error instanceof FastenError
            ? error
            : new FastenError('WITNESS_SILENT', `the witness does not answer: ${String(error)}`, {
                at: name,
                cause: error,
              }),
        )
      return false
    }
  }

  async function askOne(log: string, witness: PolicyWitness): Promise<void> {
    const opened = await store()
    const { seals } = opened
    if (seals === undefined) return
    const place = `${witness.name} ${log}`
    const checkpoint = await newestCheckpoint(opened, log)
    let old = seen.get(place) ?? 0
    for (let tries = 0; ; tries++) {
      const { status, body } = await post(witness.url ?? '', await witnessRequest(opened, checkpoint, old))
      if (status === 200) {
        const logKey = verifierKey(log, 'ed25519', signing.signer().publicKey, sha256)
        // Another process may have added a cosignature meanwhile.
        const [latest = checkpoint] = (await opened.checkpoints?.({ log, size: checkpoint.size })) ?? []
        await keepCosignatures(seals, latest, body, { logs: [logKey], witnesses: [witness.key] })
        seen.set(place, checkpoint.size)
        return
      }
      if (status === 409 && tries === 0 && /^\d{1,15}\n?$/.test(body)) old = Number(body)
      else
        throw new FastenError(
          'WITNESS_REFUSED',
          `the witness answered ${status}: ${body.trim().slice(0, 200)}`,
          {
            at: witness.name,
            hint: 'the witness needs the key of this log; 409 or 422 means that it has seen another history',
          },
        )
    }
  }

  async function post(url: string, body: string): Promise<{ status: number; body: string }> {
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), aborting.signal])
    const answer = await fetch(`${url.replace(/\/+$/, '')}/add-checkpoint`, { method: 'POST', body, signal })
    return { status: answer.status, body: await answer.text() }
  }

  function later(log: string): void {
    const failures = Math.max(1, ...failing.values())
    clearTimeout(timer)
    timer = setTimeout(() => ask([log]), Math.min(pauseFirstMs * 2 ** (failures - 1), pauseMaxMs)).unref()
  }

  return {
    ask,
    settled: () => running,
    async stop() {
      clearTimeout(timer)
      aborting.abort()
      await running
    },
  }
}
