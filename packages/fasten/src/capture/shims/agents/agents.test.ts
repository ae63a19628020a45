// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readFileSync } from 'node:fs'
import type { AuditRow } from '../../../core/row.ts'
import { readCatalogue } from '../../catalogue-file.ts'
import { bench } from '../../fixtures/instance.ts'
import { runWithContext } from '../../context.ts'
import { agentCodes } from './agent-codes.ts'
import { createAgents } from './agents.ts'
import type { PriceTable } from './prices/price-table.ts'
import type { AgentRecorder } from './recorder.ts'
import { createDigest } from './digest.ts'

const byCode = (rows: readonly AuditRow[], code: string): AuditRow => {
  const found = rows.filter((row) => row.code === code)
  assert.equal(found.length, 1, `one row ${code}`)
  return found[0] as AuditRow
}

describe('agents and what they do', () => {
  test('an agent, the agent it hands work to and its tool are a tree under one request id', async (t) => {
    const place = bench(t)
    const fasten = place.start({ strict: true })
    const { agent, delegate, tool, recorder } = createAgents({ fasten })
    fasten.register('shop', { ORDER_READ: {} })
    const lookUp = tool(
      'look_up',
      async (query: { order: number }) => {
        fasten.emit({ code: 'ORDER_READ', target: `order:${query.order}` })
        return { found: query.order === 7 }
      },
      { risk: 'low' },
    )

    const answer = await runWithContext({ request_id: 'req-1', actor: 'alice', actor_kind: 'user' }, () =>
      agent('planner', async () => {
        const model = recorder.startModel({ model: 'gpt-x', provider: 'local', operation: 'chat' })
        model.succeeded({ usage: { input: 10, output: 2 }, callRef: 'resp-1' })
        return delegate('finder', () => {
          const asking = recorder.startModel({ model: 'gpt-x', provider: 'local' })
          asking.asked('call-1', 'look_up', { order: 7 })
          asking.succeeded({})
          return lookUp({ order: 7 })
        })
      }),
    )
    assert.deepEqual(answer, { found: true })
    await fasten.close()

    const rows = await place.auditRows()
    assert.deepEqual(new Set(rows.map(({ request_id }) => request_id)), new Set(['req-1']))
    const delegated = byCode(rows, 'AGENT_DELEGATED')
    const called = byCode(rows, 'TOOL_CALLED')
    const read = byCode(rows, 'ORDER_READ')
    assert.equal(read.caused_by, called.id, 'what a tool does is caused by its call')
    assert.equal(delegated.actor, 'planner')
    assert.equal(delegated.target, 'finder')
    assert.equal(delegated.on_behalf_of, 'alice')
    const [planned, found] = rows.filter(({ code }) => code === 'MODEL_CALLED')
    assert.deepEqual([planned?.actor, planned?.caused_by], ['planner', undefined])
    assert.deepEqual([found?.actor, found?.caused_by, found?.on_behalf_of], ['finder', delegated.id, 'alice'])
    assert.deepEqual(
      { ...called, detail: { ...called.detail, latency_ms: 0 } },
      {
        ...called,
        action: 'agent.tool.call',
        actor: 'finder',
        call_ref: 'call-1',
        caused_by: found?.id,
        actor_kind: 'agent',
        method: 'agent_tool',
        outcome: 'success',
        target: 'look_up',
        target_kind: 'tool',
        detail: {
          args_hash: createDigest()({ order: 7 }),
          latency_ms: 0,
          result_hash: createDigest()({ found: true }),
          risk: 'low',
          tool: 'look_up',
        },
      },
    )
  })

  test('what is hostile in one fact costs no other: endless names, prices that are none', async (t) => {
    const place = bench(t)
    const fasten = place.start({ strict: true })
    const endless = 'A'.repeat(100_000)
    const table = (price: PriceTable['price']): PriceTable => ({ version: 'odd 1', price })
    const recorderWith = (price: PriceTable['price']): AgentRecorder =>
      createAgents({ fasten, prices: table(price) }).recorder
    const usage = { input: 3, output: 4 }
    recorderWith(() => ({ usd: '0.25', table: 'odd 1' }))
      .startModel({ model: 'm' })
      .succeeded({ model: endless, finishReason: endless, callRef: endless, usage })
    recorderWith(() => ({ usd: '1e400', table: 'odd 1' }))
      .startModel({ model: 'm' })
      .succeeded({ usage })
    recorderWith(() => ({ usd: 'free', table: 'odd 1' }))
      .startModel({ model: 'm' })
      .succeeded({ usage })
    const { tool } = createAgents({ fasten })
    assert.equal(tool(endless, () => 1, { risk: endless })(), 1)
    await fasten.close()
    const rows = await place.auditRows()
    const costs = rows
      .filter(({ code }) => code === 'MODEL_CALLED')
      .map(({ detail }) => [detail['cost_usd'], detail['cost_unknown'], detail['input_tokens']])
    assert.deepEqual(costs, [
      [0.25, undefined, 3],
      [undefined, true, 3],
      [undefined, true, 3],
    ])
    const { detail } = byCode(rows, 'TOOL_CALLED')
    assert.deepEqual(
      [textLength(detail['tool']), textLength(detail['risk']), detail['result_hash']],
      [256, 256, createDigest()(1)],
    )
  })

  test('the codes are those of the catalogue file', () => {
    const file = new URL('../../../../catalog/agent.codes.yaml', import.meta.url)
    const reading = readCatalogue(file.pathname, readFileSync(file, 'utf8'))
    assert.equal(reading.kind, 'read')
    if (reading.kind !== 'read') return
    const strip = (given: object): object =>
      Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith('x-')))
    const { codes } = reading.catalogue.set
    for (const [code, meta] of Object.entries(agentCodes))
      assert.deepEqual(meta, strip(codes[code] ?? {}), code)
  })
})

const textLength = (value: unknown): unknown => (typeof value === 'string' ? value.length : value)
