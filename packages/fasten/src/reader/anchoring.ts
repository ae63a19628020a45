// SPDX-License-Identifier: Apache-2.0
import { createAnchor, type Trust } from '../core/anchor.ts'
import { leafHash } from '../core/chain.ts'
import { keyCodes } from '../core/log-keys.ts'
import { readJson } from '../core/read-json.ts'
import type { ScanFilter, LogHead, RowSource } from '../store/ports.ts'
import { noteCrypto } from '../store/platform.ts'
import type { LogVerdict } from '../core/verdict.ts'
import type { RowPlace } from '../core/verify.ts'

/** The signed checkpoints of one log, while a verifier walks its rows. */
export interface Anchoring {
  /** The hash that the verifier found at each place. */
  onHash(seq: number, hash: string): void
  /**
   * The verdict with what checkpoints say. `explaining` are rows whose word explains what is gone: what only rows say that no
   * checkpoint covers is not PASS, because whoever can write the store could have written them.
   */
  finish(verdict: LogVerdict, explaining: readonly RowPlace[]): Promise<LogVerdict>
  /** Once it has finished: whether the row is below the checkpoint that holds. */
  covers(place: RowPlace): boolean
}

/**
 * Gathers the checkpoints of a log and the rows that name its keys. What lies before `from` and behind the verified range is taken from
 * the store's hashes unchecked: only if they are right, they make the signed root.
 */
export async function startAnchoring(
  source: RowSource,
  head: LogHead,
  { from, trust }: { readonly from: number; readonly trust: Trust },
): Promise<Anchoring> {
  const { log, size } = head
  const stored = (await source.checkpoints?.({ log, limit: checkpointsMax })) ?? []
  const anchor = createAnchor({ log, trust, stored, crypto: noteCrypto })
  const naming = anchor.sizeMax === 0 ? new Map<number, string>() : await keyRows(source, head)
  /** Rows behind the range that explain something, and the hash that the tree has at their place. */
  const behind = new Map<number, string | undefined>()
  let next = 0
  let anchored = 0

  function onHash(seq: number, hash: string): void {
    anchor.append(seq, hash)
    if (behind.has(seq)) behind.set(seq, hash)
    next = seq + 1
    const leaf = naming.get(seq)
    // A row found by its columns counts only as the row that was hashed here.
    if (leaf !== undefined && leafHash(encoder.encode(leaf), noteCrypto.digest) === hash)
      anchor.addKeys(seq, readJson(leaf))
  }

  async function feed(to: number): Promise<void> {
    while (next < to) {
      const hashes = (await source.leafHashes?.(log, next, Math.min(to, next + pageRows))) ?? []
      if (hashes.length === 0) return
      for (const hash of hashes) onHash(next, hash)
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
  }

  await feed(Math.min(from, anchor.sizeMax, size))
  next = Math.max(next, from)
  return {
    onHash,
    async finish(verdict, explaining) {
      for (const { seq } of explaining) if (seq >= next) behind.set(seq, undefined)
      await feed(Math.min(anchor.sizeMax, size))
      const judged = anchor.finish(verdict, size)
      anchored = judged.anchored_to?.size ?? 0
      if (anchored === 0 || explaining.every(covers)) return judged
      return {
        ...judged,
        verdict: judged.verdict === 'FAIL' ? 'FAIL' : 'INCOMPLETE',
        notes: [...judged.notes, unsignedExplanation],
      }
    },
    covers,
  }

  function covers({ seq, hash }: RowPlace): boolean {
    return seq < anchored && (!behind.has(seq) || behind.get(seq) === hash)
  }
}

const unsignedExplanation =
  'what is gone is only explained by rows that no checkpoint covers yet: whoever can write the store could have put them there'

/** Leaves of the rows that name keys, by their place. */
async function keyRows(source: RowSource, { log, stream }: LogHead): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>()
  for (const code of keyCodes) {
    const name: ScanFilter = { audit: { code }, sys: { event: code }, api: { path: `/${code}` } }[stream]
    const rows = await source.scan({ stream, filter: { log, ...name }, order: 'stored', limit: keyRowsMax })
    for (const { row, leaf } of rows) if (leaf !== null) found.set(row.monotonic_seq, leaf)
  }
  return found
}

const encoder = new TextEncoder()
/** The newest ones; older ones say nothing that these do not. */
const checkpointsMax = 1000
const keyRowsMax = 10_000
const pageRows = 16_384
