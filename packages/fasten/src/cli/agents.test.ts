// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { runWithContext } from '../capture/context.ts'
import { bench, type Bench } from '../capture/fixtures/instance.ts'
import { createAgents, type Agents } from '../capture/shims/agents/agents.ts'
import type { OpenTool } from '../capture/shims/agents/recorder.ts'
import type { PriceTable } from '../capture/shims/agents/prices/price-table.ts'
import type { OwnedFasten } from '../capture/create.ts'
import { agentCosts } from '../reader/agents/agent-costs.ts'
import type { AgentRow } from '../reader/agents/agent-facts.ts'
import { agentTree, type AgentNode } from '../reader/agents/agent-tree.ts'
import { ask, serve } from './fixtures/ask.ts'
import { fastenCli } from './fixtures/spawn.ts'

/** A dime a token, and not for every model. */
const prices: PriceTable = {
  version: 'dimes 1',
  price: ({ model, usage }) =>
    model === 'free'
      ? undefined
      : { usd: decimal((usage.input ?? 0) + (usage.output ?? 0)), table: 'dimes 1' },
}
const decimal = (tenths: number): string => `${Math.floor(tenths / 10)}.${tenths % 10}`

interface Desk extends Bench, Agents {
  readonly fasten: OwnedFasten
}

function desk(t: TestContext): Desk {
  const place = bench(t)
  const fasten = place.start({ strict: true })
  fasten.register('shop', { ORDER_PAID: {}, ORDER_SEEN: {} })
  return { ...place, ...createAgents({ fasten, prices }), fasten }
}

/** What a shopkeeper's agents did in one request, and one who was asked from another process. */
async function story(at: Desk): Promise<void> {
  const { agent, delegate, tool, recorder, approval, fasten } = at
  const pay = tool(
    'pay\u001b[31m',
    (order: number) => fasten.emit({ code: 'ORDER_PAID', target: `order:${order}` }),
    { risk: 'high' },
  )
  const broken = tool('look_up', () => {
    throw new RangeError('gone')
  })
  await runWithContext({ request_id: 'req-1', actor: 'alice', actor_kind: 'user' }, () =>
    agent('planner', async () => {
      const model = recorder.startModel({ model: 'gpt-x', provider: 'local' })
      model.asked('call-1', 'pay\u001b[31m', 7)
      model.succeeded({ usage: { input: 1, output: 0, cached: 1 } })
      approval.request({ tool: 'pay\u001b[31m', callRef: 'call-1' }).grant({ by: 'bob', reason: 'fine' })
      pay(7)
      delegate('finder', () => {
        recorder
          .startModel({ model: 'free', provider: 'local' })
          .succeeded({ usage: { input: 5, output: 5 } })
        assert.throws(broken)
      })
      recorder.startModel({ model: 'gpt-x', provider: 'local' }).succeeded({ usage: { input: 2, output: 0 } })
    }),
  )
  fasten.emit({ code: 'ORDER_SEEN', target: 'order:1', request_id: 'req-1' })
  runWithContext({ request_id: 'req-1', caused_by: 'evt-00000000000000000000000000' }, () =>
    recorder.startModel({ model: 'gpt-x', provider: 'local', agent: 'stray' }).failed(new Error('x'), {}),
  )
  await fasten.flush()
}

/** Rows of one call by a client and the library above it, by both sides of MCP and in rounds; and tools under grants that are none. */
async function twiceTold({ agent, recorder, approval, fasten, tool }: Desk): Promise<void> {
  await runWithContext({ request_id: 'req-2' }, () =>
    agent('planner', async () => {
      const usage = { input: 1, output: 2 }
      const [library, client] = [0, 1].map(() => recorder.startModel({ model: 'gpt-x', provider: 'local' }))
      client?.succeeded({ usage, callRef: 'resp-1' })
      library?.succeeded({ usage, callRef: 'resp-1' })
      const granted = approval.request({ tool: 'pay', args: 7 }).grant({ by: 'bob' }) ?? ''
      approval.under(granted, () => {
        const sent = recorder.startTool({ tool: 'pay', args: 7, callRef: 'call-1' })
        sent.within(() => {
          const causedBy = sent.id ?? ''
          const round = (): OpenTool =>
            recorder.startTool({ tool: 'pay', args: 7, callRef: 'call-1', causedBy })
          round().succeeded({}, { isInputRequired: true })
          round().succeeded({})
        })
        sent.succeeded({})
      })
      const pay = tool('pay', (order: number) => order)
      approval.under(granted, () => pay(700))
      approval.under('evt-00000000000000000000000000', () => pay(7))
      recorder.startTool({ tool: 'pay' }).succeeded({}, { isInputRequired: true })
    }),
  )
  await fasten.flush()
}

