// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../core/row.ts'
import { parseLogName } from '../core/log-name.ts'
import {
  disclosuresSweptCode,
  replicaSweptBy,
  replicaSweptCode,
  sweptBy,
  sweptCode,
  type SweepCode,
  type Swept,
} from '../core/swept.ts'
import type { LogHead, RowSource, ScanFilter, StoredRow } from '../store/ports.ts'
import type { ExpiredRow } from './reader.ts'

/** The rows of a log that tell of sweeps, of rows or of the values in their details, in the order in which they were stored. */
export async function* sweepsOf(
  source: RowSource,
  stream: StreamName,
  log: string,
  code: SweepCode = sweptCode,
): AsyncGenerator<StoredRow> {
  const named = { audit: { code }, sys: { event: code }, api: { path: `/${code}` } }[stream]
  yield* scanned(source, stream, { log, ...named })
}

async function* scanned(
  source: RowSource,
  stream: StreamName,
  filter: ScanFilter,
): AsyncGenerator<StoredRow> {
  for (let after: { readonly timestamp: string; readonly position: number } | undefined; ;) {
    const rows = await source.scan({
      stream,
      filter,
      order: 'stored',
      limit: pageRows,
      ...(after === undefined ? {} : { after }),
    })
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return
    after = { timestamp: last.row.timestamp, position: last.position }
  }
}

/** What is left of a row whose content a sweep took, or null when no sweep names it: then it is damage, which `verify` tells. */
export async function expiredRow(
  source: RowSource,
  stream: StreamName,
  {
    log,
    monotonic_seq,
    hash,
  }: { readonly log: string; readonly monotonic_seq: number; readonly hash: string },
): Promise<ExpiredRow | null> {
  for await (const { row } of sweepsOf(source, stream, log)) {
    const swept = sweptBy(row)
    if (swept !== undefined && names(swept, monotonic_seq)) return left(row, swept)
  }
  const heads = await source.heads()
  const head = heads.find((each) => each.log === log)
  if (head?.isReplica !== true) return null
  const speakers = new Set(heads.filter((own) => isSpokenForBy(head, own)).map((own) => own.log))
  for await (const { row } of scanned(source, 'audit', { code: replicaSweptCode, target: log })) {
    const swept = speakers.has(row.log) ? replicaSweptBy(row) : undefined
    if (swept?.log === log && names(swept, monotonic_seq)) return left(row, swept)
  }
  return null

  function left({ id, timestamp, monotonic_seq: at }: StoredRow['row'], swept: Swept): ExpiredRow {
    const swept_by = { id, timestamp, monotonic_seq: at, class: swept.class, policy_hash: swept.policy_hash }
    return { log, stream, monotonic_seq, hash, verification: 'expired', swept_by }
  }
}

/** Whether rows of `own`, which the store itself writes, say what is let go of a copy: it is of the same tenant. */
export function isSpokenForBy(copy: LogHead, own: LogHead): boolean {
  return (
    own.isReplica !== true &&
    own.stream === 'audit' &&
    parseLogName(own.log)?.tenant_id === parseLogName(copy.log)?.tenant_id
  )
}

/** Which of these rows of a log have lost the values in their details to a sweep that says so. */
export async function rowsWithoutDetails(
  source: RowSource,
  log: string,
  seqs: readonly number[],
): Promise<ReadonlySet<number>> {
  const found = new Set<number>()
  for await (const { row } of sweepsOf(source, 'audit', log, disclosuresSweptCode)) {
    const swept = sweptBy(row, disclosuresSweptCode)
    if (swept !== undefined) for (const seq of seqs) if (names(swept, seq)) found.add(seq)
    if (found.size === seqs.length) break
  }
  return found
}

const names = ({ runs }: Swept, seq: number): boolean => runs.some(([from, to]) => from <= seq && seq <= to)
const pageRows = 1_000
