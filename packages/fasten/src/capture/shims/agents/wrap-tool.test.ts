// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { carry, receive } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { runWithContext } from '../../context.ts'
import { bench } from '../../fixtures/instance.ts'
import { createAgents } from './agents.ts'
import { createDigest } from './digest.ts'

describe('a function as a tool', () => {
  test('is the same to its caller: this, arguments, results, errors, name and length', async (t) => {
    const fasten = bench(t).start({ strict: true })
    const { tool } = createAgents({ fasten })
    const desk = {
      rate: 2,
      times(this: { rate: number }, a: number, _b?: number) {
        return a * this.rate
      },
    }
    const wrapped = { rate: 3, times: tool('times', desk.times) }
    assert.equal(wrapped.times(5), 15)
    assert.deepEqual([wrapped.times.name, wrapped.times.length], ['times', 2])
    const error = new RangeError('no')
    assert.throws(
      tool('a', () => {
        throw error
      }),
      (thrown) => thrown === error,
    )
    await assert.rejects(
      tool('b', async () => Promise.reject(error)),
      (thrown) => thrown === error,
    )
    assert.throws(() => tool('', () => 1), TypeError)
    assert.throws(
      () => tool('c', () => 1, { args: 'everything' as never }),
      /args must be one of hash, redacted, full, none/,
    )
    // An error that cannot be looked at is still the caller's.
    const unseen = new Proxy(new Error('x'), {
      get: () => assert.fail('looked at'),
      getPrototypeOf: () => assert.fail('looked at'),
    })
    let thrown: unknown
    try {
      tool('d', () => {
        throw unseen
      })()
    } catch (found) {
      thrown = found
    }
    assert.ok(Object.is(thrown, unseen))
    // Nothing is started: the tool works all the same, and nothing is recorded.
    assert.equal(createAgents({ fasten: () => undefined }).tool('d', () => 4)(), 4)
  })

  test('answers in parts: the row comes with the end, or when the caller gives up', async (t) => {
    const place = bench(t)
    const fasten = place.start({ strict: true })
    const { tool } = createAgents({ fasten })
    const count = tool('count', async function* (to: number) {
      for (let at = 0; at < to; at++) yield at
      if (to > 5) throw new RangeError('too far')
    })
    const heard: number[] = []
    for await (const part of count(3)) heard.push(part)
    for await (const part of count(3)) if (part === 1) break
    await assert.rejects(async () => {
      for await (const part of count(6)) void part
    }, RangeError)
    assert.deepEqual(heard, [0, 1, 2])
    await fasten.close()
    const rows = await place.auditRows()
    assert.deepEqual(
      rows.map(({ code, detail }) => [code, detail['yields'], detail['ended_early'], detail['result_hash']]),
      [
        ['TOOL_CALLED', 3, undefined, createDigest()([0, 1, 2])],
        ['TOOL_CALLED', 2, true, createDigest()([0, 1])],
        ['TOOL_FAILED', 6, undefined, undefined],
      ],
    )
  })

  test('keeps of arguments and results what the policy says, sealed, and secrets never', async (t) => {
    const place = bench(t)
    const fasten = place.start({ strict: true })
    const digestKey = Buffer.alloc(32, 7)
    const { tool } = createAgents({ fasten, digestKey })
    const given = { mail: 'ann@example.org', password: 'hunter2', note: 'x'.repeat(9000) }
    for (const policy of ['hash', 'redacted', 'full', 'none'] as const)
      tool('send', (mail: object) => ({ to: 'ann@example.org', parts: Object.keys(mail).length }), {
        args: policy,
        result: policy,
      })(given)
    await fasten.close()
    const rows = await place.auditRows()
    const keyed = createDigest(digestKey)(given)
    assert.match(keyed, /^hmac-sha256:[0-9a-f]{64}$/)
    assert.deepEqual(
      rows.map(({ detail, sd }) => [detail['args_hash'], Object.keys(sd ?? {})]),
      [
        [keyed, []],
        [keyed, ['/detail/arguments', '/detail/result']],
        [keyed, ['/detail/arguments', '/detail/result']],
        ['none', []],
      ],
    )
    assert.doesNotMatch(JSON.stringify(rows), /ann@|hunter2|xxxx/)
    assert.throws(() => createAgents({ digestKey: Buffer.alloc(8) }), /at least 16/)
    assert.equal(createDigest()({ b: 1n, a: undefined }), createDigest()({ b: '1' }))
  })

  test('whatever becomes of its row, the caller gets the result', (t) => {
    const fasten = bench(t).start({ strict: true })
    // The application has registered the code in its own way, which a row of ours does not fit.
    fasten.register('own', {
      TOOL_CALLED: { detail: { required: ['never_given'], properties: { never_given: 'string' } } },
    })
    t.mock.method(process, 'emitWarning', () => {})
    assert.equal(createAgents({ fasten }).tool('d', () => 4)(), 4)
    assert.equal(fasten.metaOf('TOOL_CALLED')?.domain, 'own')
  })
})

test('an agent in another process goes on under the same id, caused by the delegation; for whom is not taken from the message', async (t) => {
  interface Letter {
    readonly headers: Readonly<Record<string, string>>
  }
  const letters = createHeaderCarrier<Letter>({
    name: 'letters',
    method: 'letters',
    get: ({ headers }, name) => headers[name],
    set: ({ headers }, name, value) => ({ headers: { ...headers, [name]: value } }),
  })
  const place = bench(t)
  const [here, there] = [place.start({ strict: true }), place.start({ strict: true, service_id: 'other' })]
  const a = createAgents({ fasten: here })
  const b = createAgents({ fasten: there })
  const letter = await runWithContext({ request_id: 'req-9', actor: 'alice', actor_kind: 'user' }, () =>
    a.agent('a', () =>
      a.delegate('b', async () => carry(letters, { headers: { 'x-on-behalf-of': 'mallory' } })),
    ),
  )
  assert.deepEqual(
    Object.keys(letter.headers).filter((name) => /behalf|actor/.test(name)),
    ['x-on-behalf-of'],
  )
  receive(letters, letter, () => b.agent('b', { on_behalf_of: 'carol' }, () => b.tool('look', () => 1)()))
  receive(letters, letter, () => b.agent('b', () => b.tool('look', () => 1)()))
  await Promise.all([here.close(), there.close()])
  const rows = await place.auditRows()
  const delegated = rows.find(({ code }) => code === 'AGENT_DELEGATED')
  assert.deepEqual(
    rows
      .filter(({ code }) => code === 'TOOL_CALLED')
      .map(({ request_id, actor, on_behalf_of, caused_by }) => [request_id, actor, on_behalf_of, caused_by]),
    [
      ['req-9', 'b', 'carol', delegated?.id],
      ['req-9', 'b', undefined, delegated?.id],
    ],
  )
})
