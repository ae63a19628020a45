// SPDX-License-Identifier: Apache-2.0
import { openCheckpoint, parseCheckpoint, type TrustedCheckpoint } from './checkpoint.ts'
import { FastenError } from './error.ts'
import { createLogKeys } from './log-keys.ts'
import { createMerkleTree } from './merkle.ts'
import { parseNote } from './note.ts'
import type { NoteCrypto } from './signature.ts'
import { hasQuorum, type TlogPolicy } from './tlog-policy.ts'
import type { AnchoredTo, Break, LogVerdict } from './verdict.ts'
import { formatVerifierKey, type VerifierKey } from './verifier-key.ts'
import { unsignedNote } from './verify.ts'

/** Whom a verifier believes, and what it has kept. All of it is handed in; nothing of it comes from what is verified. */
export interface Trust {
  /** Keys of logs. None: those that the logs name themselves, and the verdict says so. */
  readonly logs: readonly VerifierKey[]
  /** Public keys of this machine, which count for logs that no key was given for. */
  readonly own: readonly Uint8Array[]
  readonly witnesses: readonly VerifierKey[]
  /** What makes a checkpoint count, besides its log's signature. */
  readonly policy?: TlogPolicy
  /** Checkpoints from outside the store, with where each comes from. */
  readonly kept: readonly { readonly note: string; readonly from: string }[]
}

export const trustNobody: Trust = { logs: [], own: [], witnesses: [], kept: [] }

export interface AnchorOptions {
  readonly log: string
  readonly trust: Trust
  /** Notes that lie in the store, with the sizes they are kept under. */
  readonly stored: readonly { readonly note: string; readonly size: number }[]
  readonly crypto: NoteCrypto
}

/** Compares a log with signed checkpoints, while its rows pass by. */
export interface Anchor {
  /** The largest size that a checkpoint speaks of; beyond it no hash is needed. */
  readonly sizeMax: number
  /** Takes the hash of the row at `seq`. They come in order from 0; behind a missing one nothing is compared any more. */
  append(seq: number, hash: string): void
  /** Takes a row that may name keys (`keyCodes`), whose leaf is what was hashed at that place. */
  addKeys(seq: number, row: unknown): void
  /** The verdict with what checkpoints say. `rows` is how many the log has. */
  finish(verdict: LogVerdict, rows: number): LogVerdict
}

/**
 * Size and root are believed from a checkpoint only once its signature holds, against a key that was given, or failing that a key
 * that the log names. A checkpoint that holds and contradicts the rows is a break; one that is larger than the log names the rows that were
 * cut off. Where keys, witnesses or checkpoints were given and nothing is anchored by them, the verdict is not PASS; nor is it where a
 * kept checkpoint could not be compared.
 */
