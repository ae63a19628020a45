// SPDX-License-Identifier: Apache-2.0
import { decimalText } from '../../core/decimal.ts'
import { costIn, countIn, kindOf, type AgentRow } from '../../reader/agents/agent-facts.ts'
import type { AgentNode } from '../../reader/agents/agent-tree.ts'
import { isRound } from '../../reader/agents/same-call.ts'
import { sumsOf, type TreeSums } from '../../reader/agents/tree-sums.ts'
import { flow, type Part } from './line.ts'
import type { Look } from './paint.ts'
import { counted, grouped } from './values.ts'
import { visible } from '../../core/visible.ts'

/** Where the cause of a row is that names one which is not in the tree. */
export type LostCause =
  | { readonly kind: 'missing' }
  | { readonly kind: 'elsewhere'; readonly request: string }

export interface AgentTreeView {
  readonly request: string
  readonly nodes: readonly AgentNode[]
  readonly lost: ReadonlyMap<string, LostCause>
  /** Of rows that are named as grants: what they are. */
  readonly grants: ReadonlyMap<string, AgentRow | undefined>
  /** There are more rows than were read. */
  readonly isCut: boolean
}

/**
 * The tree of one request for people: who worked for whom, which models were asked, which tools were used and what was done in them, with what each took, used
 * and cost; what failed stands out. Every word of a row is made harmless.
 */
export function agentTreeView(
  { request, nodes, lost, grants, isCut }: AgentTreeView,
  look: Look,
): readonly string[] {
  const sums = sumsOf(nodes)
  const lines: string[] = [look.paint('strong', `request ${visible(request)}`), '']
  const isRunning: boolean[] = []
  let actors: string[] = []
  let heading: string | undefined
  for (const { row, depth, isLast, lostCause, sameCallAs } of nodes) {
    isRunning[depth] = !isLast
    const actor = actorOf(row)
    if (depth === 0 && (heading !== actor || lostCause !== undefined))
      lines.push(look.paint('strong', actor), ...lostLines(lostCause, lost, look))
    if (depth === 0) heading = lostCause === undefined ? actor : undefined
    // What another agent does is not said to be by it, line by line: the line above says so.
    const inside = kindOf(row) === 'agent' ? workerOf(row.target, row.on_behalf_of) : actor
    const around = depth === 0 ? actor : actors[Math.min(depth, drawnMax) - 1]
    actors = [...actors.slice(0, Math.min(depth, drawnMax)), inside]
    const indent = indentOf(isRunning, depth)
    const twig = depth === 0 ? '' : isLast ? '└ ' : '├ '
    const hang = `${indent}${depth === 0 || isLast ? '  ' : '│ '}    `
    const parts = [
      { text: indent + twig + nameOf(row), style: row.outcome === 'success' ? 'plain' : 'danger' } as const,
      ...factsOf(row),
      ...grantParts(row, grants),
      { text: sameCallAs === undefined ? '' : 'same call', style: 'quiet' } as const,
    ]
    const isOther = actor !== around && kindOf(row) !== 'approval' && depth > 0
    const who: Part = { text: isOther ? `by ${actor}` : '', style: 'quiet' }
    const id: Part = { text: visible(row.id), style: 'quiet' }
    lines.push(...flow([...parts, who, id], hang, look))
  }
  return [...lines, '', ...footOf(sums, isCut, look)]
}

/** Deeper rows are drawn no further in, with their depth in front. */
const drawnMax = 24

function indentOf(isRunning: readonly boolean[], depth: number): string {
  if (depth > drawnMax) return `${'  '.repeat(drawnMax)}[${depth}] `
  const limbs = isRunning.slice(1, Math.max(1, depth)).map((runs) => (runs ? '│ ' : '  '))
  return `  ${limbs.join('')}`
}

const actorOf = ({ actor, on_behalf_of }: AgentRow): string => workerOf(actor, on_behalf_of)

function workerOf(name: string | undefined, person: string | undefined): string {
  const who = visible(name ?? '(sealed)')
  return person === undefined ? who : `${who} for ${visible(person)}`
}

function lostLines(
  cause: string | undefined,
  lost: ReadonlyMap<string, LostCause>,
  look: Look,
): readonly string[] {
  if (cause === undefined) return []
  const found = lost.get(cause)
  const where =
    found?.kind === 'elsewhere'
      ? `is of request ${visible(found.request)}`
      : 'is not there, or leads back to this row'
  return [look.paint('caution', `  ! caused by ${visible(cause)}, which ${where}`)]
}

