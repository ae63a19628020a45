// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import type { Reader } from '../reader/reader.ts'

/** What the pages are told. */
export interface ServedPages {
  /** Who is asked. Stays open; whoever opened it closes it. */
  readonly reader: Reader
  /** For questions that count from now. */
  readonly clock: Pick<Clock, 'nowMicros'>
  /** What is looked at, as people call it: a file, a host. */
  readonly name: string
  /** Paths and patterns of `*.codes.yaml` files that say what the service's own codes mean. */
  readonly codes: readonly string[]
  /** The text of a tlog-proof of the row at this place; null where no checkpoint covers it. */
  readonly proofOf: (log: string, seq: number) => Promise<string | null>
  /** 0 chooses a free one. */
  readonly port: number
  /** Ends it. */
  readonly signal: AbortSignal
  /** Told once, with the address that opens the pages in one browser, once. */
  readonly onListening: (address: string) => void
  /** Faults of ours, of which a browser is told no more than that. */
  readonly onError: (error: unknown) => void
}

/**
 * The server of the pages, in a package of its own that this one does not need: serves them at this machine until the signal aborts. Throws `FastenError` where
 * no pages are built.
 */
export type ServePages = (served: ServedPages) => Promise<void>
