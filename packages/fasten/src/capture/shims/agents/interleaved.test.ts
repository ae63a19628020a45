// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditRow } from '../../../core/row.ts'
import { openForReading } from '../../../store/open.ts'
import { runWithContext } from '../../context.ts'
import { bench } from '../../fixtures/instance.ts'
import { createAgents } from './agents.ts'

const requests = 200
const calls = 100

test('20,000 interleaved tool calls: none is taken for one of another request, agent, person or model call', async (t) => {
  const place = bench(t)
  const fasten = place.start({ durability: 'tick' })
  const { agent, recorder, tool } = createAgents({ fasten, tools: { args: 'hash', result: 'none' } })
  const look = tool('look', async ({ at }: { at: number }) => {
    for (let turn = 0; turn < at % 3; turn++) await new Promise(setImmediate)
    return at
  })

  /** The same references and arguments in every request: only the context tells them apart. */
  const serve = (n: number): Promise<unknown> =>
    runWithContext({ request_id: `req-${n}`, actor: `person-${n}`, actor_kind: 'user' }, () =>
      agent(`agent-${n}`, async () => {
        const model = recorder.startModel({ model: `model-${n}` })
        await new Promise(setImmediate)
        for (let at = 0; at < calls; at++) model.asked(`call-${at}`, 'look', { at })
        model.succeeded()
        const results = await Promise.all(Array.from({ length: calls }, (_, at) => look({ at })))
        assert.deepEqual(
          results,
          Array.from({ length: calls }, (_, at) => at),
        )
      }),
    )
  await Promise.all(Array.from({ length: requests }, (_, n) => serve(n)))
  await fasten.close(60_000)

  const store = await openForReading(place.path)
  t.after(() => store.close())
  const rows = (await store.scan({ stream: 'audit', order: 'stored', limit: 100_000 })).map(
    ({ row }) => row as AuditRow,
  )
  const models = new Map(
    rows.filter(({ code }) => code === 'MODEL_CALLED').map((row) => [row.request_id, row]),
  )
  const used = rows.filter(({ code }) => code === 'TOOL_CALLED')
  assert.equal(used.length, requests * calls)
  const seen = new Set<string>()
  for (const { request_id, actor, on_behalf_of, caused_by, call_ref, detail } of used) {
    const n = request_id.slice(4)
    seen.add(`${n} ${call_ref}`)
    const at = Number(call_ref?.slice(5))
    assert.deepEqual(
      [actor, on_behalf_of, caused_by, models.get(request_id)?.target, detail['args_hash']],
      [`agent-${n}`, `person-${n}`, models.get(request_id)?.id, `model-${n}`, digests[at]],
    )
  }
  assert.equal(seen.size, requests * calls, 'each call has its row')
})

const digests = Array.from({ length: calls }, (_, at) => createAgents().recorder.digest({ at }))
