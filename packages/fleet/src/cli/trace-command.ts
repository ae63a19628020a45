// SPDX-License-Identifier: Apache-2.0
import type { Trace, WaterfallEntry } from 'fasten/reader'
import type { Command } from 'commander'
import { fleetClient } from './fleet-client.ts'
import { visible } from './table-lines.ts'

/** `fleet trace <id>`: what a request led to, on all nodes, with the clocks put right. */
export function traceCommand(program: Command, env: Readonly<Record<string, string | undefined>>): void {
  program
    .command('trace')
    .description('what one request led to on all nodes, on one line of time (FLEET_URL, FLEET_TOKEN)')
    .argument('<id>', 'a request id, or the id of one of its rows')
    .option('--json', 'the trace as one JSON object')
    .action(async (id: string, { json }: { readonly json?: boolean }) => {
      const trace = (await fleetClient(env).ask('GET', `/api/v1/traces/${encodeURIComponent(id)}`)) as Trace
      process.stdout.write(json === true ? `${JSON.stringify(trace)}\n` : `${traceLines(trace).join('\n')}\n`)
    })
}

/** One line for each row: when it began, how long it took, where, what. Clocks that were moved are named at the end. */
export function traceLines(trace: Trace): readonly string[] {
  const widest = Math.max(0, ...trace.entries.map((entry) => where(entry).length))
  return [
    ...trace.entries.map((entry) =>
      [
        `+${ms(entry.start_us)}`.padStart(11),
        (entry.duration_us === 0 ? '' : ms(entry.duration_us)).padStart(10),
        where(entry).padEnd(widest),
        entry.stream.padEnd(5),
        `${'  '.repeat(entry.depth)}${visible(entry.title)}${entry.state === 'ok' ? '' : ` (${entry.state})`}`,
      ].join('  '),
    ),
    ...trace.clocks
      .filter(({ offset_us }) => offset_us !== 0)
      .map(
        ({ node, offset_us, at_least_us, at_most_us }) =>
          `the clock of ${visible(node)} was moved by ${ms(offset_us)}; ${bounds(at_least_us, at_most_us)}`,
      ),
    ...(trace.clocks_are === 'put_right'
      ? []
      : ['the clocks contradict each other: times are as the nodes wrote them']),
    ...(trace.followed.length === 0 ? [] : [`with what it caused: ${trace.followed.join(', ')}`]),
    ...(trace.unfollowed === 0 ? [] : [`${trace.unfollowed} further requests are not shown`]),
  ]
}

const where = ({ node, service }: WaterfallEntry): string => visible(`${node}/${service}`)

const ms = (us: number): string => `${(us / 1000).toFixed(us % 1000 === 0 ? 0 : 2)} ms`

function bounds(least: number | null, most: number | null): string {
  if (least !== null && most !== null) return `causes bound it to ${ms(least)} to ${ms(most)}`
  if (least !== null) return `it is at least ${ms(least)}`
  return most === null ? 'nothing bounds it' : `it is at most ${ms(most)}`
}
