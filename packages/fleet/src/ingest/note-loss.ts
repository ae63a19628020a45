// SPDX-License-Identifier: Apache-2.0
import { logName, parseLogName, readJson } from 'fasten/core'
import type { Replica } from 'fasten/store/replica'
import type { FleetDatabase } from '../database/fleet-database.ts'
import type { Node } from '../nodes/node.ts'
import { keepEvidence, type EvidenceDeps } from './evidence.ts'
import { tenantFor } from './section.ts'

export interface NoteLossDeps extends EvidenceDeps {
  readonly database: Pick<FleetDatabase, 'transact' | 'pool'>
  readonly replica: Replica
}

/**
 * Looks at row 0 of a log that was just stored: a later generation names the log that it replaces, and why the node did not go on with that one.
 * What the fleet has of it may be more than the node has left: evidence (`ROLLED_BACK`), and nobody's refusal.
 */
export async function noteLoss(
  deps: NoteLossDeps,
  node: Node,
  log: string,
  leaf: Uint8Array | undefined,
): Promise<void> {
  const parts = parseLogName(log)
  if (leaf === undefined || parts === undefined || (parts.generation ?? 1) === 1) return
  const previous = previousOf(leaf)
  const named = previous && parseLogName(previous.log)
  if (previous === undefined || named === undefined) return
  if (logName({ ...named, generation: 1 }) !== logName({ ...parts, generation: 1 })) return
  const place = (await deps.replica.places(deps.database.pool, [previous.log])).get(previous.log)
  await keepEvidence(deps, {
    node_id: node.node_id,
    log: previous.log,
    tenant: tenantFor(node, previous.log),
    code: 'ROLLED_BACK',
    message: `the node goes on in ${log} (${previous.reason}); ${place?.size ?? 0} rows of this log are here`,
    sent: leaf,
    known: {
      size: place?.size ?? 0,
      head_hash: place?.head_hash ?? null,
      signed_size: place?.signed_size ?? 0,
    },
  })
}

/** What a LOG_CREATED row says of the log before it; undefined for a row that says nothing of the kind. */
function previousOf(leaf: Uint8Array): { readonly log: string; readonly reason: string } | undefined {
  if (leaf[0] !== 0x7b) return undefined
  const row = readJson(new TextDecoder().decode(leaf)) as Readonly<Record<string, unknown>>
  for (const facts of [row['detail'], row['fields']]) {
    const previous = isRecord(facts) ? facts['previous_log'] : undefined
    if (!isRecord(previous) || typeof previous['log'] !== 'string') continue
    return { log: previous['log'], reason: String(previous['reason']).slice(0, 40) }
  }
  return undefined
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
