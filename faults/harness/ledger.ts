// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'

export interface Ledger {
  /** The ids of rows that were promised. They are in the file when this returns, whatever becomes of the process. */
  ack(ids: readonly string[]): void
  close(): void
}

/**
 * The client's own account of what it was promised: an append-only file on another path than the system under test, which
 * never sees it and whose disk never fails, so that a plain write keeps it. Written after each acknowledgement and not before, so that every whole line is a promise that was given.
 */
export function openLedger(path: string): Ledger {
  const handle = openSync(path, 'a')
  const write = writeSync
  return {
    ack(ids) {
      if (ids.length === 0) return
      write(handle, `${ids.join('\n')}\n`)
    },
    close: () => closeSync(handle),
  }
}

/** Resolves once a promise more than now stands in the ledger: a slow machine may take long to its first. Rejects after a minute. */
export async function onePromiseMore(path: string): Promise<void> {
  const bytes = (): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const [before, deadline] = [bytes(), performance.now() + 60_000]
  while (bytes() === before) {
    if (performance.now() > deadline) throw new TypeError('nothing was promised for a minute')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** What a ledger holds; a line that a kill cut off was not a promise yet. */
export function readLedger(...paths: readonly string[]): ReadonlySet<string> {
  const acked = new Set<string>()
  for (const path of paths) {
    if (!existsSync(path)) continue
    for (const line of readFileSync(path, 'utf8').split('\n')) if (/^evt-.{26}$/.test(line)) acked.add(line)
  }
  return acked
}
