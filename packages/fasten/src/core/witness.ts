// SPDX-License-Identifier: Apache-2.0
import {
  openCheckpoint,
  openCosignedCheckpoint,
  parseCheckpoint,
  type TrustedCheckpoint,
} from './checkpoint.ts'
import { cosign } from './cosignature.ts'
import { FastenError } from './error.ts'
import { parseNote } from './note.ts'
import { decodeUtf8, hashToBase64, parseCount } from './octets.ts'
import { parseSignatureLine, signatureLine, type NoteSigner } from './signature-line.ts'
import type { NoteCrypto } from './signature.ts'
import { parsePath, pathHashesMax } from './tlog-proof.ts'
import { isConsistent } from './tree-proof.ts'
import type { VerifierKey } from './verifier-key.ts'

/** What a witness remembers: for each log, by its name, the last checkpoint it cosigned, as the note that it answers for. */
export type WitnessState = Readonly<Record<string, string>>

/** An answer of the witness protocol, as HTTP has it. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422
  readonly contentType: string
  /** 200: the cosignature line. 409: the size that the witness remembers. Otherwise one line of reason. */
  readonly body: string
}

export interface WitnessOptions {
  /** Keys of the logs that it takes; several may have the name of one log. */
  readonly logs: readonly VerifierKey[]
  /** Of kind `cosignature/v1`. */
  readonly signer: NoteSigner
  /** Seconds since 1970. */
  readonly now: number
  readonly crypto: NoteCrypto
}

/**
 * Answers one `add-checkpoint` request (c2sp.org/tlog-witness). Cosigns a checkpoint only when its log signed it and it continues the one that was
 * cosigned last.
 *
 * The caller MUST make the new state durable before it lets the answer out, and MUST NOT answer two requests of one log from the same
 * state: a witness that forgets or forks proves nothing. Never throws for what a request holds. Source: spec/proofs.md#witnesses.
 */
export function witness(
  state: WitnessState,
  request: string | Uint8Array,
  options: WitnessOptions,
): { readonly state: WitnessState; readonly answer: WitnessAnswer } {
  const { crypto, signer, now } = options
  const refuse = (status: WitnessAnswer['status'], why: string) => ({
    state,
    answer: { status, contentType: 'text/plain; charset=utf-8', body: `${why}\n` },
  })
  let parsed: CheckpointRequest
  let origin: string
  try {
    parsed = parseCheckpointRequest(request)
    origin = parseCheckpoint(parseNote(parsed.checkpoint).text).origin
  } catch (error) {
    return refuse(400, reasonOf(error))
  }
  const logs = options.logs.filter(({ name }) => name === origin)
  if (logs.length === 0) return refuse(404, 'this log is not known here')
  let newer: TrustedCheckpoint
  try {
    newer = openCheckpoint(parsed.checkpoint, { logs }, crypto)
  } catch (error) {
    return refuse(403, reasonOf(error))
  }
  if (parsed.old > newer.size) return refuse(400, `the old size ${parsed.old} is above the new ${newer.size}`)
  const remembered = Object.hasOwn(state, origin) ? state[origin] : undefined
  const older = remembered === undefined ? undefined : openCosignedCheckpoint(remembered, signer.key, crypto)
  if (parsed.old !== (older?.size ?? 0)) {
    const answer = { status: 409, contentType: 'text/x.tlog.size', body: `${older?.size ?? 0}\n` } as const
    return { state, answer }
  }
  if (!continues(newer, older, parsed.path, crypto))
    return refuse(422, `it is not shown that ${newer.size} rows continue the ${parsed.old} known here`)
  const line = cosign(newer.text, now, signer)
  const own = parseNote(newer.note).signatures.filter((each) => each.id === newer.key.id)
  const note = `${newer.text}\n${own.map((each) => signatureLine(each, each.bytes)).join('')}${line}`
  return {
    state: { ...state, [origin]: note },
    answer: { status: 200, contentType: 'text/plain; charset=utf-8', body: line },
  }
}

/** What a log asks of a witness. */
export interface CheckpointRequest {
  /** The size that the witness is thought to have cosigned last; 0 when none. */
  readonly old: number
  /** From there to the checkpoint, hashes in lower-case hex. */
  readonly path: readonly string[]
  /** A signed note. */
  readonly checkpoint: string
}

/** The body of an `add-checkpoint` request. The same text, as a file, crosses an air gap. */
export function formatCheckpointRequest({ old, path, checkpoint }: CheckpointRequest): string {
  if (path.length > pathHashesMax) throw new TypeError(`a path has no ${path.length} hashes`)
  return [`old ${old}`, ...path.map(hashToBase64), '', checkpoint].join('\n')
}

/** Throws FastenError `PROOF_MALFORMED`. The checkpoint is not looked at. */
export function parseCheckpointRequest(body: string | Uint8Array): CheckpointRequest {
  const text = typeof body === 'string' ? body : decodeUtf8(body)
  if (text === undefined) throw malformed('it is not UTF-8')
  const blank = text.indexOf('\n\n')
  if (blank < 0) throw malformed('no blank line parts proof and checkpoint')
  const [first = '', ...lines] = text.slice(0, blank).split('\n')
  const old = first.startsWith('old ') ? parseCount(first.slice('old '.length)) : undefined
  if (old === undefined) throw malformed(`"${first.slice(0, 40)}" is not its old size`)
  return { old, path: parsePath(lines, malformed), checkpoint: text.slice(blank + 2) }
}

/**
 * The note with those lines of a witness's answer that `witnesses` have really signed; a line that stands there already is not added
 * again. Throws FastenError `NOTE_MALFORMED`, `NOTE_FORGED`, and `NOTE_UNTRUSTED` when none of `witnesses` signed.
 */
export function addCosignatures(
  note: string,
  answer: string,
  { logs, witnesses }: { readonly logs: readonly VerifierKey[]; readonly witnesses: readonly VerifierKey[] },
  crypto: NoteCrypto,
): string {
  const known = witnesses.map(({ name, id }) => `${name}+${id}`)
  const lines = answer
    .split('\n')
    .filter((line) => line !== '')
    .map(parseSignatureLine)
    .filter(({ name, id }) => known.includes(`${name}+${id}`))
    .map((signature) => signatureLine(signature, signature.bytes))
  const signed = openCheckpoint(note + lines.join(''), { logs, witnesses }, crypto)
  if (lines.length === 0)
    throw new FastenError('NOTE_UNTRUSTED', 'the answer has no cosignature of a witness that was asked', {
      at: signed.origin,
      hint: 'compare the key of the witness with the one it signs with',
    })
  return note + lines.filter((line) => !note.includes(line)).join('')
}

function continues(
  newer: TrustedCheckpoint,
  older: TrustedCheckpoint | undefined,
  path: readonly string[],
  crypto: NoteCrypto,
): boolean {
  if (newer.size === 0 && newer.root !== crypto.digest(new Uint8Array())) return false
  return older === undefined ? path.length === 0 : isConsistent(path, { older, newer }, crypto.digest)
}

function reasonOf(error: unknown): string {
  if (error instanceof FastenError) return error.message
  throw error
}

function malformed(why: string): FastenError {
  return new FastenError('PROOF_MALFORMED', `this is no add-checkpoint request: ${why}`)
}
