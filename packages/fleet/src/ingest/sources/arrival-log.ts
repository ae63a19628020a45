// SPDX-License-Identifier: Apache-2.0
import {
  canonicalize,
  chain,
  cosign,
  formatCheckpoint,
  formatMicros,
  formatVerifierKey,
  parseLogName,
  signatureLine,
  type Clock,
  type JsonObject,
  type NoteSigner,
} from 'fasten/core'
import { createSystemIds, sha256 } from 'fasten/store'
import {
  createOwnRows,
  createPlacedRows,
  type HeldReplica,
  type PlacedRow,
  type RowFault,
} from 'fasten/store/replica'
import type { ArrivalKeys } from './arrival-keys.ts'
import type { Source } from './source.ts'

export interface ArrivalLogDeps {
  readonly keys: ArrivalKeys
  /** The fleet's own key, kind 4. */
  readonly witness: NoteSigner
  readonly clock: Clock
}

/** A log of a source, as the transaction that holds it writes it. */
export interface ArrivalLog {
  /** Rows that were added. */
  added(): number
  /** Puts a row behind the last one, or answers what keeps it from being there. */
  add(row: JsonObject): RowFault | undefined
  /** Signs for all that is there now, and keeps the checkpoint. */
  sign(): Promise<void>
}

/**
 * Opens the log of a held replica that this fleet writes itself: its first row names the key that signs it and the source, and each row takes its place and link
 * here.
 */
export function openArrivalLog(
  { keys, witness, clock }: ArrivalLogDeps,
  held: HeldReplica,
  source: Pick<Source, 'source_id' | 'kind'>,
): ArrivalLog {
  const { log } = held
  const parts = parseLogName(log)
  if (parts === undefined) throw new TypeError(`${log} is no name of a log`)
  const read = createPlacedRows(log, sha256)
  const signer = keys.signerOf(log)
  // The fleet is the process that these rows come from: it counts them, so that one which is missing later is missed.
  const boot_id = `a${sha256(new TextEncoder().encode(`arrivals of ${log}`)).slice(0, 15)}`
  let added = 0

  if (held.size() === 0) {
    const own = createOwnRows({
      clock,
      ids: createSystemIds(),
      software: { name: 'fasten-fleet', version: '1' },
    })
    const text = own.logCreated(parts, log, undefined, {
      public_key: formatVerifierKey(signer.key),
      sealed_on_arrival: { kind: source.kind, source: source.source_id },
    })
    const { leaf } = chain(text, { log, size: 0, head_hash: held.head_hash() }, sha256)
    const first = read(leaf, { monotonic_seq: 0, prev_hash: held.head_hash() })
    if (!('hash' in first)) throw new TypeError(`row 0 of ${log}: ${first.message}`)
    held.place([first])
  }

  function placed(row: JsonObject): PlacedRow | RowFault {
    const place = { monotonic_seq: held.size(), prev_hash: held.head_hash() }
    const text = canonicalize({ ...row, ...place, boot_id, boot_seq: place.monotonic_seq - 1, log })
    return read(encoder.encode(text), place)
  }

  return {
    added: () => added,
    add(row) {
      const found = placed(row)
      if (!('hash' in found)) return found
      held.place([found])
      added++
      return undefined
    },
    async sign() {
      const size = held.size()
      const tree = await held.treeAt(size)
      const root = tree.root()
      const micros = clock.nowMicros()
      const text = formatCheckpoint({ origin: log, size, root })
      const own = signatureLine(signer.key, signer.sign(encoder.encode(text)))
      await held.put({
        size,
        root,
        frontier: tree.frontier(),
        note: `${text}\n${own}${cosign(text, Math.floor(micros / 1_000_000), witness)}`,
        signed_at: formatMicros(micros),
        cosignatures: 1,
      })
    },
  }
}

const encoder = new TextEncoder()
