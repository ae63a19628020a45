// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import { fleetClient } from './fleet-client.ts'
import { wholeNumber } from './arguments.ts'
import { tableLines } from './table-lines.ts'

type Env = Readonly<Record<string, string | undefined>>
type Line = Readonly<Record<string, unknown>>

/** `fleet tenants` and `fleet sql`: tables of what a fleet answers, or the answer itself with `--json`. */
export function listCommands(program: Command, env: Env): void {
  program
    .command('tenants')
    .description('whose rows you may see, and how many there are (FLEET_URL, FLEET_TOKEN)')
    .option('--json', 'as JSON')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = (await fleetClient(env).ask('GET', '/api/v1/tenants')) as { tenants: readonly Line[] }
      print(json === true ? [JSON.stringify(answer)] : linesOf(answer.tenants), 'no tenants')
    })
  program
    .command('sql')
    .description('one query over audit, sys and api, of rows you may see (FLEET_URL, FLEET_TOKEN)')
    .argument('<query>', 'e.g. "SELECT code, count(*) FROM audit GROUP BY code"')
    .option('--rows <rows>', 'rows at most', wholeNumber(1, 10_000), 1000)
    .option('--timeout <seconds>', 'how long it may take', wholeNumber(1, 60), 15)
    .option('--json', 'the answer as one JSON object')
    .action(async (sql: string, { rows, timeout, json }: SqlOptions) => {
      const answer = (await fleetClient(env).ask('POST', '/api/v1/sql', {
        sql,
        rows_max: rows,
        timeout_ms: timeout * 1000,
      })) as SqlAnswer
      if (json === true) return print([JSON.stringify(answer)], '')
      print(
        tableLines(
          answer.columns.map(({ name }) => name),
          answer.rows,
        ),
        'no rows',
      )
      if (answer.is_cut) process.stderr.write(`there are more than ${rows} rows; see more with --rows\n`)
    })
}

interface SqlOptions {
  readonly rows: number
  readonly timeout: number
  readonly json?: boolean
}

interface SqlAnswer {
  readonly columns: readonly { readonly name: string }[]
  readonly rows: readonly (readonly unknown[])[]
  readonly is_cut: boolean
}

function linesOf(lines: readonly Line[]): readonly string[] {
  const columns = Object.keys(lines[0] ?? {})
  return lines.length === 0
    ? []
    : tableLines(
        columns,
        lines.map((line) => columns.map((name) => line[name])),
      )
}

function print(lines: readonly string[], otherwise: string): void {
  process.stdout.write(`${(lines.length === 0 ? [otherwise] : lines).join('\n')}\n`)
}
