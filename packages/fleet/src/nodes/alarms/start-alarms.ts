// SPDX-License-Identifier: Apache-2.0
import { deliverDue, type DeliverDeps } from './deliver.ts'
import { watchNodes, type WatchDeps } from './watch.ts'

export interface AlarmLoops {
  /** Resolves when what was under way has ended. */
  close(): Promise<void>
}

/**
 * Watches the nodes every 15 seconds, all servers of a fleet together, and tells the channels every two what is due. What goes wrong is told in the log, once
 * until it goes well again, and tried the next time.
 */
export function startAlarms(deps: WatchDeps & DeliverDeps): AlarmLoops {
  const loops = [
    every(15_000, 'nodes_not_watched', deps, () => watchNodes(deps, { notWithinS: 10 })),
    ...(deps.channels.length === 0 ? [] : [every(2_000, 'alarms_not_told', deps, () => deliverDue(deps))]),
  ]
  return {
    async close() {
      await Promise.all(loops.map((loop) => loop.close()))
      for (const channel of deps.channels) await channel.close?.()
    },
  }
}

function every(
  pauseMs: number,
  event: string,
  { fasten }: Pick<WatchDeps, 'fasten'>,
  work: () => Promise<unknown>,
): AlarmLoops {
  let isTold = false
  let running = Promise.resolve()
  let isClosed = false
  const run = (): void => {
    running = work()
      .then(
        () => {
          isTold = false
        },
        (error: unknown) => {
          if (!isTold) fasten.log.error(event, { error })
          isTold = true
        },
      )
      .then(() => {
        if (!isClosed) timer = setTimeout(run, pauseMs)
      })
  }
  let timer = setTimeout(run, pauseMs)
  return {
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running
    },
  }
}
