// SPDX-License-Identifier: Apache-2.0
import { countIn, kindOf, type AgentRow } from './agent-facts.ts'

/** Model calls that are remembered at once; the oldest are forgotten first. Rows of one call stand close together. */
const rememberedMax = 10_000

/**
 * Tells of rows MODEL_CALLED, given one by one, which of them tell of a call that one before has told of: a client and the library above it were both watched. That is so when they have
 * the provider's id of the answer and the counts in common, and lasted at the same time. The id alone will not do: small servers on one's own machine use the same for every answer.
 */
export function createModelCalls(): (row: AgentRow) => string | undefined {
  const known = new Map<string, AgentRow[]>()
  return (row) => {
    if (row.call_ref === undefined) return undefined
    const { input_tokens, output_tokens } = row.detail
    const key = JSON.stringify([row.request_id, row.call_ref, countIn(input_tokens), countIn(output_tokens)])
    const others = known.get(key) ?? []
    const same = others.find((other) => lastedTogether(row, other))
    if (same !== undefined) return same.id
    if (known.size >= rememberedMax) for (const oldest of known.keys().take(1)) known.delete(oldest)
    known.set(key, [...others.slice(-15), row])
    return undefined
  }
}

/**
 * From rows of tools to the row that speaks for their call, where another one does: the client's for the server's, the last round for those in which the tool asked for input first. Rows of one
 * call have `call_ref` and tool in common, and one caused the other, or both have the same cause and one was such a round.
 */
export function toolCallsTwice(rows: readonly AgentRow[]): ReadonlyMap<string, string> {
  const groups = Map.groupBy(
    rows.filter((row) => kindOf(row) === 'tool' && row.call_ref !== undefined),
    ({ request_id, call_ref, target }) => JSON.stringify([request_id, call_ref, target]),
  )
  const spokenFor = new Map<string, string>()
  for (const group of groups.values()) {
    if (group.length === 1) continue
    const byId = new Map(group.map((row) => [row.id, row]))
    const isTop = ({ caused_by }: AgentRow): boolean => !byId.has(caused_by ?? '')
    for (const row of group) {
      // Rows that claim to cause each other speak for nobody.
      const seen = new Set<string>()
      let top = row
      for (
        let next: AgentRow | undefined = row;
        next !== undefined && !seen.has(next.id);
        seen.add(next.id), next = byId.get(next.caused_by ?? '')
      )
        top = next
      if (top !== row && isTop(top)) spokenFor.set(row.id, top.id)
    }
    for (const siblings of Map.groupBy(group.filter(isTop), ({ caused_by }) => caused_by).values()) {
      const last = siblings.toSorted((a, b) => (a.id < b.id ? -1 : 1)).findLast((row) => !isRound(row))
      for (const row of siblings) if (last !== undefined && isRound(row)) spokenFor.set(row.id, last.id)
    }
  }
  return spokenFor
}

/** The tool asked for input, and was called again if it got it. */
export const isRound = ({ detail }: AgentRow): boolean => detail['input_required'] === true

function lastedTogether(a: AgentRow, b: AgentRow): boolean {
  const [first, second] = a.id < b.id ? [a, b] : [b, a]
  if (second.caused_by === first.id) return true
  const { latency_ms } = first.detail
  const [begun, then] = [begunMs(first.id), begunMs(second.id)]
  return (
    typeof latency_ms === 'number' && begun !== undefined && then !== undefined && then <= begun + latency_ms
  )
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** When the id was given out, which is when the call began. */
function begunMs(id: string): number | undefined {
  const text = /^evt-([0-9A-HJKMNP-TV-Z]{10})[0-9A-HJKMNP-TV-Z]{16}$/.exec(id)?.[1]
  return text === undefined
    ? undefined
    : [...text].reduce((sum, digit) => sum * 32 + crockford.indexOf(digit), 0)
}
