// SPDX-License-Identifier: Apache-2.0
import { formatMicros, parseTime } from '../../core/timestamp.ts'
import type { SourceSummary } from '../../store/ports.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { table, type Column } from '../print/table.ts'
import { counted, grouped } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'topology'
export const summary = 'list the services and nodes that wrote audit rows'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]

export const options: readonly OptionSpec[] = [
  {
    name: 'since',
    value: '<time>',
    summary: 'count rows from this time on: RFC 3339, a date, or relative such as -2h',
  },
  { name: 'until', value: '<time>', summary: 'count rows up to this time' },
  { name: 'json', short: 'j', summary: 'one JSON object a line' },
  ...targetOptions,
]

export async function run(args: Args, world: World): Promise<number> {
  const since = timeOf(args, 'since', world)
  const until = timeOf(args, 'until', world)
  const reader = await world.openReader(targetOf(args, world.env, args.words[0]))
  try {
    const sources = await reader.topology(since, until)
    if (args.flag('json')) await world.out.lines(sources.map(jsonLine))
    else {
      await world.out.lines(table(sources, columns, world.out.look))
      await world.err.line(summaryLine(sources))
    }
    return exitCodes.ok
  } finally {
    await reader.close()
  }
}

const columns: readonly Column<SourceSummary>[] = [
  { title: 'service', text: (source) => visible(source.service_id), yields: 3, keeps: 12 },
  { title: 'node', text: (source) => visible(source.source_node_id), yields: 2, keeps: 12 },
  { title: 'tenant', text: (source) => visible(source.tenant_id ?? '-'), yields: 1, keeps: 8 },
  { title: 'rows', text: (source) => grouped(source.rows), align: 'right' },
  {
    title: 'first seen',
    text: (source) => visible(source.first_seen.slice(0, 19)),
    style: () => 'quiet',
    yields: 1,
    keeps: 10,
  },
  { title: 'last seen', text: (source) => visible(source.last_seen.slice(0, 19)) },
]

function summaryLine(sources: readonly SourceSummary[]): string {
  const rows = sources.reduce((sum, source) => sum + source.rows, 0)
  const services = new Set(sources.map((source) => source.service_id)).size
  const nodes = new Set(sources.map((source) => source.source_node_id)).size
  return `${counted(rows, 'row')} from ${counted(services, 'service')} on ${counted(nodes, 'node')}`
}

function timeOf(args: Args, option: 'since' | 'until', world: World): string | undefined {
  const text = args.text(option)
  if (text === undefined) return undefined
  const micros = parseTime(text, world.clock.nowMicros())
  if (micros !== undefined) return formatMicros(Math.round(micros))
  throw usageError('BAD_OPTION', `--${option} is ${JSON.stringify(text)}`, {
    hint: 'give RFC 3339, a date, now, or relative such as -2h',
  })
}
