// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os'
import { createFasten } from '../../capture/create.ts'
import type { Clock } from '../../core/clock.ts'
import { hideSecrets } from '../../store/dsn.ts'
import { dsnText, type Place } from '../places.ts'
import { duration } from '../print/values.ts'
import { openLocal } from '../open-reader.ts'
import { fail, ok, type Check } from './check.ts'
import { probeService } from './store-checks.ts'

/**
 * A server may have to be reached first, by hosts in turn, and its tables made; and a host that is merely crowded is not broken. A store
 * that says what is wrong with it is not waited for.
 */
const timeoutMs = 20_000

/**
 * One row through the whole of fasten: emitted, synced, stored, read back and recomputed. It is marked as what it is (code
 * `DOCTOR_PROBE`, service `fasten-doctor`) and lies in a log of its own, so no log of an application gains a row.
 */
export function probeCheck(place: Place, clock: Clock): Check {
  return {
    name: 'emit',
    async run() {
      const said: string[] = []
      const fasten = createFasten({
        service_id: probeService,
        node_id: hostname() || 'node',
        audit_dsn: dsnText(place),
        stdout: ['none'],
        exit_hooks: false,
        notices: { write: (text: string) => said.push(text) > 0 },
      })
      const startNanos = clock.monotonicNanos()
      const elapsed = (): string => duration(Number(clock.monotonicNanos() - startNanos) / 1000)
      try {
        const receipt = fasten.emit({
          code: 'DOCTOR_PROBE',
          actor: 'fasten doctor',
          actor_kind: 'system',
          target: hideSecrets(place.text),
          method: 'cli',
        })
        const emitted = elapsed()
        if (!(await within(receipt.durable))) return tooLate('durable', fasten.stats().last_error)
        const durable = elapsed()
        const stored = await within(
          Promise.race([receipt.stored, whenInTrouble(() => fasten.stats().last_error !== null, timeoutMs)]),
        )
        if (stored?.value === undefined) return tooLate('stored', fasten.stats().last_error)
        const storedAfter = elapsed()
        const { log, monotonic_seq, hash } = stored.value
        const { reader } = await openLocal([place], () => {})
        try {
          const row = await reader.row({ log, monotonic_seq })
          const detail = { id: receipt.id, log, monotonic_seq, hash, verification: row?.verification ?? null }
          if (row === null) return fail('the probe was stored and cannot be read back', { detail })
          if (row.hash !== hash || row.verification !== 'verified') {
            return fail(`the probe was read back as ${row.verification}`, {
              hint: 'see fasten verify',
              detail,
            })
          }
          return ok(
            `emitted in ${emitted}, durable after ${durable}, stored after ${storedAfter}, read back: ${log}#${monotonic_seq}:${hash.slice(0, 8)}`,
            detail,
          )
        } finally {
          await reader.close()
        }
      } finally {
        await fasten.close(1000)
      }
    },
  }

  async function within<T>(promise: Promise<T>): Promise<{ readonly value: T } | undefined> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs)
    })
    try {
      return await Promise.race([promise.then((value) => ({ value })), late])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Resolves with nothing once the store has refused for a while; a first refusal may be another writer's turn. */
async function whenInTrouble(isInTrouble: () => boolean, patienceMs: number): Promise<undefined> {
  const looks = patienceMs / troubleMs
  for (let times = 0, look = 0; times < 3 && look < looks; look++) {
    await new Promise((resolve) => setTimeout(resolve, troubleMs).unref())
    times = isInTrouble() ? times + 1 : 0
  }
}

const troubleMs = 250

function tooLate(what: string, lastError: string | null): ReturnType<typeof fail> {
  return fail(`the probe was accepted and is not ${what} yet${lastError === null ? '' : `: ${lastError}`}`, {
    hint: 'the row waits in the spool and will be stored when the store is well again',
  })
}
