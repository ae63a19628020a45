// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten'
import {
  openCheckpoint,
  parseLogName,
  verifierKey,
  type TrustedCheckpoint,
  type VerifierKey,
} from 'fasten/core'
import { noteCrypto, sha256 } from 'fasten/store'
import { noTenant } from '../database/tenant-scope.ts'
import { isLogOf } from '../nodes/is-log-of.ts'
import { isKeyFor, type Node } from '../nodes/node.ts'
import type { SectionHeader } from './body/section-parser.ts'

/** Why a section, or the rest of it, is not taken. */
export class Refused extends Error {
  readonly code: string
  readonly at_seq: number | undefined
  /** The row's line, for evidence. */
  readonly sent: Uint8Array | undefined
  readonly known: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    about: {
      readonly at_seq?: number
      readonly sent?: Uint8Array | undefined
      readonly known?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    super(message)
    this.code = code
    this.at_seq = about.at_seq
    this.sent = about.sent
    this.known = about.known ?? {}
  }
}

/** What the first line of a section promises, checked as far as that goes without its rows. */
export interface AcceptedHeader {
  readonly log: string
  readonly from: number
  readonly checkpoint: TrustedCheckpoint | undefined
}

/**
 * Checks that the log is one of this node's and the checkpoint signed by a key that was registered for it. Throws `Refused`. `ownService` is the
 * fleet's name, whose logs no node writes.
 */
export function acceptHeader(header: SectionHeader, node: Node, ownService: string): AcceptedHeader {
  const { log, from, count, checkpoint: note } = header
  const parts = parseLogName(log)
  if (parts === undefined || !isLogOf(node, parts) || parts.service_id === ownService)
    throw new Refused('WRONG_LOG', `"${log.slice(0, 200)}" is no log that this node may write`)
  if (!Number.isSafeInteger(from + count)) throw new Refused('GAP', `there is no row ${from}`)
  const checkpoint = note === undefined ? undefined : opened(note, log, node)
  if (checkpoint !== undefined && checkpoint.size > from + count)
    throw new Refused(
      'CHECKPOINT_AHEAD',
      `the checkpoint is of ${checkpoint.size} rows, the section reaches ${from + count}`,
    )
  return { log, from, checkpoint }
}

/** The tenant of a log for evidence about it: only where it is one of the node's own. */
export function tenantFor(node: Node, log: string): string | null {
  const parts = parseLogName(log)
  return parts !== undefined && isLogOf(node, parts) ? (parts.tenant_id ?? noTenant) : null
}

function opened(note: string, log: string, node: Node): TrustedCheckpoint {
  const logs = keysOf(log, node)
  let checkpoint: TrustedCheckpoint
  try {
    checkpoint = openCheckpoint(note, { logs }, noteCrypto)
  } catch (error) {
    if (!(error instanceof FastenError)) throw error
    throw new Refused(error.code, error.message)
  }
  const public_key = Buffer.from(checkpoint.key.publicKey).toString('hex')
  if (!isKeyFor(node, { public_key, log, size: checkpoint.size }))
    throw new Refused(
      'NOTE_UNTRUSTED',
      `the key of this checkpoint was retired before row ${checkpoint.size - 1}`,
    )
  return checkpoint
}

/** The registered keys under the log's name. Two whose ids are the same cannot both be told apart in a note: the older one counts. */
function keysOf(log: string, { public_keys }: Node): readonly VerifierKey[] {
  const keys = new Map<string, VerifierKey>()
  for (const hex of public_keys) {
    const key = verifierKey(log, 'ed25519', new Uint8Array(Buffer.from(hex, 'hex')), sha256)
    if (!keys.has(key.id)) keys.set(key.id, key)
  }
  return [...keys.values()]
}
