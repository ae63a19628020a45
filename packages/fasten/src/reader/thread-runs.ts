// SPDX-License-Identifier: Apache-2.0
import type { SysRow } from '../core/row.ts'
import type { ReaderRow } from './reader.ts'

/** One run of a job, as far as its rows tell. */
export interface Run<Node> {
  readonly begin: Node
  /** When it ended; Infinity for a run of which no end is known. */
  readonly endMicros: number
}

/** Whether the row is the first of a run. Source: spec/row.md#jobs. */
export function beginsRun(row: ReaderRow): row is ReaderRow<SysRow> {
  return row.stream === 'sys' && row.event === 'job_run_started'
}

/** The runs that these rows tell of, in order of their beginnings. */
export function runsOf<Node extends { readonly row: ReaderRow; readonly startMicros: number }>(
  nodes: readonly Node[],
): readonly Run<Node>[] {
  const ends = new Map<unknown, number>()
  for (const { row, startMicros } of nodes)
    if (row.stream === 'sys' && (row.event === 'job_run_succeeded' || row.event === 'job_run_failed'))
      ends.set(row.fields['run_id'], startMicros)
  return nodes
    .filter(({ row }) => beginsRun(row))
    .map((begin) => ({
      begin,
      endMicros: ends.get((begin.row as SysRow).fields['run_id']) ?? Infinity,
    }))
}

/** A row of a run without what the beginning of the run, which stands above it, has said already. */
export function withoutRepeated(row: ReaderRow, above: ReaderRow | undefined): ReaderRow {
  if (above === undefined || !beginsRun(above) || row.stream !== 'sys') return row
  const { run_id } = row.fields
  if (run_id === undefined || run_id !== above.fields['run_id']) return row
  const isNew = ([name, value]: [string, unknown]): boolean => named.has(name) || above.fields[name] !== value
  return { ...row, fields: Object.fromEntries(Object.entries(row.fields).filter(isNew)) }
}

/** Members that say which run it is, in each of its rows. */
const named: ReadonlySet<string> = new Set(['job', 'attempt', 'attempts_max'])