function nameOf(row: AgentRow): string {
  const target = visible(row.target ?? '(sealed)')
  switch (kindOf(row)) {
    case 'model':
      return `model ${target}`
    case 'tool':
      return `tool ${target}`
    case 'agent':
      return `agent ${target}`
    case 'approval':
      return `${row.code.slice(9).toLowerCase()} ${target} ${row.code === 'APPROVAL_REQUESTED' ? '' : `by ${visible(row.actor ?? '(sealed)')}`}`.trimEnd()
    case 'other':
      return `${visible(row.code)} ${target}`
  }
}

function factsOf(row: AgentRow): readonly Part[] {
  const { detail, outcome, reason } = row
  const kind = kindOf(row)
  const failure = [detail['error'], detail['error_code']]
    .filter((one) => typeof one === 'string')
    .map(visible)
  const isWrong = outcome !== 'success'
  return [
    {
      text: isWrong ? `${outcome.toUpperCase()}${failure.length > 0 ? ` ${failure.join(' ')}` : ''}` : '',
      style: 'danger',
    },
    { text: latencyOf(detail['latency_ms']) },
    { text: isRound(row) ? 'asked for input' : '', style: 'quiet' },
    { text: kind === 'model' ? tokensOf(row) : '' },
    { text: kind === 'model' ? moneyOf(row) : '' },
    {
      text:
        kind === 'tool' && typeof detail['risk'] === 'string' && detail['risk'] !== 'unrated'
          ? `risk ${visible(detail['risk'])}`
          : '',
      style: 'quiet',
    },
    { text: kind === 'approval' && reason !== undefined ? `“${visible(reason)}”` : '', style: 'quiet' },
  ]
}

/** Who let the tool be used; and where the row that is named says nothing of the kind, that. */
function grantParts(row: AgentRow, grants: AgentTreeView['grants']): readonly Part[] {
  const { approved_by, args_hash } = row.detail
  if (kindOf(row) !== 'tool' || typeof approved_by !== 'string') return []
  const grant = grants.get(approved_by)
  if (grant?.code !== 'APPROVAL_GRANTED' || grant.target !== row.target)
    return [{ text: `! approved by ${visible(approved_by)}, which grants nothing like it`, style: 'danger' }]
  const by = `approved by ${visible(grant.actor ?? '(sealed)')}`
  return sameDigest(grant.detail['args_hash'], args_hash)
    ? [{ text: by, style: 'quiet' }]
    : [{ text: `! ${by}, for other arguments`, style: 'danger' }]
}

/** False only where two digests of one kind differ. */
function sameDigest(one: unknown, other: unknown): boolean {
  if (typeof one !== 'string' || typeof other !== 'string') return true
  const kind = (text: string): string => text.slice(0, text.indexOf(':') + 1)
  return one === other || kind(one) !== kind(other) || kind(one) === ''
}

const latencyOf = (value: unknown): string =>
  typeof value === 'number' && value >= 0 ? `${grouped(Math.round(value))} ms` : ''

function tokensOf({ detail }: AgentRow): string {
  const [input, output] = [countIn(detail['input_tokens']), countIn(detail['output_tokens'])]
  if (input === undefined && output === undefined) return 'tokens unknown'
  const part = (name: string, word: string): string => {
    const count = countIn(detail[name])
    return count === undefined || count === 0 ? '' : ` (${grouped(count)} ${word})`
  }
  const sent = input === undefined ? 'in ?' : `in ${grouped(input)}${part('cached_tokens', 'cached')}`
  return output === undefined ? sent : `${sent} out ${grouped(output)}${part('reasoning_tokens', 'reasoned')}`
}

function moneyOf(row: AgentRow): string {
  const cost = costIn(row)
  return cost === undefined ? 'cost unknown' : `$${decimalText(cost)}`
}

function footOf(sums: TreeSums, isCut: boolean, look: Look): readonly string[] {
  const failed = (count: number): string => (count === 0 ? '' : ` (${grouped(count)} failed)`)
  const unknown = sums.costUnknown === 0 ? '' : ` and ${counted(sums.costUnknown, 'call')} of unknown cost`
  const money = sums.costUnknown === sums.calls ? 'cost unknown' : `$${decimalText(sums.cost)}${unknown}`
  const tools = `${counted(sums.tools, 'tool call')}${failed(sums.toolFailures)}`
  const models =
    `${counted(sums.calls, 'model call')}${failed(sums.failures)}, ${tools}, ` +
    `in ${grouped(sums.inputTokens)} out ${grouped(sums.outputTokens)} tokens, ${money}`
  return [
    sums.calls === 0 ? tools : models,
    ...(isCut ? [look.paint('caution', 'cut: there are more rows; raise --limit')] : []),
  ]
}
