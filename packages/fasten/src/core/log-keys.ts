// SPDX-License-Identifier: Apache-2.0
/**
 * Which key may sign which part of a log.
 *
 * Trust begins with keys that whoever verifies was given, or, where none was given, with those that the log itself names. A
 * `KEY_ROTATED` row hands it on: its statement is signed with the old key and with the new one, so whoever trusts the old key
 * follows. A `KEY_DECLARED` row hands nothing on: anybody who can write the store can write one. Source: spec/proofs.md#log-keys.
 */
import { FastenError } from './error.ts'
import { openNote } from './note.ts'
import { ownBootPrefix } from './emission.ts'
import { logName, parseLogName } from './log-name.ts'
import type { NoteCrypto } from './signature.ts'
import {
  formatVerifierKey,
  isSameKey,
  parseVerifierKey,
  verifierKey,
  type VerifierKey,
} from './verifier-key.ts'

/** The first line of the statement of a rotation. No log has such a name, so no statement is a checkpoint. */
export const rotationHeading = 'fasten-key-rotation/v1'

export interface Rotation {
  readonly log: string
  readonly old: VerifierKey
  readonly next: VerifierKey
  /** The old key is in wrong hands: from here on nothing that only it signed is believed. */
  readonly isRevoked: boolean
}

/** The text that both keys sign: heading, log, old key, new key, and `revoked` where the old key is no longer to be trusted. */
export function rotationText({ log, old, next, isRevoked }: Rotation): string {
  const keys = [formatVerifierKey(old), formatVerifierKey(next)]
  return `${[rotationHeading, log, ...keys, ...(isRevoked ? ['revoked'] : [])].join('\n')}\n`
}

/**
 * The rotation of a statement that both of its keys have signed. Throws FastenError as `openNote`, `BAD_VERIFIER_KEY`, and
 * `NOTE_UNTRUSTED` when one of them has not, or the statement is of another log.
 */
export function openRotation(statement: string, log: string, crypto: NoteCrypto): Rotation {
  const lines = statement.split('\n')
  const [heading, named, oldText = '', nextText = '', fifth] = lines
  const old = parseVerifierKey(oldText, crypto.digest)
  const next = parseVerifierKey(nextText, crypto.digest)
  const rotation = { log, old, next, isRevoked: fifth === 'revoked' }
  const { text, verified } = openNote(statement, [old, next], crypto)
  const isWhole =
    heading === rotationHeading &&
    named === log &&
    old.name === log &&
    next.name === log &&
    text === rotationText(rotation) &&
    [old, next].every((key) => verified.some((each) => isSameKey(each.key, key)))
  if (isWhole) return rotation
  throw new FastenError('NOTE_UNTRUSTED', 'a rotation is not signed with both of its keys', { at: log })
}

/** Where trust in a key comes from: handed over, the key file of this machine, or nothing but the log itself. */
export type KeySource = 'given' | 'node' | 'log'

/** Keys of one log, as its rows pass by. */
export interface LogKeys {
  sourceOf(key: VerifierKey): KeySource
  /** Takes a row that names keys, at its place: row 0, `KEY_DECLARED`, `KEY_ROTATED`. Others change nothing. Never throws for what it holds. */
  add(seq: number, row: unknown): void
  /** Keys that may sign a checkpoint of so many rows. */
  at(size: number): readonly VerifierKey[]
  /** All keys that may sign anything here. */
  all(): readonly VerifierKey[]
  /** Lower-case sentences: rotations that were followed, and those that were not. */
  notes(): readonly string[]
}

