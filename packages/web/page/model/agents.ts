// SPDX-License-Identifier: Apache-2.0
import {
  agentCosts,
  agentTree,
  costIn,
  decimalText,
  kindOf,
  sumsOf,
  type AgentCosts,
  type AgentNode,
  type AgentRow,
  type Decimal,
  type Grouping,
  type TreeSums,
} from 'fasten/reader/remote'

/** By what costs are summed up, and what people call that. */
export const groupingWords = {
  actor: 'Agent',
  model: 'Model',
  on_behalf_of: 'Person',
  tool: 'Tool',
  day: 'Day',
} as const satisfies Partial<Record<Grouping, string>>
export type ShownGrouping = keyof typeof groupingWords

export interface AgentView {
  readonly since: string
  readonly until: string | null
  readonly by: ShownGrouping
}

export function readAgentView(search: string): AgentView {
  const given = new URLSearchParams(search)
  const by = given.get('by') ?? ''
  return {
    since: given.get('since') ?? '-1d',
    until: given.get('until'),
    by: Object.hasOwn(groupingWords, by) ? (by as ShownGrouping) : 'actor',
  }
}

export function writeAgentView({ since, until, by }: AgentView): string {
  const search = new URLSearchParams()
  if (since !== '-1d') search.set('since', since)
  if (until !== null) search.set('until', until)
  if (by !== 'actor') search.set('by', by)
  return search.size === 0 ? '' : `?${search}`
}

/** What the agents of one request came to. */
export interface AgentRequest {
  readonly request_id: string
  readonly started_at: string
  readonly actor: string | undefined
  readonly on_behalf_of: string | undefined
  readonly sums: TreeSums
}

/** The requests in which agents did something, the newest first. A call that two rows tell of counts once. */
export function requestsOf(rows: readonly AgentRow[]): readonly AgentRequest[] {
  return [...Map.groupBy(rows, ({ request_id }) => request_id)]
    .map(([request_id, own]): AgentRequest => {
      const nodes = agentTree(own)
      const first = nodes[0]?.row
      return {
        request_id,
        started_at: own.reduce(
          (oldest, { timestamp }) => (timestamp < oldest ? timestamp : oldest),
          own[0]?.timestamp ?? '',
        ),
        actor: first?.actor,
        on_behalf_of: first?.on_behalf_of,
        sums: sumsOf(nodes),
      }
    })
    .sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
}

export interface ApprovalAsked {
  /** Null where only the answer is in the window. */
  readonly asked: AgentRow | null
  /** Null while nobody has decided. */
  readonly answer: AgentRow | null
}

/** What agents had to be let do, those that wait for somebody first, then the newest. An answer names the request that it decides. */
export function approvalsOf(rows: readonly AgentRow[]): readonly ApprovalAsked[] {
  const own = rows.filter((row) => kindOf(row) === 'approval')
  const answers = own.filter(({ code }) => code !== 'APPROVAL_REQUESTED')
  const used = new Set<string>()
  const pairs = own
    .filter(({ code }) => code === 'APPROVAL_REQUESTED')
    .map((asked): ApprovalAsked => {
      const answer = answers.find(({ id, caused_by }) => caused_by === asked.id && !used.has(id)) ?? null
      if (answer !== null) used.add(answer.id)
      return { asked, answer }
    })
  const alone = answers
    .filter(({ id }) => !used.has(id))
    .map((answer): ApprovalAsked => ({ asked: null, answer }))
  const timeOf = ({ asked, answer }: ApprovalAsked): string => (asked ?? answer)?.timestamp ?? ''
  return [...pairs, ...alone].sort(
    (a, b) => Number(a.answer !== null) - Number(b.answer !== null) || (timeOf(a) < timeOf(b) ? 1 : -1),
  )
}

/** Calls of models and tools that did not succeed, the newest first. */
export const failuresOf = (rows: readonly AgentRow[]): readonly AgentRow[] =>
  rows
    .filter((row) => row.outcome !== 'success' && ['model', 'tool', 'agent'].includes(kindOf(row)))
    .toSorted((a, b) => (a.timestamp < b.timestamp ? 1 : -1))

