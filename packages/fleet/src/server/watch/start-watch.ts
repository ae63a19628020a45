// SPDX-License-Identifier: Apache-2.0
import { pause } from 'fasten/reader'
import { openForReading } from 'fasten/store'
import { checkSeals } from '../../database/seals/seals.ts'
import { verifyNext, type VerifyLogsDeps } from './verify-logs.ts'

/**
 * While a server runs, it verifies the logs that it keeps, a stretch a second, and reads the seals of all rows of access once a minute. What goes wrong is
 * told once until it goes well again, and tried the next time.
 */
export function startWatch(
  about: Omit<VerifyLogsDeps, 'seen'> & { readonly rememberPlace: () => Promise<void> },
): { close(): Promise<void> } {
  const { database, fasten } = about
  const deps = { ...about, seen: new Map<string, number>() }
  const ending = new AbortController()

  async function repeat(what: string, pauseMs: number, work: () => Promise<unknown>): Promise<void> {
    let failures = 0
    while (!ending.signal.aborted) {
      await pause(pauseMs * 2 ** Math.min(failures, 5), ending.signal)
      if (ending.signal.aborted) return
      try {
        await work()
        failures = 0
      } catch (error) {
        if (failures++ === 0) fasten.log.error('watch_failed', { what, error: error as Error })
      }
    }
  }

  const store = openForReading(database.ownerUrl)
  store.catch(() => {
    // Told by whoever waits for it below.
  })
  const running = [
    repeat('verifying logs', 1_000, async () => verifyNext(deps, await store)),
    repeat('remembering the place', 60_000, about.rememberPlace),
    repeat('reading seals', 60_000, () => checkSeals(database.pool, database.seals)),
  ]
  return {
    async close() {
      ending.abort()
      await Promise.all(running)
      await store.then(
        (opened) => opened.close(),
        () => undefined,
      )
    },
  }
}