const tidied = (text: string): string => text.replace(/evt-[0-9A-Z]{26}/g, 'evt').replace(/\d+ ms/g, 'N ms')

describe('fasten agents', () => {
  test('tree: who worked for whom, what was asked, used, done, granted, failed and paid; orphans are told apart', async (t) => {
    const at = desk(t)
    await story(at)
    const { exitCode, out, err } = await fastenCli(['agents', 'tree', 'req-1', at.path])
    assert.deepEqual([exitCode, err], [0, ''])
    assert.equal(
      tidied(out),
      `request req-1

planner for alice
  model gpt-x  N ms  in 1 (1 cached) out 0  $0.1  evt
  ├ requested pay\\x1b[31m  evt
  │ └ granted pay\\x1b[31m by bob  “fine”  evt
  └ tool pay\\x1b[31m  N ms  risk high  approved by bob  evt
    └ ORDER_PAID order:7  evt
  agent finder  N ms  evt
  ├ model free  N ms  in 5 out 5  cost unknown  evt
  └ tool look_up  FAILURE RangeError  N ms  evt
  model gpt-x  N ms  in 2 out 0  $0.2  evt
stray
  ! caused by evt, which is not there, or leads back to this row
  model gpt-x  FAILURE Error  N ms  tokens unknown  cost unknown  evt

4 model calls (1 failed), 2 tool calls (1 failed), in 8 out 5 tokens, $0.3 and 2 calls of unknown cost
`,
    )
    const json = JSON.parse(
      (await fastenCli(['agents', 'tree', 'req-1', '--store', at.path, '--json'])).out,
    ) as { rows: { depth: number; kind: string; cause?: string }[]; cost_usd: string }
    assert.equal(json.cost_usd, '0.3', 'a tenth and two tenths')
    assert.deepEqual(
      json.rows.map(({ depth, kind }) => `${depth} ${kind}`),
      [
        '0 model',
        '1 approval',
        '2 approval',
        '1 tool',
        '2 other',
        '0 agent',
        '1 model',
        '1 tool',
        '0 model',
        '0 model',
      ],
    )
    assert.equal(json.rows.at(-1)?.cause, 'missing')
    const none = await fastenCli(['agents', 'tree', 'nobody', at.path])
    assert.deepEqual([none.exitCode, none.out, none.err], [1, '', 'no rows of agents under nobody\n'])
  })

  test('cost: by every grouping, exactly, with what is not known beside it', async (t) => {
    const at = desk(t)
    await story(at)
    const costs = async (...words: string[]): Promise<string[]> => {
      const { out } = await ask(['agents', 'cost', at.path, '--json', ...words])
      const { groups } = JSON.parse(out) as {
        groups: { key: string; calls: number; cost_usd: string; cost_unknown: number }[]
      }
      return groups.map(
        ({ key, calls, cost_usd, cost_unknown }) => `${key} ${calls} $${cost_usd} ${cost_unknown}`,
      )
    }
    assert.deepEqual(await costs(), ['planner 2 $0.3 0', 'finder 1 $0 1', 'stray 1 $0 1'])
    assert.deepEqual(await costs('--by', 'model'), ['local/gpt-x 3 $0.3 1', 'local/free 1 $0 1'])
    assert.deepEqual(await costs('--by', 'on_behalf_of'), ['alice 3 $0.3 1', '(not said) 1 $0 1'])
    assert.deepEqual(await costs('--by', 'request'), ['req-1 4 $0.3 2'])
    assert.deepEqual(await costs('--by', 'tool'), ['(no tool) 4 $0.3 2'])
    assert.deepEqual(await costs('--actor', 'finder'), ['finder 1 $0 1'])
    const { exitCode, out, err } = await fastenCli(['agents', 'cost', at.path])
    assert.equal(exitCode, 0)
    assert.match(
      out,
      /^actor +calls +failed +input +cached +output +cost +unknown\nplanner +2 +0 +3 +1 +0 +\$0\.3 +0\n/,
    )
    assert.match(err, /2 calls priced by dimes 1\n2 calls of unknown cost: not in the sums/)
    assert.equal((await fastenCli(['agents', 'cost', at.path, '--until', '2000-01-01'])).exitCode, 1)
  })

  test('a call that several rows tell of is one call, whoever is asked for the rows', async (t) => {
    const at = desk(t)
    await twiceTold(at)
    const url = await serve(t, at)
    const env = { FASTEN_READER_TOKEN: 'sesame' }
    const [tree, remote] = await Promise.all([
      ask(['agents', 'tree', 'req-2', at.path]),
      ask(['agents', 'tree', 'req-2', '--url', url], { env }),
    ])
    assert.equal(remote.out, tree.out)
    assert.equal(
      tidied(tree.out),
      `request req-2

planner
  model gpt-x  N ms  in 1 out 2  $0.3  evt
  model gpt-x  N ms  in 1 out 2  $0.3  same call  evt
  requested pay  evt
  └ granted pay by bob  evt
  tool pay  N ms  approved by bob  evt
  ├ tool pay  N ms  asked for input  same call  evt
  └ tool pay  N ms  same call  evt
  tool pay  N ms  ! approved by bob, for other arguments  evt
  tool pay  N ms  ! approved by evt, which grants nothing like it  evt
  tool pay  N ms  asked for input  evt

1 model call, 3 tool calls, in 1 out 2 tokens, $0.3
`,
    )
    const [cost, remoteCost] = await Promise.all([
      ask(['agents', 'cost', at.path]),
      ask(['agents', 'cost', '--url', url], { env }),
    ])
    assert.deepEqual([remoteCost.out, remoteCost.err], [cost.out, cost.err])
    assert.match(cost.out, /planner +1 +0 +1 +0 +2 +\$0\.3 +0\n/)
  })

  test('an id of an answer that a small server always gives is no sign of one call', async () => {
    const asked = (at: number, more: object = {}): AgentRow =>
      rowOf(`evt-01ARZ3N${at}EKTSV4RRFFQ69G5FAV`, 'MODEL_CALLED', {
        call_ref: 'chatcmpl-1',
        detail: { cost_usd: 1, input_tokens: 5, output_tokens: 5, latency_ms: 10 },
        ...more,
      })
    const rows = [
      asked(1),
      asked(2),
      asked(2, { id: 'evt-01ARZ3N2EKTSV4RRFFQ69G5FAW' }),
      asked(1, { request_id: 'r-2' }),
    ]
    const { total } = await agentCosts(streamOf(rows), 'actor')
    assert.equal(total.calls, 3, 'one pair lasted at the same time')
  })

  test('rows that claim to cause each other speak for nobody', () => {
    const pay = (id: string, caused_by: string): AgentRow =>
      rowOf(id, 'TOOL_CALLED', { caused_by, call_ref: 'c', target: 'pay' })
    const nodes = agentTree([pay('1', '2'), pay('2', '1'), pay('3', '3'), pay('4', '2')])
    assert.deepEqual(
      nodes.map(({ sameCallAs }) => sameCallAs),
      [undefined, undefined, undefined, undefined],
    )
  })

  test('a tool that runs an agent has what that agent’s models cost', async () => {
    const rows = [
      rowOf('1', 'TOOL_CALLED', { target: 'ask' }),
      rowOf('2', 'AGENT_DELEGATED', { caused_by: '1' }),
      rowOf('3', 'MODEL_CALLED', { caused_by: '2', detail: { cost_usd: 0.1 } }),
      rowOf('4', 'MODEL_CALLED', { detail: { cost_usd: 7e-8 } }),
      rowOf('5', 'MODEL_CALLED', { caused_by: '6' }),
      rowOf('6', 'TOOL_X', { caused_by: '5' }),
    ]
    const { groups } = await agentCosts(streamOf(rows), 'tool')
    assert.deepEqual(
      groups.map(({ key, calls }) => [key, calls]),
      [
        ['ask', 1],
        ['(no tool)', 2],
      ],
    )
  })

  test('deep and wide trees, rings and rows in any order are drawn once each', () => {
    const deep = Array.from({ length: 50_000 }, (_, at) =>
      rowOf(numbered(at), 'TOOL_CALLED', at === 0 ? {} : { caused_by: numbered(at - 1) }),
    )
    const nodes = agentTree(deep.toReversed())
    assert.deepEqual([nodes.length, nodes.at(-1)?.depth], [50_000, 49_999])
    const wide = Array.from({ length: 50_000 }, (_, at) =>
      rowOf(numbered(at), 'TOOL_CALLED', at === 0 ? {} : { caused_by: numbered(0) }),
    )
    assert.deepEqual(
      agentTree(wide)
        .map(({ depth }) => depth)
        .slice(0, 3),
      [0, 1, 1],
    )
    const ring = [
      rowOf('1', 'TOOL_CALLED', { caused_by: '2' }),
      rowOf('2', 'TOOL_CALLED', { caused_by: '1' }),
      rowOf('3', 'TOOL_CALLED', { caused_by: '3' }),
    ]
    assert.deepEqual(
      agentTree(ring).map(({ row, depth, lostCause }) => [row.id, depth, lostCause]),
      [
        ['1', 0, '2'],
        ['2', 1, undefined],
        ['3', 0, '3'],
      ],
    )
  })

  test('the tree of any run is the calls that were made', async (t) => {
    const at = desk(t)
    let run = 0
    const made: { request: string; calls: string[] }[] = []
    const plan: (levels?: number) => fc.Arbitrary<Call> = fc.memo((levels) =>
      fc.record({
        kind: fc.constantFrom('tool', 'agent', 'model'),
        name: fc.string({ minLength: 1, maxLength: 4 }),
        fails: fc.boolean(),
        isAsync: fc.boolean(),
        inside: levels > 1 ? fc.array(plan(levels - 1), { maxLength: 3 }) : fc.constant([]),
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(plan(4), { minLength: 1, maxLength: 3 }), async (calls) => {
        const request = `run-${run++}`
        made.push({ request, calls: calls.flatMap((call) => expected(call, '')) })
        await runWithContext({ request_id: request }, () =>
          at.agent('root', () => Promise.all(calls.map((call) => make(at, call)))),
        )
      }),
      { numRuns: 60 },
    )
    await at.fasten.close()
    const rows = (await at.auditRows()) as unknown as AgentRow[]
    for (const { request, calls } of made) {
      const tree = agentTree(rows.filter(({ request_id }) => request_id === request))
      assert.deepEqual(pathsIn(tree).sort(), calls.sort())
      assert.ok(tree.every(({ lostCause }) => lostCause === undefined))
    }
  })
})

interface Call {
  readonly kind: 'tool' | 'agent' | 'model'
  readonly name: string
  readonly fails: boolean
  readonly isAsync: boolean
  readonly inside: readonly Call[]
}

const nameOf = ({ kind, name }: Call): string => `${kind}:${Buffer.from(name).toString('hex')}`

/** Each call by the way that leads to it. */
function expected(call: Call, above: string): string[] {
  const path = `${above}/${nameOf(call)} ${call.fails ? 'failure' : 'success'}`
  return [path, ...(call.kind === 'model' ? [] : call.inside.flatMap((inner) => expected(inner, path)))]
}

function pathsIn(nodes: readonly AgentNode[]): string[] {
  const above: string[] = []
  return nodes.map(({ row, depth }) => {
    above.length = depth
    above.push(`${above.at(-1) ?? ''}/${row.target} ${row.outcome}`)
    return above[depth] ?? ''
  })
}

async function make(at: Desk, call: Call): Promise<void> {
  const { kind, fails, inside, isAsync } = call
  const name = nameOf(call)
  if (kind === 'model') {
    const open = at.recorder.startModel({ model: name })
    if (isAsync) await new Promise(setImmediate)
    return fails ? open.failed(new Error('no')) : open.succeeded()
  }
  const work = async (): Promise<void> => {
    await Promise.all(inside.map((one) => make(at, one)))
    if (isAsync) await new Promise(setImmediate)
    if (fails) throw new Error('no')
  }
  await (kind === 'tool' ? at.tool(name, work)() : at.delegate(name, work)).catch(() => {})
}

const numbered = (at: number): string => String(at).padStart(6, '0')

function rowOf(id: string, code: string, more: object): AgentRow {
  return {
    id,
    code,
    stream: 'audit',
    request_id: 'r',
    target: code,
    outcome: 'success',
    timestamp: '2026-11-26',
    detail: {},
    ...more,
  } as unknown as AgentRow
}

async function* streamOf(rows: readonly AgentRow[]): AsyncGenerator<AgentRow> {
  yield* rows
}
