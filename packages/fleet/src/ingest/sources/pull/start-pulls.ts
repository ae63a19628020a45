// SPDX-License-Identifier: Apache-2.0
import { drawPull, runPull, type PullDeps } from './run-pull.ts'

export interface Pulls {
  /** Resolves when what was under way has ended. */
  close(): Promise<void>
}

/**
 * Asks sources whose turn it is, up to four at a time from this server, and looks every second whose it is. What goes wrong here and not at a source is told in the log, once until
 * it goes well again.
 */
export function startPulls(deps: PullDeps): Pulls {
  const closing = new AbortController()
  const running = new Set<Promise<void>>()
  let isTold = false
  let timer = setTimeout(tick, everyMs)
  let looking = Promise.resolve()

  function tick(): void {
    looking = look().then(() => {
      if (!closing.signal.aborted) timer = setTimeout(tick, everyMs)
    })
  }

  async function look(): Promise<void> {
    try {
      while (running.size < runningMax && !closing.signal.aborted) {
        const drawn = await drawPull(deps)
        isTold = false
        if (drawn === undefined) return
        const run: Promise<void> = runPull(deps, drawn, closing.signal)
          .catch(tell)
          .finally(() => running.delete(run))
        running.add(run)
      }
    } catch (error) {
      tell(error)
    }
  }

  function tell(error: unknown): void {
    if (!isTold) deps.fasten.log.error('source_not_pulled', { error })
    isTold = true
  }

  return {
    async close() {
      closing.abort()
      clearTimeout(timer)
      await looking
      await Promise.all(running)
    },
  }
}

const everyMs = 1_000
const runningMax = 4
