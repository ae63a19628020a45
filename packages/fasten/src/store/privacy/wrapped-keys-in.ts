// SPDX-License-Identifier: Apache-2.0
import type { AppendBatch, RejectedDraft } from '../ports.ts'
import { decodeSealed, type WrappedKey } from './sealed.ts'

/** The keys that come with a batch, and the drafts whose sealed part cannot be read: those no store can ever take. */
export function wrappedKeysIn({ drafts }: AppendBatch): {
  readonly wrapped: readonly WrappedKey[]
  readonly rejected: readonly RejectedDraft[]
} {
  const wrapped: WrappedKey[] = []
  const rejected: RejectedDraft[] = []
  for (const [index, { sealed }] of drafts.entries()) {
    if (sealed === undefined) continue
    const decoded = decodeSealed(sealed)
    if (decoded !== undefined) wrapped.push(...decoded.keys)
    else
      rejected.push({
        index,
        code: 'DRAFT_MALFORMED',
        message: 'what is sealed beside the draft cannot be read',
      })
  }
  return { wrapped, rejected }
}
