// SPDX-License-Identifier: Apache-2.0
import { decimalText } from '../../core/decimal.ts'
import { isRequestId, isRowId } from '../../core/ids.ts'
import type { AuditRow } from '../../core/row.ts'
import { parsePageQuery } from '../../reader/query.ts'
import type { Reader } from '../../reader/reader.ts'
import { costIn, countIn, kindOf, type AgentRow } from '../../reader/agents/agent-facts.ts'
import { agentTree, type AgentNode } from '../../reader/agents/agent-tree.ts'
import { sumsOf } from '../../reader/agents/tree-sums.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { accepted } from '../filters.ts'
import { mergeRows } from '../merged-rows.ts'
import { agentTreeView, type AgentTreeView, type LostCause } from '../print/agent-tree-view.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'agents tree'
export const summary = 'show what agents did in one request: models, tools, other agents, and what they cost'
export const description =
  'Each row stands below the row that caused it: an agent asks a model, the model asks for tools, a tool does something or hands work to another agent. ' +
  'A row whose cause is not there stands at the top and says so. A row id (evt-…) leads to the request of that row.'
export const words = [
  { name: 'id', summary: 'a request id, or the id of any of its rows', isRequired: true },
  { name: 'target', summary: 'the same as --store', isFile: true },
]

export const options: readonly OptionSpec[] = [
  {
    name: 'limit',
    short: 'n',
    value: '<rows>',
    summary: 'rows at most (default: 100000)',
    range: [1, 1_000_000],
  },
  {
    name: 'json',
    short: 'j',
    summary: 'the tree as one JSON object, its rows in order, each with its depth',
  },
  ...targetOptions,
]

export const examples = [
  ['fasten agents tree 4f1c2a9be07d', 'what agents did in that request'],
  ['fasten agents tree 4f1c2a9be07d --json | jq .cost_usd', 'what it cost'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const id = args.words[0] ?? ''
  if (!isRequestId(id)) {
    throw usageError('BAD_ARGUMENT', `${JSON.stringify(id)} cannot be a request id`, {
      hint: 'ids are 1 to 128 of A-Z a-z 0-9 . _ : -',
    })
  }
  const reader = await world.openReader(targetOf(args, world.env, args.words[1]))
  try {
    const view = await viewOf(reader, id, args.count('limit') ?? 100_000, world)
    if (view.nodes.length === 0) {
      await world.err.line(`no rows of agents under ${visible(view.request)}`)
      return exitCodes.findings
    }
    if (args.flag('json')) await world.out.line(jsonLine(asData(view)))
    else await world.out.lines(agentTreeView(view, world.out.look))
    return exitCodes.ok
  } finally {
    await reader.close()
  }
}

async function viewOf(reader: Reader, id: string, limit: number, world: World): Promise<AgentTreeView> {
  const row = isRowId(id) ? await reader.row({ id }) : null
  const request = row === null || row.verification === 'expired' ? id : row.request_id
  const search = new URLSearchParams({ request_id: request, limit: '1000', order: 'oldest' })
  const query = accepted(parsePageQuery(search, 'audit', world.clock.nowMicros()))
  const rows: AgentRow[] = []
  let isCut = false
  for await (const found of (await mergeRows(reader, [query])).rows) {
    if (world.signal.aborted) break
    isCut = rows.length === limit
    if (isCut) break
    rows.push(found as AgentRow)
  }
  const nodes = agentTree(rows)
  return { request, nodes, lost: await lostIn(nodes, reader), grants: await grantsIn(nodes, reader), isCut }
}

/** Causes that are looked for by themselves; of more it is only said that they are not in the tree. */
const looksMax = 50

async function lostIn(nodes: readonly AgentNode[], reader: Reader): Promise<ReadonlyMap<string, LostCause>> {
  const lost = new Map<string, LostCause>()
  const ids = new Set(nodes.map(({ lostCause }) => lostCause).filter((id) => id !== undefined))
  for (const id of [...ids].slice(0, looksMax)) {
    const row = isRowId(id) ? await reader.row({ id }) : null
    const isElsewhere =
      row !== null && row.verification !== 'expired' && !nodes.some((node) => node.row.id === id)
    lost.set(id, isElsewhere ? { kind: 'elsewhere', request: row.request_id } : { kind: 'missing' })
  }
  return lost
}

/** A grant may have been given in another request than the one that uses it. */
async function grantsIn(
  nodes: readonly AgentNode[],
  reader: Reader,
): Promise<ReadonlyMap<string, AgentRow | undefined>> {
  const here = new Map(nodes.map(({ row }) => [row.id, row]))
  const named = new Set(
    nodes.map(({ row }) => row.detail['approved_by']).filter((id) => typeof id === 'string'),
  )
  const grants = new Map<string, AgentRow | undefined>()
  let looks = 0
  for (const id of named) {
    const row = here.get(id) ?? (isRowId(id) && looks++ < looksMax ? await reader.row({ id }) : null)
    const isRow = row !== null && row.verification !== 'expired' && row.stream === 'audit'
    grants.set(id, isRow ? row : undefined)
  }
  return grants
}

function asData({ request, nodes, lost, isCut }: AgentTreeView): object {
  const { cost, costUnknown, usageUnknown, ...sums } = sumsOf(nodes)
  return {
    request_id: request,
    model_calls: sums.calls,
    model_failures: sums.failures,
    tool_calls: sums.tools,
    tool_failures: sums.toolFailures,
    input_tokens: sums.inputTokens,
    cached_tokens: sums.cachedTokens,
    output_tokens: sums.outputTokens,
    reasoning_tokens: sums.reasoningTokens,
    usage_unknown: usageUnknown,
    cost_usd: decimalText(cost),
    cost_unknown: costUnknown,
    truncated: isCut,
    rows: nodes.map((node) => nodeData(node, lost)),
  }
}

function nodeData(
  { row, depth, lostCause, sameCallAs }: AgentNode,
  lost: ReadonlyMap<string, LostCause>,
): object {
  const { id, code, actor, on_behalf_of, target, outcome, call_ref, caused_by, timestamp, detail }: AuditRow =
    row
  const cost = costIn(row)
  const cause = lostCause === undefined ? undefined : (lost.get(lostCause) ?? { kind: 'missing' })
  return {
    id,
    depth,
    kind: kindOf(row),
    code,
    actor,
    on_behalf_of,
    target,
    outcome,
    call_ref,
    caused_by,
    ...(cause === undefined ? {} : { cause: cause.kind }),
    same_call_as: sameCallAs,
    approved_by: detail['approved_by'],
    timestamp,
    latency_ms: detail['latency_ms'],
    input_tokens: countIn(detail['input_tokens']),
    output_tokens: countIn(detail['output_tokens']),
    ...(cost === undefined ? {} : { cost_usd: decimalText(cost) }),
    error: detail['error'],
  }
}
