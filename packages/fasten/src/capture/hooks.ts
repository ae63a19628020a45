// SPDX-License-Identifier: Apache-2.0
import type { OwnedFasten } from './create.ts'

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Makes the end of the process an orderly one.
 *
 * - When the event loop runs empty, rows that are only in the spool are stored, then the process ends.
 * - At `exit` (also `process.exit()` and an uncaught exception) gathered lines are written and the spool is synced. That is blocking and
 *   brief; storing is left to the next start.
 * - A signal nobody else handles flushes and then ends the process by that same signal, so that its parent sees the truth. An
 *   application with its own handler is left in charge.
 *
 * Answers a function that takes the hooks out again.
 */
export function installExitHooks(instance: OwnedFasten): () => void {
  const onBeforeExit = (): void => {
    remove()
    void instance.close()
  }
  const onExit = (): void => instance.syncNow()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return instance.syncNow()
    void instance.close().finally(() => {
      remove()
      process.kill(process.pid, signal)
    })
  }
  const remove = (): void => {
    process.off('beforeExit', onBeforeExit)
    process.off('exit', onExit)
    for (const signal of endingSignals) process.off(signal, onSignal)
  }
  process.on('beforeExit', onBeforeExit)
  process.on('exit', onExit)
  for (const signal of endingSignals) process.on(signal, onSignal)
  return remove
}
