// SPDX-License-Identifier: Apache-2.0
import { columnNames } from '../core/columns.ts'
import { parseLogName } from '../core/log-name.ts'
import type { StreamName } from '../core/row.ts'

/** Which table of a database keeps which stream. */
export type StreamTables = { readonly [S in StreamName]?: string }

export const defaultTables: Readonly<Record<StreamName, string>> = {
  audit: 'audit_log',
  sys: 'sys_log',
  api: 'api_log',
}

/** The columns of a row table in the order of the insert statement; `leaf` last, since it is long. */
export function rowColumns(stream: StreamName): readonly string[] {
  return ['position', 'log_id', 'monotonic_seq', 'hash', ...columnNames[stream], 'leaf']
}

/** The table of a log, by its stream. Throws a TypeError for a log that is not kept in these tables. */
export function tableOf(tables: StreamTables): (log: string) => string {
  return (log) => {
    const table = tables[parseLogName(log)?.stream ?? 'audit']
    if (table === undefined) throw new TypeError(`no table for ${log}`)
    return table
  }
}
