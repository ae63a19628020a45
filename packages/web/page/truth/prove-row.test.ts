// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  canonicalize,
  createMerkleTree,
  createNodeCollector,
  formatCheckpoint,
  formatTlogProof,
  genesis,
  inclusionPlan,
  leafHash,
  proofFrom,
  signNote,
  verifierKey,
  type JsonObject,
} from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { ed25519Pair } from 'fasten/store'
import { browserCrypto } from './crypto.ts'
import { proveRow, type Evidence } from './prove-row.ts'

const log = 'acme/shop/n1/audit'
const { digest } = browserCrypto
const { publicKey, sign } = ed25519Pair(generateKeyPairSync('ed25519').privateKey)
const key = verifierKey(log, 'ed25519', publicKey, digest)

/** A log of so many rows, as a reader shows it. */
function logOf(size: number, more: JsonObject = {}): readonly ReaderRow[] {
  let prev_hash: string = genesis
  return Array.from({ length: size }, (_, monotonic_seq) => {
    const leaf = {
      code: 'ORDER_PLACED',
      log,
      monotonic_seq,
      prev_hash,
      stream: 'audit',
      target: `order/${monotonic_seq}`,
      ...more,
    }
    const hash = leafHash(Buffer.from(canonicalize(leaf)), digest)
    prev_hash = hash
    return { ...leaf, hash, verification: 'chained' } as unknown as ReaderRow
  })
}

function proofIn(rows: readonly ReaderRow[], index: number): string {
  const tree = createMerkleTree(digest)
  const plan = inclusionPlan(index, rows.length)
  const nodes = createNodeCollector(plan, digest)
  for (const { hash } of rows) {
    tree.append(hash ?? '')
    nodes.append(hash ?? '')
  }
  const checkpoint = signNote(formatCheckpoint({ origin: log, size: rows.length, root: tree.root() }), {
    key,
    sign,
  })
  return formatTlogProof({ index, path: proofFrom(plan, nodes.nodeAt, digest), checkpoint })
}

const evidenceOf = (
  rows: readonly ReaderRow[],
  proof: (seq: number) => string | null = (seq) => proofIn(rows, seq),
): Evidence => ({
  rowAt: async (_log, seq) => rows[seq] ?? null,
  proofOf: async (_log, seq) => proof(seq),
})

const rows = logOf(9)
const rowAt = (seq: number): ReaderRow => rows[seq] ?? assert.fail()
const prove = (row: ReaderRow, evidence = evidenceOf(rows), pinned = [key]) =>
  proveRow(row, { evidence, pinned, crypto: browserCrypto })

describe('what a browser finds out about a row', () => {
  test('it is verified, wherever in its log it stands', async () => {
    for (const row of rows) assert.equal((await prove(row)).state, 'verified', String(row.monotonic_seq))
  })

  test('without a pinned key, or a checkpoint that covers it, it is unanchored', async () => {
    assert.equal((await prove(rowAt(4), evidenceOf(rows), [])).state, 'unanchored')
    assert.equal(
      (
        await prove(
          rowAt(4),
          evidenceOf(rows, () => null),
        )
      ).state,
      'unanchored',
    )
  })

  test('of a source that proves nothing it says so, whatever was sealed on arrival', async () => {
    const arrived = logOf(3, { origin: { source: 'billing' } })
    const { state } = await prove(arrived[1] ?? assert.fail(), evidenceOf(arrived))
    assert.equal(state, 'unproven')
  })

  test('every change to content, hash, link, place or proof breaks it', async () => {
    const row = rowAt(4)
    const others = logOf(9, { target: 'order/0' })
    const lies: Readonly<Record<string, Promise<{ readonly state: string }>>> = {
      content: prove({ ...row, target: 'order/999' } as ReaderRow),
      'a member more': prove({ ...row, reason: 'none' } as ReaderRow),
      hash: prove({ ...row, hash: rowAt(5).hash }),
      'the row before it': prove(row, { ...evidenceOf(rows), rowAt: async () => rowAt(2) }),
      place: prove(
        row,
        evidenceOf(rows, () => proofIn(rows, 5)),
      ),
      'the proof of another log': prove(
        row,
        evidenceOf(rows, () => proofIn(others, 4)),
      ),
      'a proof that is none': prove(
        row,
        evidenceOf(rows, () => 'hello'),
      ),
    }
    for (const [what, truth] of Object.entries(lies)) assert.equal((await truth).state, 'broken', what)
  })

  test('a checkpoint that somebody else signed anchors nothing', async () => {
    const other = ed25519Pair(generateKeyPairSync('ed25519').privateKey)
    const stranger = verifierKey(log, 'ed25519', other.publicKey, digest)
    assert.equal((await prove(rowAt(4), evidenceOf(rows), [stranger])).state, 'unanchored')
  })

  test('what has expired keeps its place in the tree', async () => {
    const { hash, monotonic_seq, stream } = rowAt(4)
    const expired = { log, stream, monotonic_seq, hash, verification: 'expired' } as unknown as ReaderRow
    const truth = await prove(expired)
    assert.equal(truth.state, 'expired')
    assert.deepEqual(
      truth.steps.map(({ name, outcome }) => [name, outcome]),
      [['inclusion', 'holds']],
    )
  })
})
