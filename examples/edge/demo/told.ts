// SPDX-License-Identifier: Apache-2.0
import type { ApiRow, AuditRow, Row, SysRow } from 'fasten/core'
import { fastenCommand } from '../../stage/fasten-command.ts'

/** What `fasten thread ID --json` tells of a request. */
export interface Told {
  /** In the order of time. */
  readonly rows: readonly Row[]
  /** Ids of the work that the request set off. */
  readonly followed: readonly string[]
}

/** Asks the command that a person would ask. Of a request that has no row yet it tells nothing. */
export async function toldOf(requestId: string, store: string): Promise<Told> {
  const { exitCode, stdout } = await fastenCommand('thread', requestId, '--json', '--store', store)
  if (exitCode !== 0) return { rows: [], followed: [] }
  return JSON.parse(stdout) as Told
}

export const auditRows = ({ rows }: Told, code: string): readonly AuditRow[] =>
  rows.filter((row): row is AuditRow => row.stream === 'audit' && row.code === code)

export const changesOf = (told: Told, tank: number): readonly AuditRow[] =>
  auditRows(told, 'SETPOINT_CHANGED').filter(({ target }) => target === `tank-${tank}`)

export const sysRows = ({ rows }: Told, event: string): readonly SysRow[] =>
  rows.filter((row): row is SysRow => row.stream === 'sys' && row.event === event)

export const apiRows = ({ rows }: Told, method: string, path: string): readonly ApiRow[] =>
  rows.filter((row): row is ApiRow => row.stream === 'api' && row.method === method && row.path === path)

/** Whether everything has happened that a setpoint of that tank sets off: the tank is inspected, and back where it was. */
function isWhole(told: Told, tank: number): boolean {
  return (
    sysRows(told, 'tank_inspected').length === 1 &&
    // One run of the sweep may take back several setpoints; then its other rows are told, too.
    changesOf(told, tank).length === 2 &&
    sysRows(told, 'job_run_succeeded').some(({ fields }) => fields['job'] === 'sweep') &&
    apiRows(told, 'POST', '/mcp').length === 1 &&
    told.rows.filter(({ stream, service_id }) => stream === 'api' && service_id === 'gateway').length === 2
  )
}

/** Resolves once the story of the request for that tank is whole; rejects with what there was after a minute. */
export async function untilWhole(requestId: string, tank: number, store: string): Promise<Told> {
  for (const deadline = performance.now() + 60_000; ;) {
    const told = await toldOf(requestId, store)
    if (isWhole(told, tank)) return told
    if (performance.now() > deadline)
      throw new Error(
        `the story of ${requestId} is not whole after a minute:\n${told.rows.map(brief).join('\n')}`,
      )
  }
}

function brief(row: Row): string {
  const what =
    row.stream === 'audit' ? row.code : row.stream === 'sys' ? row.event : `${row.method} ${row.path}`
  return `${row.service_id}  ${what}  ${row.request_id}`
}
