// SPDX-License-Identifier: Apache-2.0
import type { Writable } from 'node:stream'
import { systemCode } from '../core/error.ts'
import { painter, type Look } from './print/paint.ts'

/** Where a command prints. */
export interface Output {
  readonly isTerminal: boolean
  readonly look: Look
  /** Prints one line; resolves when the next one may come. Does nothing once the reader at the other end has gone. */
  line(text: string): Promise<void>
  lines(texts: Iterable<string>): Promise<void>
  /** Prints text as it is, without adding a line end. */
  write(text: string): Promise<void>
  /** True once the other end has gone (`| head`). */
  isClosed(): boolean
}

export type ColourChoice = 'auto' | 'always' | 'never'

interface TerminalLike extends Writable {
  readonly isTTY?: boolean
  readonly columns?: number
}

/**
 * An output over a writable of the process. `onClosed` is called once when the other end is gone; a broken pipe is how a
 * pipeline says that it has seen enough, so it is never an error.
 */
export function openOutput(
  writable: TerminalLike,
  colour: ColourChoice,
  env: Readonly<Record<string, string | undefined>>,
  onClosed: () => void,
): Output {
  let isClosed = false
  const close = (): void => {
    if (isClosed) return
    isClosed = true
    onClosed()
  }
  writable.on('error', (error: unknown) => {
    const code = systemCode(error)
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_DESTROYED' && code !== 'ERR_STREAM_WRITE_AFTER_END')
      throw error
    close()
  })
  const isTerminal = writable.isTTY === true
  const paint = painter(isColoured(colour, isTerminal, env))
  const write = async (text: string): Promise<void> => {
    if (isClosed || text === '') return
    if (!writable.write(text)) await drained(writable)
  }
  return {
    isTerminal,
    look: {
      paint,
      // Asked for each line: windows are resized while a tail runs.
      get columns() {
        return isTerminal ? (writable.columns ?? 80) : null
      },
    },
    line: (text) => write(`${text}\n`),
    lines: async (texts) => {
      for (const text of texts) await write(`${text}\n`)
    },
    write,
    isClosed: () => isClosed,
  }
}

/** `NO_COLOR` (any value) and `TERM=dumb` win over a terminal; an explicit choice wins over both. */
function isColoured(
  choice: ColourChoice,
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (choice !== 'auto') return choice === 'always'
  return isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}

/** Resolves when the writable takes more, or never will. */
function drained(writable: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      writable.off('drain', done)
      writable.off('error', done)
      writable.off('close', done)
      resolve()
    }
    writable.on('drain', done)
    writable.on('error', done)
    writable.on('close', done)
  })
}
