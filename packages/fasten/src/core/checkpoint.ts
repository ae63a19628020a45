// SPDX-License-Identifier: Apache-2.0
import { FastenError } from './error.ts'
import { assertHash } from './merkle.ts'
import { openNote, type OpenedNote, type VerifiedSignature } from './note.ts'
import { hashFromBase64, hashToBase64, parseCount } from './octets.ts'
import { signatureLine } from './signature-line.ts'
import type { NoteCrypto } from './signature.ts'
import type { VerifierKey } from './verifier-key.ts'

/** What a checkpoint says; a claim, until it is signed. */
export interface CheckpointClaim {
  /** The log's name. */
  readonly origin: string
  /** Rows in the log. */
  readonly size: number
  /** 64 lower-case hex. */
  readonly root: string
  /** Further lines. We write none; those of others are kept, because they are signed as well. */
  readonly extensions: readonly string[]
}

declare const trust: unique symbol

/**
 * Size and root of a log, vouched for by a key that the caller gave. Only `openCheckpoint` makes one, and every function that checks a
 * proof takes its size and root from here together: proofs do not bind the size they were made for, so a size from anywhere else
 * (the proof itself, a column, a URL) would be accepted as well as the true one. Source: spec/proofs.md#the-size-trap.
 */
export interface TrustedCheckpoint extends CheckpointClaim {
  readonly [trust]: true
  /** The key that vouches for it: the log's, or that of the witness who kept it. */
  readonly key: VerifierKey
  /** Cosignatures of the given witnesses, each witness once, in the order of the note. */
  readonly cosignatures: readonly VerifiedSignature[]
  /** The signed text, to be signed again or anchored. */
  readonly text: string
  /** The note as it was opened. */
  readonly note: string
}

export interface CheckpointKeys {
  /** Keys that may sign for a log: a key counts only for the origin that it is named after. */
  readonly logs: readonly VerifierKey[]
  /** Keys whose cosignatures count. Default: none. */
  readonly witnesses?: readonly VerifierKey[]
}

/**
 * Size and root from a note that a log's own key signed. Throws FastenError as `openNote` does, `CHECKPOINT_MALFORMED` when the signed
 * text is no checkpoint, and `NOTE_UNTRUSTED` when none of `logs` is named after its origin.
 */
export function openCheckpoint(
  note: string | Uint8Array,
  { logs, witnesses = [] }: CheckpointKeys,
  crypto: NoteCrypto,
): TrustedCheckpoint {
  const roleless = [
    ...logs.filter(({ kind }) => kind !== 'ed25519'),
    ...witnesses.filter(({ kind }) => kind !== 'cosignature/v1'),
  ][0]
  if (roleless !== undefined)
    throw new TypeError(`the key of ${roleless.name} is of kind ${roleless.kind}, which has another role`)
  const opened = openNote(note, [...logs, ...witnesses], crypto)
  const claim = parseCheckpoint(opened.text)
  const own = opened.verified.find(({ key }) => key.kind === 'ed25519' && key.name === claim.origin)
  if (own === undefined)
    throw new FastenError('NOTE_UNTRUSTED', `a checkpoint of "${claim.origin}" is not signed by its log`, {
      at: claim.origin,
      hint: 'give the key of this very log: the name of a key is the name of its log',
    })
  return trustIn(claim, own.key, opened)
}

/**
 * Size and root from a note that a witness cosigned, as the witness itself reads what it has kept: whatever key the log had then. Throws as
 * `openCheckpoint`.
 */
export function openCosignedCheckpoint(
  note: string | Uint8Array,
  witness: VerifierKey,
  crypto: NoteCrypto,
): TrustedCheckpoint {
  if (witness.kind !== 'cosignature/v1') throw new TypeError(`a ${witness.kind} key does not cosign`)
  const opened = openNote(note, [witness], crypto)
  return trustIn(parseCheckpoint(opened.text), witness, opened)
}

function trustIn(claim: CheckpointClaim, key: VerifierKey, opened: OpenedNote): TrustedCheckpoint {
  const { text, verified, signatures } = opened
  const checkpoint = {
    ...claim,
    key,
    cosignatures: verified.filter((each) => each.key.kind === 'cosignature/v1'),
    text,
    note: `${text}\n${signatures.map((each) => signatureLine(each, each.bytes)).join('')}`,
  } as unknown as TrustedCheckpoint
  Object.freeze(checkpoint)
  trusted.add(checkpoint)
  return checkpoint
}

/** The text to sign. Throws a TypeError for a claim that no checkpoint can make. */
export function formatCheckpoint({ origin, size, root, extensions = [] }: UnsignedCheckpoint): string {
  assertHash(root)
  const lines = [origin, String(size), hashToBase64(root), ...extensions]
  if (!Number.isSafeInteger(size) || size < 0) throw new TypeError(`${size} is no number of rows`)
  if (lines.some((line) => line === '' || line.includes('\n')))
    throw new TypeError('the lines of a checkpoint are neither empty nor broken')
  return `${lines.join('\n')}\n`
}

/** What `formatCheckpoint` takes: a claim, whose extensions may be left out. */
export type UnsignedCheckpoint = Omit<CheckpointClaim, 'extensions'> &
  Partial<Pick<CheckpointClaim, 'extensions'>>

/** Reads the text of a checkpoint, which proves nothing by itself. Throws FastenError `CHECKPOINT_MALFORMED`. */
export function parseCheckpoint(text: string): CheckpointClaim {
  const lines = text.split('\n')
  const end = lines.pop()
  const [origin = '', sizeLine = '', rootLine = '', ...extensions] = lines
  const size = parseCount(sizeLine)
  const root = hashFromBase64(rootLine)
  if (end !== '' || origin === '') throw malformed(origin, 'it has no origin, or does not end with a newline')
  if (size === undefined) throw malformed(origin, `"${sizeLine.slice(0, 40)}" is no size of a log`)
  if (root === undefined) throw malformed(origin, `"${rootLine.slice(0, 60)}" is not the base64 of a root`)
  if (extensions.includes('')) throw malformed(origin, 'one of its lines is empty')
  return { origin, size, root, extensions }
}

/** Throws a TypeError for an object that `openCheckpoint` did not make, whatever the compiler was told. */
export function assertTrusted(checkpoint: TrustedCheckpoint): void {
  if (!trusted.has(checkpoint))
    throw new TypeError('this checkpoint was not opened with openCheckpoint(), so nobody vouches for it')
}

const trusted = new WeakSet()

function malformed(origin: string, why: string): FastenError {
  return new FastenError('CHECKPOINT_MALFORMED', `this is no checkpoint: ${why}`, {
    at: origin.slice(0, 120),
  })
}
