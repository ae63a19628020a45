// SPDX-License-Identifier: Apache-2.0
import type { Head } from '../core/chain.ts'
import { FastenError } from '../core/error.ts'
import { readJson } from '../core/read-json.ts'
import type { Row } from '../core/row.ts'
import type { SpooledDraft } from './ports.ts'

/** A draft that no store can ever take, for the reason given. */
export function malformed(message: string, { log }: Pick<SpooledDraft, 'log'>, cause?: unknown): FastenError {
  return new FastenError('DRAFT_MALFORMED', message, { at: log, ...(cause === undefined ? {} : { cause }) })
}

/** Whether an error says that one draft is bad, rather than that the store as a whole cannot take rows now. */
export function isRejection(error: unknown): error is FastenError {
  return error instanceof FastenError && rejectionCodes.has(error.code)
}

const rejectionCodes: ReadonlySet<string> = new Set(['DRAFT_MALFORMED', 'ROW_TOO_LARGE', 'ROW_DUPLICATE'])

/** The head that a stored row was chained to, or undefined when its leaf does not say. */
export function placeInLeaf(leaf: string): Head | undefined {
  try {
    const { log, monotonic_seq: size, prev_hash: head_hash } = readJson(leaf) as Partial<Row>
    return log === undefined || size === undefined || head_hash === undefined
      ? undefined
      : { log, size, head_hash }
  } catch (error) {
    // A damaged row is not the same as anything.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}
