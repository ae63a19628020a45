// SPDX-License-Identifier: Apache-2.0
import { readJson } from '../../core/read-json.ts'
import { listQuarantine } from '../quarantine.ts'
import { decodeFrame } from '../spool/frame.ts'
import type { PersonalRow } from './personal-store.ts'
import { isBlank } from './scrub-spools.ts'
import { decodeSealed, type WrappedKey } from './sealed.ts'
import { sealedFramesIn, type FramesSeen } from './sealed-frames.ts'

/** What of one person lies outside of the rows: their keys, and the rows that use them, whatever became of those. */
export interface WaitingPerson {
  readonly keys: readonly WrappedKey[]
  readonly rows: readonly PersonalRow[]
}

/**
 * A look for a person in the spools and the quarantine under `root`, which can be asked again: it answers all that it ever saw, and
 * reads of the spools only what was written since, so that asking is cheap while others wait for a transaction to end.
 *
 * Rows go from a spool to the store, or to quarantine and from there to the store. Looked for in this order, a row on its way is seen
 * at least once, as long as the store is asked afterwards.
 */
export function lookForPerson(root: string, pseudonyms: readonly string[]): () => WaitingPerson {
  const seen: FramesSeen = new Map()
  const found: { keys: WrappedKey[]; rows: PersonalRow[] } = { keys: [], rows: [] }
  const add = (target: typeof found, sealed: Uint8Array, log: string, text: Uint8Array): void => {
    const mine = keysOf(pseudonyms, sealed)
    target.keys.push(...mine)
    if (mine.length > 0) target.rows.push(waitingRow(log, text))
  }
  return () => {
    for (const { sealed, log, text } of sealedFramesIn(root, seen)) add(found, sealed, log, text)
    const all = { keys: [...found.keys], rows: [...found.rows] }
    for (const { sealed, log, bytes } of listQuarantine(root))
      if (sealed !== undefined) add(all, sealed, log ?? '', bytes)
    return all
  }
}

/** The rows of a person among frames of an outbox. */
export function personalRowsIn(
  frames: readonly Uint8Array[],
  pseudonyms: readonly string[],
): readonly PersonalRow[] {
  return frames.flatMap((frame) => {
    const bytes = Buffer.from(frame)
    const decoded = decodeFrame(bytes, 0, bytes.length)
    if (decoded.kind !== 'frame' || decoded.draft.sealed === undefined) return []
    const { sealed, log, text } = decoded.draft
    return keysOf(pseudonyms, sealed).length > 0 ? [waitingRow(log, text)] : []
  })
}

const keysOf = (pseudonyms: readonly string[], sealed: Uint8Array): readonly WrappedKey[] =>
  (decodeSealed(sealed)?.keys ?? []).filter(
    ({ subject, wrapped }) => pseudonyms.includes(subject) && !isBlank(wrapped),
  )

/**
 * A draft as a legal hold looks at it. Its text is JSON but for the places that are still open (core/leaf.ts, core/open-number.ts); what
 * is no JSON even so is no draft, and held by nothing but a hold on times.
 */
function waitingRow(log: string, text: Uint8Array): PersonalRow {
  let members: Readonly<Record<string, unknown>> = {}
  try {
    const json = Buffer.from(text).toString().replaceAll('\u0000', '').replace('\u0001', '0')
    members = readJson(json) as typeof members
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  const named = (name: string): string | null => {
    const value = members[name]
    return typeof value === 'string' ? value : null
  }
  return {
    log,
    monotonic_seq: null,
    code: named('code'),
    actor: named('actor'),
    on_behalf_of: named('on_behalf_of'),
    target: named('target'),
    request_id: named('request_id'),
    tenant_id: named('tenant_id'),
    timestamp: named('timestamp'),
  }
}
