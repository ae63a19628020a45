// SPDX-License-Identifier: Apache-2.0
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../core/checkpoint.ts'
import type { Clock } from '../../core/clock.ts'
import { FastenError } from '../../core/error.ts'
import { logName, parseLogName } from '../../core/log-name.ts'
import { createMerkleTree, type MerkleTree } from '../../core/merkle.ts'
import { parseNote } from '../../core/note.ts'
import { signatureLine } from '../../core/signature-line.ts'
import type { NoteCrypto } from '../../core/signature.ts'
import { formatMicros } from '../../core/timestamp.ts'
import { verifierKey, type VerifierKey } from '../../core/verifier-key.ts'
import type { Signer } from '../keys/signer.ts'
import type { Signing } from '../keys/signing.ts'
import type { Store, StoredCheckpoint } from '../ports.ts'

export interface SignLogOptions {
  readonly signing: Signing
  readonly crypto: NoteCrypto
  readonly clock: Clock
  /** Table of a log's stream, as the memory beside the key names it. */
  readonly tableOf: (log: string) => string
}

/** A log as whoever signs it knows it. */
export interface GrowingLog {
  /** Rows that are committed. */
  grownTo: number
  /** The tree as far as it was grown; null until it is needed. */
  tree: MerkleTree | null
}

export interface SignedEnd {
  readonly checkpoint: StoredCheckpoint
  /** Hash of its last row. */
  readonly head_hash: string
}

/**
 * A signed checkpoint over all committed rows of `log`. Grows the tree of `growing` by their hashes; nothing is kept.
 *
 * Two inconsistent checkpoints are never signed: before the tree goes beyond what was signed last, it must have been that. Throws
 * FastenError `SEAL_REFUSED` when it was not, when the log is shorter than what was signed, and when a row is missing; `NOTE_FORGED`
 * when the signer answers with something else than a signature; and whatever the signer rejects with.
 */
export async function signLog(
  { signing, crypto, clock, tableOf }: SignLogOptions,
  store: Store,
  log: string,
  growing: GrowingLog,
  signer: Signer,
): Promise<SignedEnd> {
  const key = verifierKey(log, 'ed25519', signer.publicKey, crypto.digest)
  const last = lastSigned(signing, tableOf(log), log)
  growing.tree ??= await treeAt(store, log, key, crypto)
  const { tree } = growing
  // Other processes may write the log too: what they signed, they stored before.
  if (last !== undefined && last.size > growing.grownTo)
    growing.grownTo = Math.max(growing.grownTo, await sizeOf(store, log))
  const size = growing.grownTo
  if (last !== undefined && last.size > size) throw shrunk(log, last.size, size)
  if (last !== undefined && last.size >= tree.size()) {
    await grow(store, log, tree, last.size)
    if (tree.root() !== last.root) {
      growing.tree = null
      throw diverged(log, last.size)
    }
  }
  const head_hash = await grow(store, log, tree, size)
  const text = formatCheckpoint({ origin: log, size, root: tree.root() })
  const signature = await signer.sign(new TextEncoder().encode(text))
  const note = `${text}\n${signatureLine(key, signature)}`
  // A signer that answers with something else would make us keep a note that nobody can verify.
  openCheckpoint(note, { logs: [key] }, crypto)
  return {
    checkpoint: {
      log,
      size,
      root: tree.root(),
      frontier: tree.frontier(),
      note,
      signed_at: formatMicros(clock.nowMicros()),
      cosignatures: 0,
    },
    head_hash,
  }
}

/** What was signed last, as it is remembered outside the database. */
function lastSigned(
  { memory }: Signing,
  table: string,
  log: string,
): { readonly size: number; readonly root: string } | undefined {
  const parts = parseLogName(log)
  if (parts === undefined) return undefined
  const end = memory?.recall(table, logName({ ...parts, generation: 1 }))
  return end?.log === log ? parseCheckpoint(parseNote(end.note).text) : undefined
}

async function sizeOf(store: Store, log: string): Promise<number> {
  return (await store.heads()).find((head) => head.log === log)?.size ?? 0
}

/**
 * The tree of the newest checkpoint that our key signed, so that only the rows since have to be read; an empty tree when there is none
 * to trust. The frontier needs no trust of its own: it either makes the signed root or it does not.
 */
async function treeAt(store: Store, log: string, key: VerifierKey, crypto: NoteCrypto): Promise<MerkleTree> {
  const [newest] = (await store.checkpoints?.({ log, limit: 1 })) ?? []
  if (newest !== undefined) {
    try {
      const { size, root } = openCheckpoint(newest.note, { logs: [key] }, crypto)
      const tree = createMerkleTree(crypto.digest, { from: { size, frontier: newest.frontier } })
      if (tree.root() === root) return tree
    } catch (error) {
      // Signed by another key, or not ours at all: then nothing is taken from it.
      if (!(error instanceof FastenError || error instanceof TypeError)) throw error
    }
  }
  return createMerkleTree(crypto.digest)
}

/** Grows the tree to `size` rows; answers the hash of the last. */
async function grow(store: Store, log: string, tree: MerkleTree, size: number): Promise<string> {
  let latest = ''
  // The row before is read along when there is nothing to grow by: its hash is asked for.
  for (let from = tree.size() === size ? size - 1 : tree.size(); from < size;) {
    const hashes = (await store.leafHashes?.(log, from, Math.min(size, from + turnRows))) ?? []
    if (hashes.length === 0) throw holed(log, from)
    for (const hash of hashes) if (from++ === tree.size()) tree.append(hash)
    latest = hashes.at(-1) ?? ''
    // A long stretch must not hold up the rows that come meanwhile.
    if (from < size) await new Promise((resolve) => setImmediate(resolve))
  }
  return latest
}

/** Rows hashed between two turns of the event loop: some ten milliseconds. */
const turnRows = 4096

function shrunk(log: string, signed: number, size: number): FastenError {
  return new FastenError('SEAL_REFUSED', `${log} has ${size} rows, and ${signed} were signed`, {
    at: log,
    hint: 'an older copy of the store was put back; the next row opens a new log that says so',
  })
}

function diverged(log: string, size: number): FastenError {
  return new FastenError('SEAL_REFUSED', `the first ${size} rows of ${log} are not those that were signed`, {
    at: log,
    hint: 'rows were changed: fasten verify names them; nothing that contradicts an earlier signature is signed',
  })
}

function holed(log: string, seq: number): FastenError {
  return new FastenError('SEAL_REFUSED', `row ${seq} of ${log} is missing or has no hash`, {
    at: log,
    hint: 'fasten verify names what is missing; the log is not signed beyond it',
  })
}
