// SPDX-License-Identifier: Apache-2.0

/** One way of recording an event, opened on an empty directory. */
export interface Recorder {
  /** Records event number `i`. What it costs the caller is what we measure. */
  call(i: number): void
  /** Resolves when everything recorded so far has reached its destination; nothing is recorded afterwards. */
  drain(): Promise<void>
  /** Reads everything back. Throws unless exactly `count` events are there with the right content. */
  check(count: number): Promise<void>
}

export interface Subject {
  /** As printed. */
  readonly title: string
  open(dir: string): Promise<Recorder>
}
