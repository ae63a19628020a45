// SPDX-License-Identifier: Apache-2.0
import { columnNames, numericColumns, type ColumnValue } from '../core/columns.ts'
import { FastenError } from '../core/error.ts'
import { createLeafScanner, type Expected } from '../core/leaf-scan.ts'
import type { LogParts } from '../core/log-name.ts'
import { memberNames } from '../core/members.ts'
import type { StreamName } from '../core/row.ts'
import type { OpenLog } from './heads.ts'
import { rowColumns } from './row-tables.ts'

export interface RowCells {
  readonly id: string
  /** In the order of `rowColumns`. The array is the same for every row: its cells are good until the next one is read. */
  readonly cells: readonly ColumnValue[]
}

/**
 * Reads the cells of rows of one stream from their leaves, by their bytes: building an object of each row would cost as much as
 * everything else that happens to it outside of the database. Says the same as `columnsOf`, which a test holds it to.
 *
 * With `isPlaced` the leaf comes from elsewhere and must name the place behind the log's head as well, as verification will ask of it.
 *
 * Throws FastenError `DRAFT_MALFORMED` for a leaf that would not verify or could not be ordered: one that is not canonical, belongs to
 * another log, lacks what every row has, or has a member of the wrong kind, which a database would convert silently.
 */
export function createRowCells(
  stream: StreamName,
  { isPlaced = false }: { readonly isPlaced?: boolean } = {},
): (leaf: Uint8Array, hash: string, position: number, log: OpenLog) => RowCells {
  const names = memberNames[stream]
  const columns = columnNames[stream]
  const scanner = createLeafScanner(names)
  const membersAt = columns.map((name) => names.indexOf(name))
  const areNumbers = columns.map((name) => numericColumns.has(name))
  const [idAt, timeAt, requestAt] = ['id', 'timestamp', 'request_id'].map(
    (name) => firstColumn + columns.indexOf(name),
  )
  const cells: ColumnValue[] = rowColumns(stream).map(() => null)
  const placeAt = placeMembers.map((name) => names.indexOf(name))
  let expectedFor: LogParts | undefined
  let expected: Expected[] = []

  return (leaf, hash, position, { logId, head, parts }) => {
    if (parts !== expectedFor) {
      expected = names.map((name) => ownMembers(parts)[name])
      expectedFor = parts
    }
    if (isPlaced) {
      const place = ['3', head.log, head.size, head.head_hash]
      for (const [index, at] of placeAt.entries()) expected[at] = place[index]
    }
    const judgement = scanner.scan(leaf, expected)
    if (judgement === 'not_canonical') throw malformed('the draft is not canonical JSON', head.log)
    if (judgement === 'differs')
      throw malformed(
        `the draft names another stream, service, node or tenant than its log${isPlaced ? ', or another place' : ''}`,
        head.log,
      )

    cells[0] = position
    cells[1] = logId
    cells[2] = head.size
    cells[3] = hash
    for (let index = 0; index < columns.length; index++) {
      const at = firstColumn + index
      // Rows resemble their predecessors, and a text that is the same as before need not be decoded again.
      const before = cells[at]
      const value = scanner.member(membersAt[index] ?? 0, typeof before === 'string' ? before : undefined)
      if (value !== null && (typeof value === 'number') !== areNumbers[index])
        throw malformed(`the draft's ${String(columns[index])} is a ${typeof value}`, head.log)
      cells[at] = value
    }
    cells[cells.length - 1] = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString('utf8')

    const [id, timestamp, request_id] = [cells[idAt ?? 0], cells[timeAt ?? 0], cells[requestAt ?? 0]]
    if (typeof id !== 'string' || id === '') throw malformed('the draft has no id', head.log)
    if (typeof request_id !== 'string' || request_id === '')
      throw malformed('the draft has no request_id', head.log)
    // Rows are ordered by this text, so it must be the one form in which text order is time order.
    if (typeof timestamp !== 'string' || !canonicalTime.test(timestamp))
      throw malformed(`the draft's timestamp ${JSON.stringify(timestamp)} is not canonical`, head.log)
    return { id, cells }
  }
}

/** What a row says of its place. */
const placeMembers = ['canonical_form_id', 'log', 'monotonic_seq', 'prev_hash']

/** Behind position, log_id, monotonic_seq and hash. */
const firstColumn = 4
const canonicalTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

/** What a row must say of itself to lie in the log; null for a member that must be absent. */
function ownMembers({
  stream,
  service_id,
  source_node_id,
  tenant_id = '',
}: LogParts): Readonly<Record<string, Expected>> {
  return { stream, service_id, source_node_id, tenant_id: tenant_id === '' ? null : tenant_id }
}

function malformed(message: string, log: string): FastenError {
  return new FastenError('DRAFT_MALFORMED', message, { at: log })
}
