// SPDX-License-Identifier: Apache-2.0
import { leafBytesMax, readJson } from 'fasten/core'
import { z } from 'zod'
import { Problem } from '../../web/problem.ts'

/** The first line of a section (spec/fleet.md#rows). */
export interface SectionHeader {
  readonly log: string
  readonly from: number
  readonly count: number
  readonly checkpoint?: string | undefined
}

/** What a body is made of, in order. A row's line comes without its newline, and cut off behind the longest that is allowed. */
export type Piece =
  | { readonly kind: 'section'; readonly header: SectionHeader }
  | { readonly kind: 'row'; readonly line: Uint8Array }

export interface SectionLimits {
  readonly sections: number
  readonly rows: number
}

export interface SectionParser {
  /** The pieces that are complete with these bytes, those before a fault included. They share memory with them. */
  push(bytes: Uint8Array): Iterable<Piece>
  /** Throws when the body ends inside a section or a line. */
  end(): void
}

const headerBytesMax = 65_536

const headerSchema = z.strictObject({
  log: z.string().min(1).max(2_048),
  from: z.int().min(0),
  count: z.int().min(0),
  checkpoint: z.string().min(1).max(headerBytesMax).optional(),
})

/**
 * Parts a body into sections and rows as its bytes come in, and holds at most one line of it. Throws Problem 400 `BODY_MALFORMED`, naming the
 * section from 1 on, and `BODY_TRUNCATED`.
 */
export function createSectionParser(limits: SectionLimits): SectionParser {
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let rowsLeft = 0
  let rows = 0
  let sections = 0

  /** One byte beyond the limit is kept, by which whoever reads the line sees that it is too long. */
  function hold(bytes: Uint8Array): void {
    const room = (rowsLeft > 0 ? leafBytesMax : headerBytesMax) + 1 - pendingBytes
    if (room <= 0 || bytes.length === 0) return
    const kept = bytes.subarray(0, room)
    pending.push(kept)
    pendingBytes += kept.length
  }

  function takeLine(): Uint8Array {
    const line = pending.length === 1 ? (pending[0] as Uint8Array) : Buffer.concat(pending, pendingBytes)
    pending = []
    pendingBytes = 0
    return line
  }

  function pieceOf(line: Uint8Array): Piece {
    if (rowsLeft > 0) {
      rowsLeft--
      return { kind: 'row', line }
    }
    sections++
    if (sections > limits.sections) throw malformed(`more than ${limits.sections} sections`)
    const header = headerOf(line, sections)
    rowsLeft = header.count
    rows += header.count
    if (rows > limits.rows) throw malformed(`more than ${limits.rows} rows`)
    return { kind: 'section', header }
  }

  return {
    *push(bytes) {
      let at = 0
      for (;;) {
        const newline = bytes.indexOf(0x0a, at)
        hold(bytes.subarray(at, newline < 0 ? bytes.length : newline))
        if (newline < 0) return
        yield pieceOf(takeLine())
        at = newline + 1
      }
    },
    end() {
      if (pendingBytes > 0 || rowsLeft > 0)
        throw new Problem(400, 'BODY_TRUNCATED', `the body ends inside section ${Math.max(1, sections)}`, {
          hint: 'what is stored is stored: ask for the places and go on from there',
        })
    },
  }
}

function headerOf(line: Uint8Array, section: number): SectionHeader {
  if (line.length > headerBytesMax)
    throw malformed(`the first line of section ${section} has more than ${headerBytesMax} bytes`)
  let value: unknown
  try {
    value = readJson(new TextDecoder('utf-8', { fatal: true }).decode(line))
  } catch (error) {
    // Neither JSON nor, which the decoder tells by a TypeError, UTF-8.
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error
    throw malformed(`section ${section} does not begin with a line of JSON`)
  }
  const parsed = headerSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw malformed(
    `section ${section}: ${[...(issue?.path ?? []), issue?.message ?? 'is no section'].join(' ')}`,
  )
}

const malformed = (detail: string): Problem => new Problem(400, 'BODY_MALFORMED', detail)
