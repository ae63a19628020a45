// SPDX-License-Identifier: Apache-2.0
import { decimalText } from '../../core/decimal.ts'
import { parsePageQuery } from '../../reader/query.ts'
import type { ReaderRow } from '../../reader/reader.ts'
import { agentCosts, groupings, type AgentCosts, type Grouping } from '../../reader/agents/agent-costs.ts'
import type { AgentRow, Sums } from '../../reader/agents/agent-facts.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { accepted, filterOptions, filtersFrom } from '../filters.ts'
import { mergeRows } from '../merged-rows.ts'
import { table } from '../print/table.ts'
import { counted, grouped } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'agents cost'
export const summary = 'sum up what model calls used and cost, by agent, model, person, tool, request or day'
export const description =
  'Reads the rows MODEL_CALLED. Prices are those that were recorded with each call, by the table that the row names; calls whose price was not known are ' +
  'counted apart and not guessed. By tool, a call belongs to the nearest tool that it was made in, as far as the filters let that tool be seen.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]

/** Decided by the command itself. */
const decided = ['code', 'action', 'domain', 'category']

export const options: readonly OptionSpec[] = [
  { name: 'by', value: '<what>', summary: 'what to sum up by (default: actor)', choices: groupings },
  { name: 'json', short: 'j', summary: 'one JSON object; costs are exact decimals, as text' },
  ...filterOptions(decided),
  ...targetOptions,
]

export const examples = [
  ['fasten agents cost --since -30d', 'what each agent cost in the last 30 days'],
  ['fasten agents cost --by on_behalf_of --actor planner', 'for whom the planner worked, and what that cost'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const by = (args.text('by') ?? 'actor') as Grouping
  const search = filtersFrom(args, decided)
  search.set('domain', 'agent')
  search.set('limit', '1000')
  const query = accepted(parsePageQuery(search, 'audit', world.clock.nowMicros()))
  const reader = await world.openReader(targetOf(args, world.env, args.words[0]))
  try {
    const { rows } = await mergeRows(reader, [query])
    const costs = await agentCosts(until(world.signal, rows), by)
    if (args.flag('json')) await world.out.line(jsonLine(asData(costs, by)))
    else await print(costs, by, world)
    if (costs.total.calls > 0) return exitCodes.ok
    await world.err.line('no model calls among these rows')
    return exitCodes.findings
  } finally {
    await reader.close()
  }
}

async function* until(signal: AbortSignal, rows: AsyncIterable<ReaderRow>): AsyncGenerator<AgentRow> {
  for await (const row of rows) {
    if (signal.aborted) return
    if (row.stream === 'audit') yield row
  }
}

type Line = Sums & { readonly key: string }

async function print({ groups, total, tables }: AgentCosts, by: Grouping, world: World): Promise<void> {
  const lines: readonly Line[] = groups.length > 1 ? [...groups, { key: 'total', ...total }] : groups
  const number = (
    title: string,
    count: (line: Line) => number,
  ): { title: string; align: 'right'; text: (line: Line) => string } => ({
    title,
    align: 'right',
    text: (line) => grouped(count(line)),
  })
  await world.out.lines(
    table(
      lines,
      [
        { title: by, text: ({ key }) => visible(key), yields: 1, keeps: 12, cut: 'middle' },
        number('calls', ({ calls }) => calls),
        {
          ...number('failed', ({ failures }) => failures),
          style: ({ failures }) => (failures > 0 ? 'danger' : 'plain'),
        },
        number('input', ({ inputTokens }) => inputTokens),
        number('cached', ({ cachedTokens }) => cachedTokens),
        number('output', ({ outputTokens }) => outputTokens),
        { title: 'cost', align: 'right', text: ({ cost }) => `$${decimalText(cost)}` },
        {
          ...number('unknown', ({ costUnknown }) => costUnknown),
          style: ({ costUnknown }) => (costUnknown > 0 ? 'caution' : 'plain'),
        },
      ],
      world.out.look,
    ),
  )
  const notes = [...tables].map(([title, calls]) => `${counted(calls, 'call')} priced by ${visible(title)}`)
  if (total.costUnknown > 0)
    notes.push(`${counted(total.costUnknown, 'call')} of unknown cost: not in the sums`)
  await world.err.lines(notes.map((note) => world.err.look.paint('quiet', note)))
}

function asData({ groups, total, tables }: AgentCosts, by: Grouping): object {
  return {
    by,
    groups: groups.map(({ key, ...sums }) => ({ key, ...sumsData(sums) })),
    total: sumsData(total),
    price_tables: [...tables].map(([title, calls]) => ({ table: title, calls })),
  }
}

const sumsData = (sums: Sums): object => ({
  calls: sums.calls,
  failures: sums.failures,
  input_tokens: sums.inputTokens,
  cached_tokens: sums.cachedTokens,
  output_tokens: sums.outputTokens,
  reasoning_tokens: sums.reasoningTokens,
  usage_unknown: sums.usageUnknown,
  cost_usd: decimalText(sums.cost),
  cost_unknown: sums.costUnknown,
})