/** `given` are keys that were handed over; without any, `own` are the public keys of this machine, and those count that the log names. */
export function createLogKeys(
  log: string,
  { given, own }: { readonly given: readonly VerifierKey[]; readonly own: readonly Uint8Array[] },
  crypto: NoteCrypto,
): LogKeys {
  const isGiven = given.length > 0
  const named = (publicKey: Uint8Array): VerifierKey => verifierKey(log, 'ed25519', publicKey, crypto.digest)
  const spans: Span[] = isGiven
    ? given
        .filter((key) => key.kind === 'ed25519' && baseOf(key.name) === baseOf(log))
        // The key of a log is that of the logs that continue it: the node's key, under their names.
        .map((key) => span(named(key.publicKey), 'given', 0))
    : own.map((publicKey) => span(named(publicKey), 'node', 0))
  const notes: string[] = []

  function add(seq: number, row: unknown): void {
    const told = keysNamedBy(row)
    if (told === undefined) return
    try {
      if (told.statement !== undefined) return rotate(seq, openRotation(told.statement, log, crypto))
      if (isGiven) return
      const key = parseVerifierKey(told.public_key, crypto.digest)
      if (key.name === log && !isKnown(key)) spans.push(span(key, 'log', 0))
    } catch (error) {
      if (!(error instanceof FastenError || error instanceof TypeError)) throw error
      notes.push(`row ${seq} names a key that cannot be followed: ${error.message}`)
    }
  }

  function rotate(seq: number, { old, next, isRevoked }: Rotation): void {
    const held = spans.find(({ key, until }) => isSameKey(key, old) && until > seq)
    // Whoever was given the new key needs nobody to hand it on.
    if (held === undefined && isKnown(next)) return
    if (held === undefined) {
      notes.push(
        `row ${seq} hands on a key that is not trusted here (${old.id}), so its successor is not either`,
      )
      return
    }
    held.until = seq
    if (!isKnown(next)) spans.push(span(next, held.source, seq + 1))
    notes.push(
      isRevoked
        ? `the key ${old.id} was revoked at row ${seq}: what it signed is only worth what witnesses or kept checkpoints confirm`
        : `the key was rotated at row ${seq}, from ${old.id} to ${next.id}`,
    )
  }

  function isKnown(key: VerifierKey): boolean {
    return spans.some((each) => isSameKey(each.key, key))
  }

  return {
    sourceOf: (key) => spans.find((each) => isSameKey(each.key, key))?.source ?? 'log',
    add,
    at: (size) => spans.filter(({ from, until }) => from <= size && size <= until).map(({ key }) => key),
    all: () => spans.map(({ key }) => key),
    notes: () => notes,
  }
}

interface Span {
  readonly key: VerifierKey
  readonly source: KeySource
  /** Sizes, both inclusive, that it may sign. */
  readonly from: number
  until: number
}

const span = (key: VerifierKey, source: KeySource, from: number): Span => ({
  key,
  source,
  from,
  until: Infinity,
})

function baseOf(log: string): string {
  const parts = parseLogName(log)
  return parts === undefined ? log : logName({ ...parts, generation: 1 })
}

/** What a row of the store says of keys: `public_key`, and for a rotation its signed statement. */
function keysNamedBy(row: unknown): { readonly public_key: string; readonly statement?: string } | undefined {
  if (!isRecord(row)) return undefined
  const { boot_id, stream, code, event, path } = row
  const name = { audit: code, sys: event, api: typeof path === 'string' ? path.slice(1) : path }[
    stream as 'audit'
  ]
  if (typeof boot_id !== 'string' || !boot_id.startsWith(ownBootPrefix)) return undefined
  if (typeof name !== 'string' || !keyCodes.includes(name)) return undefined
  const facts = stream === 'sys' ? row['fields'] : row['detail']
  if (!isRecord(facts) || typeof facts['public_key'] !== 'string') return undefined
  const { public_key, statement } = facts
  if (name !== 'KEY_ROTATED') return { public_key }
  return { public_key, statement: typeof statement === 'string' ? statement : '' }
}

/** Codes of rows that name keys. */
export const keyCodes: readonly string[] = ['LOG_CREATED', 'KEY_DECLARED', 'KEY_ROTATED']

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