/** The costs of all rows, by what is asked. */
export async function costsOf(rows: readonly AgentRow[], by: Grouping): Promise<AgentCosts> {
  return await agentCosts(each(rows), by)
}

async function* each(rows: readonly AgentRow[]): AsyncGenerator<AgentRow> {
  yield* rows
}

/**
 * An amount as people compare it: cents, and more digits where less than ten of them are counted. A column gives all of its amounts the same `digits`,
 * so that their points stand below one another; what that rounds to nothing is said to be less. The exact one is `decimalText`.
 */
export function moneyText(cost: Decimal, digits = digitsFor([cost])): string {
  const number = Number(decimalText(cost))
  const text = (value: number): string =>
    `$${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`
  const least = 10 ** -digits
  return number > 0 && number < least / 2 ? `<${text(least)}` : text(number)
}

/** A sum as it is to be read: of a part of the rows it is at least so much. */
export const sumText = (text: string, isCut: boolean): string => (isCut ? `≥ ${text}` : text)

/** How many digits behind the point tell these amounts apart: two, and more where the least of them has two that count only there. */
export function digitsFor(costs: readonly Decimal[], digitsMax = 9): number {
  const amounts = costs.map((cost) => Number(decimalText(cost))).filter((amount) => amount > 0)
  const least = Math.min(...amounts, 1)
  return Math.max(2, Math.min(digitsMax, 1 - Math.floor(Math.log10(least))))
}

/** As many digits as a column of amounts has room for. */
export const columnDigitsMax = 4

/** What part of the whole an amount is, from 0 to 1. */
export function shareOf(cost: Decimal, total: Decimal): number {
  const whole = Number(decimalText(total))
  return whole === 0 ? 0 : Number(decimalText(cost)) / whole
}

/**
 * What the model calls below each node cost together, each call once: what a tool or an agent cost. Null where there is none below, or nobody
 * knew what they cost. One pass, since a tree may have thousands.
 */
export function costsWithin(nodes: readonly AgentNode[]): readonly (Decimal | null)[] {
  const within: (Decimal | null)[] = nodes.map(() => null)
  const path: number[] = []
  nodes.forEach(({ row, depth, sameCallAs }, index) => {
    path.length = Math.min(path.length, depth)
    const cost = kindOf(row) === 'model' && sameCallAs === undefined ? costIn(row) : undefined
    if (cost !== undefined) for (const above of path) within[above] = added(within[above] ?? null, cost)
    path.push(index)
  })
  return within
}

function added(sum: Decimal | null, more: Decimal): Decimal {
  if (sum === null) return more
  const scale = Math.max(sum.scale, more.scale)
  const unitsAt = ({ units, scale: own }: Decimal): bigint => units * 10n ** BigInt(scale - own)
  return { units: unitsAt(sum) + unitsAt(more), scale }
}

/** What happened at a place of the tree, in a word and a name: `tool pay`, `model gpt-x`, `agent finder`. */
export function callWords(row: AgentRow): { readonly kind: string; readonly name: string } {
  const kind = kindOf(row)
  const name = row.target ?? 'sealed'
  if (kind === 'approval') return { kind: row.code.slice('APPROVAL_'.length).toLowerCase(), name }
  return kind === 'other' ? { kind: row.code, name } : { kind, name }
}

/** Why it failed, in the row's own words: the error, its code, and the reason. */
export const failureWords = ({ detail, reason }: AgentRow): string =>
  [detail['error'], detail['error_code'], reason].filter((part) => typeof part === 'string').join(' ')

/** The place of the next node that failed after `from`; `from` where there is none. */
export function nextFailure(nodes: readonly AgentNode[], from: number): number {
  const next = nodes.findIndex(({ row }, index) => index > from && row.outcome !== 'success')
  return next < 0 ? from : next
}

/** What came of each request for an approval that is among the rows: its answer, null while it waits for somebody. By the id of the request. */
export const decisionsIn = (rows: readonly AgentRow[]): ReadonlyMap<string, AgentRow | null> =>
  new Map(approvalsOf(rows).flatMap(({ asked, answer }) => (asked === null ? [] : [[asked.id, answer]])))
