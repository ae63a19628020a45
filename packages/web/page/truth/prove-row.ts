// SPDX-License-Identifier: Apache-2.0
import {
  canonicalize,
  genesis,
  leafHash,
  openTlogProof,
  parseTlogProof,
  type NoteCrypto,
  type VerifierKey,
} from 'fasten/core'
import type { ExpiredRow, ReaderRow } from 'fasten/reader/remote'
import type { Truth, TruthState, TruthStep } from './truth.ts'

/** What the server is asked for; its answers are claims, and checked. */
export interface Evidence {
  /** Null where there is no row. */
  rowAt(log: string, seq: number): Promise<ReaderRow | ExpiredRow | null>
  /** The text of a tlog-proof; null where no checkpoint covers the row, or it may not be asked for. */
  proofOf(log: string, seq: number): Promise<string | null>
}

/** What readers add to a row beside its leaf (spec/row.md). */
const besideTheLeaf: ReadonlySet<string> = new Set(['hash', 'verification', 'duration_ms', 'disclosures'])

/**
 * Proves one row with nothing but hashes and keys: its content makes its hash, the hash before it is the one it names, and its log's signed
 * checkpoint holds it at its place. `pinned` are the keys that whoever looks has decided to believe.
 */
export async function proveRow(
  row: ReaderRow | ExpiredRow,
  {
    evidence,
    pinned,
    crypto,
  }: {
    readonly evidence: Evidence
    readonly pinned: readonly VerifierKey[]
    readonly crypto: NoteCrypto
  },
): Promise<Truth> {
  if (row.hash === null || row.log === undefined || row.monotonic_seq === undefined)
    return {
      state: 'unanchored',
      steps: [open('content', 'the row lives in the memory of its process only, and has no hash yet')],
    }
  const isExpired = row.verification === 'expired'
  const steps: TruthStep[] = []
  if (!isExpired) {
    steps.push(contentOf(row, crypto))
    steps.push(await linkOf(row, evidence))
  }
  steps.push(
    await inclusionOf(row as { log: string; monotonic_seq: number; hash: string }, {
      evidence,
      pinned,
      crypto,
    }),
  )
  return { state: stateOf(row, steps), steps }
}

function contentOf(row: ReaderRow, { digest }: NoteCrypto): TruthStep {
  const leaf = Object.fromEntries(Object.entries(row).filter(([name]) => !besideTheLeaf.has(name)))
  const found = leafHash(new TextEncoder().encode(canonicalize(leaf)), digest)
  return found === row.hash
    ? { name: 'content', outcome: 'holds', told: `its content makes the hash ${short(found)}` }
    : {
        name: 'content',
        outcome: 'fails',
        told: `its content makes ${short(found)}, its hash says ${short(String(row.hash))}`,
      }
}

async function linkOf(row: ReaderRow, { rowAt }: Evidence): Promise<TruthStep> {
  const { log, monotonic_seq: seq, prev_hash: named } = row
  if (seq === 0)
    return named === genesis
      ? { name: 'link', outcome: 'holds', told: 'it is the first of its log' }
      : { name: 'link', outcome: 'fails', told: 'it is the first of its log and names a row before it' }
  const before = await rowAt(log, seq - 1)
  if (before === null) return open('link', `row ${seq - 1} may not be looked at, or is not there`)
  return before.hash === named
    ? { name: 'link', outcome: 'holds', told: `it names ${short(named)}, the hash of row ${seq - 1}` }
    : {
        name: 'link',
        outcome: 'fails',
        told: `it names ${short(named)}, and row ${seq - 1} has ${short(String(before.hash))}`,
      }
}

async function inclusionOf(
  {
    log,
    monotonic_seq: seq,
    hash,
  }: { readonly log: string; readonly monotonic_seq: number; readonly hash: string },
  {
    evidence,
    pinned,
    crypto,
  }: { readonly evidence: Evidence; readonly pinned: readonly VerifierKey[]; readonly crypto: NoteCrypto },
): Promise<TruthStep> {
  const text = await evidence.proofOf(log, seq)
  if (text === null) return open('inclusion', 'no signed checkpoint covers it')
  const keys = {
    logs: pinned.filter(({ kind, name }) => kind === 'ed25519' && name === log),
    witnesses: pinned.filter(({ kind }) => kind === 'cosignature/v1'),
  }
  if (keys.logs.length === 0)
    return open('inclusion', 'a checkpoint covers it; no key of its log is pinned here')
  try {
    const proof = parseTlogProof(text)
    if (proof.index !== seq)
      return { name: 'inclusion', outcome: 'fails', told: `the proof is of row ${proof.index}` }
    const { size, cosignatures, key } = openTlogProof(proof, hash, keys, crypto)
    const seen =
      cosignatures.length === 0 ? '' : `, cosigned by ${cosignatures.map((each) => each.key.name).join(', ')}`
    return {
      name: 'inclusion',
      outcome: 'holds',
      told: `the checkpoint of ${size.toLocaleString('en')} rows, signed with ${key.id}${seen}, holds it at place ${seq}`,
    }
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown }
    // A signature by a key that is not pinned says nothing against the row.
    if (code === 'NOTE_UNTRUSTED')
      return open('inclusion', `its checkpoint is signed with no key that is pinned here`)
    if (typeof code === 'string') return { name: 'inclusion', outcome: 'fails', told: String(message) }
    throw error
  }
}

function stateOf(row: ReaderRow | ExpiredRow, steps: readonly TruthStep[]): TruthState {
  if (steps.some(({ outcome }) => outcome === 'fails')) return 'broken'
  if (row.verification === 'expired') return 'expired'
  const isAnchored = steps.every(({ outcome }) => outcome === 'holds')
  if (!isAnchored) return 'unanchored'
  if ('origin' in row) return 'unproven'
  return hasErased(row) ? 'erased' : 'verified'
}

const hasErased = ({ disclosures }: ReaderRow): boolean =>
  Object.values(disclosures ?? {}).some((each) => (each as { state?: unknown }).state === 'erased')

const open = (name: TruthStep['name'], told: string): TruthStep => ({ name, outcome: 'open', told })
const short = (hash: string): string => (hash === genesis ? hash : `${hash.slice(0, 12)}…`)
