// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from 'fasten/core'
import type { Node } from '../nodes/node.ts'
import type { Piece, SectionHeader } from './body/section-parser.ts'
import { keepEvidence } from './evidence.ts'
import { noteLoss } from './note-loss.ts'
import { createReadAhead, type ReadLine } from './read-ahead.ts'
import { acceptHeader, Refused, tenantFor, type AcceptedHeader } from './section.ts'
import { chunkBytesMax, chunkRowsMax, storeRows, type StoreRowsDeps } from './store-rows.ts'

/** The answer about one section (spec/fleet.md#rows). */
export interface SectionResult {
  readonly log: string
  readonly size: number
  readonly signed_size: number
  readonly cosignature?: string
  readonly refused?: { readonly code: string; readonly message: string; readonly at_seq?: number }
}

export interface TakeBodyDeps extends StoreRowsDeps {
  readonly database: StoreRowsDeps['database'] & Parameters<typeof noteLoss>[0]['database']
  readonly book: Parameters<typeof noteLoss>[0]['book']
  /** The fleet's name: the service of its own logs. */
  readonly name: string
}

/** Takes the pieces of one body, in order. */
export interface BodyTaker {
  /**
   * Resolves when the next piece may come. Rows are stored whenever enough of them are in memory, while the next ones come and are read:
   * what goes wrong with them is thrown by a later call.
   */
  take(piece: Piece): Promise<void>
  /** Stores what is still in memory and answers one result for each section. */
  finish(): Promise<readonly SectionResult[]>
  /** Resolves when nothing is being stored any more. For a body that is given up: what it still holds is not stored. */
  settled(): Promise<void>
}

interface OpenSection {
  readonly header: SectionHeader
  readonly accepted: AcceptedHeader | undefined
  refused: Refused | undefined
  cosignature: string | undefined
  isCheckpointJudged: boolean
  readonly read: ((line: Uint8Array) => ReadLine) | undefined
  /** Number of the first row in memory. */
  next: number
  lines: ReadLine[]
  bytes: number
}

/**
 * Sections are stored in chunks, each in a transaction of its own, so that memory does not grow with the body and no lock waits for a slow
 * sender: a transaction begins when its rows are here. A chunk ends where the section's checkpoint does. While one is stored the next is read, so
 * that neither this process nor the database waits for the other; two are in memory at most.
 */
export function createBodyTaker(deps: TakeBodyDeps, node: Node): BodyTaker {
  const results: { readonly section: OpenSection }[] = []
  const places = new Map<string, { size: number; signed_size: number }>()
  let open: OpenSection | undefined
  let storing: Promise<void> = Promise.resolve()

  async function begin(header: SectionHeader): Promise<void> {
    let accepted: AcceptedHeader | undefined
    let refused: Refused | undefined
    try {
      accepted = acceptHeader(header, node, deps.name)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      refused = error
    }
    open = {
      header,
      accepted,
      refused,
      cosignature: undefined,
      isCheckpointJudged: accepted?.checkpoint === undefined,
      read: accepted && createReadAhead(header.log, header.from),
      next: header.from,
      lines: [],
      bytes: 0,
    }
    results.push({ section: open })
    if (refused !== undefined) await keep(open, refused)
  }

  async function end(): Promise<void> {
    if (open === undefined) return
    if (open.lines.length > 0 || !open.isCheckpointJudged || open.header.count === 0) await send(open)
    open = undefined
  }

  /** Begins to store what is in memory, once what was before it is stored. */
  async function send(section: OpenSection): Promise<void> {
    const { accepted, next, lines } = section
    section.next += lines.length
    section.lines = []
    section.bytes = 0
    const reaches = accepted?.checkpoint !== undefined && accepted.checkpoint.size <= section.next
    const checkpoint = reaches && !section.isCheckpointJudged ? accepted.checkpoint : undefined
    section.isCheckpointJudged ||= reaches
    await storing
    // Nothing is to be stored, and a log is not made for nothing.
    if (accepted === undefined || (lines.length === 0 && checkpoint === undefined)) return
    storing = store(section, { next, lines, checkpoint })
    storing.catch(() => {
      // Thrown to whoever waits for it next.
    })
  }

  async function store(
    section: OpenSection,
    { next, lines, checkpoint }: Pick<OpenSection, 'next' | 'lines'> & Pick<AcceptedHeader, 'checkpoint'>,
  ): Promise<void> {
    if (section.refused !== undefined) return
    const { header } = section
    try {
      const isFirst = next === header.from
      const { log } = header
      const stored = await storeRows(deps, {
        log,
        node_id: node.node_id,
        from: next,
        lines,
        isFirst,
        checkpoint,
      })
      places.set(log, { size: stored.size, signed_size: stored.signed_size })
      section.cosignature ??= stored.cosignature
      section.refused = stored.refused
      if (next === 0 && stored.stored > 0) await noteLoss(deps, node, log, lines[0]?.bytes)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      section.refused = error
    }
    if (section.refused !== undefined) await keep(section, section.refused)
  }

  async function keep({ header }: OpenSection, refused: Refused): Promise<void> {
    // A place, and no evidence of anything.
    if (refused.code === 'GAP') return
    await keepEvidence(deps, {
      node_id: node.node_id,
      log: header.log,
      tenant: tenantFor(node, header.log),
      code: refused.code,
      at_seq: refused.at_seq,
      message: refused.message,
      sent: refused.sent,
      checkpoint: header.checkpoint,
      known: { ...places.get(header.log), ...refused.known },
    })
  }

  return {
    async take(piece) {
      if (piece.kind === 'section') {
        await end()
        return begin(piece.header)
      }
      const section = open
      if (section?.read === undefined || section.refused !== undefined) return
      section.lines.push(section.read(piece.line))
      section.bytes += piece.line.length
      const isFull = section.lines.length >= chunkRowsMax || section.bytes >= chunkBytesMax
      const isAtCheckpoint =
        !section.isCheckpointJudged &&
        section.next + section.lines.length === section.accepted?.checkpoint?.size
      if (isFull || isAtCheckpoint) await send(section)
    },
    async finish() {
      await end()
      await storing
      const own = results.flatMap(({ section: { header, accepted } }) =>
        accepted === undefined && !isOwn(node, header.log) ? [] : [header.log],
      )
      const now = await deps.replica.places(deps.database.pool, own)
      return results.map(({ section }) => resultOf(section, now.get(section.header.log)))
    },
    settled: () => storing.catch(() => {}),
  }
}

function isOwn(node: Node, log: string): boolean {
  return parseLogName(log) !== undefined && tenantFor(node, log) !== null
}

function resultOf(
  { header, refused, cosignature }: OpenSection,
  place: { readonly size: number; readonly signed_size: number } | undefined,
): SectionResult {
  return {
    log: header.log,
    size: place?.size ?? 0,
    signed_size: place?.signed_size ?? 0,
    ...(cosignature === undefined ? {} : { cosignature }),
    ...(refused === undefined
      ? {}
      : {
          refused: {
            code: refused.code,
            message: refused.message,
            ...(refused.at_seq === undefined ? {} : { at_seq: refused.at_seq }),
          },
        }),
  }
}
