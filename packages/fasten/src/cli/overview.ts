// SPDX-License-Identifier: Apache-2.0
import { commandTable } from './command-table.ts'
import { line } from './print/line.ts'
import type { Look } from './print/paint.ts'

/** `fasten --help`: every command with its summary, or those of one group such as `codes`. */
export async function overview(
  version: string,
  group: string | undefined,
  look: Look,
): Promise<readonly string[]> {
  const entries = Object.entries(commandTable).filter(
    ([name]) => group === undefined || name.startsWith(`${group} `),
  )
  const commands = await Promise.all(entries.map(([, load]) => load()))
  const columns = Math.max(...commands.map((command) => command.name.length))
  const room = look.columns === null ? null : look.columns - 2
  const summaries = commands.map(
    ({ name, summary }) =>
      `  ${line(
        [
          { text: name, style: 'strong', columns },
          { text: summary, yields: 1, keeps: 20 },
        ],
        { ...look, columns: room },
      )}`,
  )
  return [
    `fasten ${version}: audit rows, log lines and HTTP accesses, threaded by request id and chained by hash`,
    '',
    `Usage: fasten ${group ?? '<command>'} ${group === undefined ? '' : '<command> '}[options]`,
    '',
    ...summaries,
    '',
    ...(group === undefined ? places : []),
    `fasten help ${group ?? '<command>'} ${group === undefined ? '' : '<command> '}shows options and examples.`,
  ]
}

const places = [
  'Rows are read from --store (a DSN, a database file or a reader URL), else from FASTEN_AUDIT_DSN,',
  'else from ./fasten.db. Every command answers --json.',
  '',
  'Exit codes: 0 done, 1 findings, 2 wrong usage, 3 verify FAIL, 4 verify INCOMPLETE, 5 rows out of reach.',
  '',
]
