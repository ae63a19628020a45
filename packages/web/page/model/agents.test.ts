// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentTree, type AgentRow } from 'fasten/reader/remote'
import {
  approvalsOf,
  costsWithin,
  decisionsIn,
  digitsFor,
  costsOf,
  failuresOf,
  moneyText,
  sumText,
  readAgentView,
  requestsOf,
  shareOf,
  writeAgentView,
} from './agents.ts'

let made = 0
function row(code: string, about: object = {}): AgentRow {
  const id = `evt-${String(++made).padStart(26, '0')}`
  return {
    stream: 'audit',
    id,
    code,
    timestamp: `2026-11-27T00:00:${String(made % 60).padStart(2, '0')}.000000Z`,
    request_id: 'r1',
    actor: 'planner',
    outcome: 'success',
    target: 'x',
    detail: {},
    ...about,
  } as unknown as AgentRow
}

test('requests sum up what their agents did, the newest first', async () => {
  const model = row('MODEL_CALLED', {
    detail: { model: 'm', cost_usd: 0.1, input_tokens: 3 },
    on_behalf_of: 'user:ada',
  })
  const tool = row('TOOL_FAILED', { outcome: 'failure', caused_by: model.id })
  const rows = [
    model,
    tool,
    row('MODEL_CALLED', { request_id: 'r2', detail: { model: 'm', cost_usd: 0.2 } }),
    row('MODEL_CALLED', { request_id: 'r2', detail: { model: 'free' } }),
  ]
  assert.deepEqual(
    requestsOf(rows).map(
      ({ request_id, on_behalf_of, sums: { calls, tools, toolFailures, costUnknown, cost } }) => [
        request_id,
        on_behalf_of,
        calls,
        tools,
        toolFailures,
        costUnknown,
        moneyText(cost),
      ],
    ),
    [
      ['r2', undefined, 2, 0, 0, 1, '$0.20'],
      ['r1', 'user:ada', 1, 1, 1, 0, '$0.10'],
    ],
  )
  assert.deepEqual(
    failuresOf(rows).map(({ id }) => id),
    [tool.id],
  )
  const { groups, total } = await costsOf(rows, 'model')
  assert.deepEqual(
    groups.map(({ key, cost }) => [key, moneyText(cost), Math.round(shareOf(cost, total.cost) * 100)]),
    [
      ['m', '$0.30', 100],
      ['free', '$0.00', 0],
    ],
  )
})

test('an approval is its question and its answer; what waits comes first, an answer alone is told', () => {
  const granted = row('APPROVAL_REQUESTED')
  const waiting = row('APPROVAL_REQUESTED')
  const answer = row('APPROVAL_GRANTED', { caused_by: granted.id })
  const stray = row('APPROVAL_DENIED', { caused_by: 'evt-gone' })
  assert.deepEqual(
    approvalsOf([granted, waiting, answer, stray]).map(({ asked, answer: by }) => [asked?.id, by?.id]),
    [
      [waiting.id, undefined],
      [undefined, stray.id],
      [granted.id, answer.id],
    ],
  )
})

test('a tool costs what the models below it cost, at every depth', () => {
  const tool = row('TOOL_CALLED')
  const inner = row('MODEL_CALLED', { caused_by: tool.id, detail: { cost_usd: 0.1 } })
  const deeper = row('TOOL_CALLED', { caused_by: inner.id })
  const last = row('MODEL_CALLED', { caused_by: deeper.id, detail: { cost_usd: 0.25 } })
  const beside = row('MODEL_CALLED', { detail: { cost_usd: 9 } })
  const nodes = agentTree([tool, inner, deeper, last, beside])
  assert.deepEqual(
    costsWithin(nodes).map((cost) => (cost === null ? null : moneyText(cost))),
    ['$0.35', '$0.25', '$0.25', null, null],
  )
})

test('amounts are compared, not counted', () => {
  const text = (units: bigint, scale: number): string => moneyText({ units, scale })
  assert.deepEqual(
    [text(0n, 0), text(12_345_678n, 4), text(15n, 1), text(99_999n, 5), text(123_456n, 8), text(1n, 9)],
    ['$0.00', '$1,234.57', '$1.50', '$1.00', '$0.0012', '$0.000000001'],
  )
})

test('amounts of a column have as many digits as the least of them needs, and what has no room is less than that', () => {
  const column = [
    { units: 12n, scale: 1 },
    { units: 35n, scale: 3 },
    { units: 1n, scale: 6 },
  ]
  assert.equal(digitsFor(column.slice(0, 1)), 2)
  assert.equal(digitsFor(column.slice(0, 2)), 3)
  const digits = digitsFor(column, 4)
  assert.deepEqual(
    column.map((cost) => moneyText(cost, digits)),
    ['$1.2000', '$0.0350', '<$0.0001'],
  )
})

test('each request for an approval knows its answer, or that it waits', () => {
  const granted = row('APPROVAL_REQUESTED')
  const waiting = row('APPROVAL_REQUESTED')
  const answer = row('APPROVAL_GRANTED', { caused_by: granted.id })
  assert.deepEqual(
    decisionsIn([granted, waiting, answer]),
    new Map([
      [waiting.id, null],
      [granted.id, answer],
    ]),
  )
})

test('a sum of a part of the rows is at least so much', () => {
  assert.deepEqual([sumText('$1.50', false), sumText('$1.50', true)], ['$1.50', '≥ $1.50'])
})

test('a view stands in the address as it was', () => {
  const view = { since: '-30d', until: null, by: 'model' } as const
  assert.deepEqual(readAgentView(writeAgentView(view)), view)
  assert.equal(writeAgentView(readAgentView('?by=nonsense')), '')
})