export function createAnchor({ log, trust, stored, crypto }: AnchorOptions): Anchor {
  const keys = createLogKeys(log, { given: trust.logs, own: trust.own }, crypto)
  const claims = [
    ...trust.kept.map(({ note, from }) => ({ note, from, size: sizeOf(note, log) })),
    ...stored.map(({ note, size }) => ({
      note,
      from: 'the store',
      size: sizeOf(note, log) ?? size,
      isStored: true as const,
    })),
  ].filter((claim): claim is Claim => claim.size !== undefined)
  const sizes = [...new Set(claims.map(({ size }) => size))].sort((one, other) => one - other)
  const tree = createMerkleTree(crypto.digest)
  const roots = new Map<number, string>()
  let next = 0
  if (sizes[0] === 0) roots.set(0, tree.root())

  function finish(verdict: LogVerdict, rows: number): LogVerdict {
    const breaks: Break[] = []
    const notes: string[] = []
    let best: TrustedCheckpoint | undefined
    let untrusted = 0
    let isKeptUnread = false
    let shortest: Claim | undefined
    let isQuorumMissed = false
    for (const claim of claims) {
      const opened = open(claim)
      if (opened instanceof FastenError) {
        if (opened.code === 'NOTE_UNTRUSTED') {
          untrusted++
          isKeptUnread ||= claim.isStored !== true
        } else
          breaks.push(
            at('checkpoint_invalid', claim.size, `a checkpoint from ${claim.from}: ${opened.message}`),
          )
        continue
      }
      const root = roots.get(opened.size)
      if (opened.size > rows)
        shortest = shortest === undefined || shortest.size < opened.size ? claim : shortest
      else if (root === undefined)
        notes.push(`the checkpoint of ${opened.size} rows was not compared: rows before its end are missing`)
      else if (root !== opened.root) {
        const message = `the first ${opened.size} rows have the root ${root.slice(0, 16)}…, the checkpoint from ${claim.from} says ${opened.root.slice(0, 16)}…`
        // One damage is one break: rows that are named already do not make the root that was signed.
        if (verdict.breaks.some(({ from_index }) => from_index < opened.size)) notes.push(message)
        else breaks.push(at('checkpoint_mismatch', opened.size, message))
      } else if (trust.policy !== undefined && !hasQuorum(trust.policy, opened)) isQuorumMissed = true
      else if (best === undefined || isBetter(opened, best)) best = opened
    }
    if (shortest !== undefined) {
      const { size, from } = shortest
      const message = `the log has ${rows} rows, the checkpoint from ${from} was signed over ${size}: rows ${rows} to ${size - 1} are gone`
      breaks.push({ kind: 'log_shorter_than_checkpoint', from_index: rows, to_index: size - 1, message })
    }
    return judged(verdict, {
      breaks,
      notes,
      best,
      untrusted,
      isQuorumMissed,
      isKeptUnread,
      missing: (shortest?.size ?? rows) - rows,
    })
  }

  function open({ note, size }: Claim): TrustedCheckpoint | FastenError {
    try {
      const logs = keys.at(size)
      const opened = openCheckpoint(note, { logs, witnesses: trust.witnesses }, crypto)
      return opened.origin === log ? opened : new FastenError('NOTE_UNTRUSTED', 'it is of another log')
    } catch (error) {
      if (error instanceof FastenError) return error
      throw error
    }
  }

  function judged(verdict: LogVerdict, found: Found): LogVerdict {
    const { best, breaks } = found
    const total = verdict.breaks_total + breaks.length
    const isAsked =
      trust.logs.length > 0 || trust.policy !== undefined || claims.some(({ isStored }) => isStored !== true)
    const isComplete =
      verdict.verdict !== 'INCOMPLETE' && (best !== undefined || !isAsked) && !found.isKeptUnread
    return {
      ...verdict,
      verdict: total > 0 ? 'FAIL' : isComplete ? 'PASS' : 'INCOMPLETE',
      rows_missing: verdict.rows_missing + found.missing,
      breaks: [...verdict.breaks, ...breaks]
        .sort((one, other) => one.from_index - other.from_index)
        .slice(0, 1000),
      breaks_total: total,
      anchored_to: best === undefined ? null : anchoredTo(best),
      unanchored_rows:
        best === undefined
          ? verdict.rows_checked
          : Math.max(0, verdict.to_index - Math.max(verdict.from_index, best.size)),
      notes: [...notesOf(verdict, found), ...keys.notes()],
    }
  }

  function notesOf(verdict: LogVerdict, { best, notes, untrusted, isQuorumMissed }: Found): string[] {
    const told = verdict.notes.filter((note) => note !== unsignedNote || best === undefined)
    if (best !== undefined && keys.sourceOf(best.key) === 'log')
      told.push(
        'the key was taken from the log itself: who could rewrite the store could have put another one there; give it with --key',
      )
    if (best !== undefined && best.size < verdict.to_index)
      told.push(`rows from ${best.size} on lie behind the newest signed checkpoint`)
    if (untrusted > 0)
      told.push(
        `${untrusted === 1 ? 'a checkpoint is' : `${untrusted} checkpoints are`} not signed by a key that is trusted here`,
      )
    if (isQuorumMissed && best === undefined)
      told.push('no checkpoint was cosigned by as many witnesses as the policy asks for')
    if (best === undefined && trust.logs.length > 0 && keys.all().length === 0)
      told.push('none of the keys that were given is named after this log')
    return [...told, ...new Set(notes)]
  }

  function anchoredTo({ size, root, key, cosignatures }: TrustedCheckpoint): AnchoredTo {
    return {
      size,
      root,
      key: formatVerifierKey(key),
      key_source: keys.sourceOf(key),
      witnesses: { signed: cosignatures.length, known: trust.witnesses.length },
    }
  }

  return {
    sizeMax: sizes.at(-1) ?? 0,
    append(seq, hash) {
      if (seq !== tree.size() || seq >= (sizes.at(-1) ?? 0) || !/^[0-9a-f]{64}$/.test(hash)) return
      tree.append(hash)
      while ((sizes[next] ?? Infinity) < tree.size()) next++
      if (sizes[next] === tree.size()) roots.set(tree.size(), tree.root())
    },
    addKeys: keys.add,
    finish,
  }
}

interface Claim {
  readonly note: string
  readonly from: string
  readonly size: number
  readonly isStored?: true
}

interface Found {
  readonly breaks: readonly Break[]
  readonly notes: readonly string[]
  readonly best: TrustedCheckpoint | undefined
  readonly untrusted: number
  readonly isQuorumMissed: boolean
  /** A kept checkpoint was not compared, because no key that is trusted here signed it. */
  readonly isKeptUnread: boolean
  readonly missing: number
}

/** What a note says its size is, believed by nobody; undefined for a note of another log. */
function sizeOf(note: string, log: string): number | undefined {
  try {
    const { origin, size } = parseCheckpoint(parseNote(note).text)
    return origin === log ? size : undefined
  } catch (error) {
    if (error instanceof FastenError) return undefined
    throw error
  }
}

/** Larger, or as large and seen by more witnesses. */
function isBetter(one: TrustedCheckpoint, other: TrustedCheckpoint): boolean {
  return one.size === other.size ? one.cosignatures.length > other.cosignatures.length : one.size > other.size
}

const at = (kind: Break['kind'], size: number, message: string): Break => ({
  kind,
  from_index: Math.max(0, size - 1),
  to_index: Math.max(0, size - 1),
  message,
})
