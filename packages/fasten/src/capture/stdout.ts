// SPDX-License-Identifier: Apache-2.0
/**
 * Lines for a writable (stdout by default), gathered and written once a turn: one system call for many lines, and still nothing
 * lost on a normal exit. A line is never cut.
 */
export interface LineWriter {
  write(line: string): void
  /** Writes what has gathered. */
  flush(): void
}

/** Anything with Node.js's `write(text)`. */
export interface TextWritable {
  write(text: string): unknown
}

/** Characters that are written without waiting for the end of the turn. */
const gatherCharactersMax = 64 << 10

/** `open` is called for the first line: touching `process.stdout` makes a pipe non-blocking, which is not ours to do unasked. */
export function createLineWriter(open: () => TextWritable): LineWriter {
  let gathered = ''
  let isScheduled = false

  function flush(): void {
    if (gathered === '') return
    const text = gathered
    gathered = ''
    open().write(text)
  }

  return {
    flush,
    write(line) {
      gathered += `${line}\n`
      if (gathered.length >= gatherCharactersMax) return flush()
      if (isScheduled) return
      isScheduled = true
      setImmediate(() => {
        isScheduled = false
        flush()
      })
    },
  }
}

let isSpokenFor = false

/**
 * Standard output belongs to a protocol (an MCP server on stdio) from now on: lines that would have gone there go to stderr, in every instance of
 * this process, whatever was configured, since one line between two messages is a message that nobody understands. There is no way back.
 */
export function leaveStdout(): void {
  isSpokenFor = true
}

/** Where lines go that were given no other place, or standard output itself. */
export function lineTarget(given?: TextWritable): TextWritable {
  const chosen = given ?? process.stdout
  return isSpokenFor && chosen === process.stdout ? process.stderr : chosen
}
