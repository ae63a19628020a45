// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask } from '../../../testing/http-client.ts'
import { createServer } from 'node:http'
import { untilTrue } from '../../../testing/http-shim-contract.ts'
import { currentContext } from '../../context.ts'
import { captureView, listening, recording } from './fixtures/capture-view.ts'
import { wrap } from './node.ts'
import { createHttpShim, type HttpOptions } from './options.ts'

/** Sends one request to a server that answers with its context, and gives what came of it. */
async function once1(options: HttpOptions<never>, headers: readonly string[] = []) {
  const { fasten, rows } = recording()
  const handler = wrap((_req, res) => void res.end(JSON.stringify(currentContext() ?? null)), {
    fasten,
    ...(options as HttpOptions),
  })
  const { port, close } = await listening(createServer(handler))
  const answer = await ask(port, { path: '/a?b', headers })
  await untilTrue(() => rows.length === 1)
  await close()
  return { answer, context: JSON.parse(answer.body) as Record<string, unknown>, row: rows[0] }
}

describe('the options', () => {
  test('a wrong or unknown one is a TypeError that names it, when the shim is wired', () => {
    const wrong: readonly (readonly [name: string, options: object])[] = [
      ['fasten', { fasten: 5 }],
      ['fasten', { fasten: {} }],
      ['fasten', { fasten: null }],
      ['skip', { skip: 'health' }],
      ['requestIdHeader', { requestIdHeader: '' }],
      ['requestIdHeader', { requestIdHeader: [] }],
      ['requestIdHeader', { requestIdHeader: ['x-ok', 'bad name'] }],
      ['echo', { echo: 'bad name' }],
      ['echo', { echo: 1 }],
      ['traceresponse', { traceresponse: 'yes' }],
      ['startTrace', { startTrace: 'always' }],
      ['trustProxy', { trustProxy: ['nonsense'] }],
      ['forwardedHeader', { forwardedHeader: 'x-real-ip' }],
      ['peerAddress', { peerAddress: '1.2.3.4' }],
      ['actor', { actor: 'alice' }],
      ['bodyBytes', { bodyBytes: 1 }],
      ['trustProxies', { trustProxies: true }],
    ]
    for (const [name, options] of wrong)
      assert.throws(
        () => createHttpShim(options as HttpOptions),
        { name: 'TypeError', message: new RegExp(`^${name}: `) },
        JSON.stringify(options),
      )
    assert.throws(() => createHttpShim(5 as never), TypeError)
  })

  test('several id headers are tried in order, and the first names the answer', async () => {
    const options = { requestIdHeader: ['X-Correlation-ID', 'x-request-id'] }
    const second = await once1(options, ['x-request-id: second'])
    assert.deepEqual(
      [
        second.context['request_id'],
        second.answer.headers['x-correlation-id'],
        second.answer.headers['x-request-id'],
      ],
      ['second', 'second', undefined],
    )
    const first = await once1(options, ['x-request-id: second', 'x-correlation-id: first'])
    assert.equal(first.context['request_id'], 'first')
  })

  test("the echo can be left out or renamed, and an application's own header stands", async () => {
    assert.equal(
      (await once1({ echo: false }, ['x-request-id: a'])).answer.headers['x-request-id'],
      undefined,
    )
    assert.equal(
      (await once1({ echo: 'x-served-as' }, ['x-request-id: a'])).answer.headers['x-served-as'],
      'a',
    )
  })

  test('traceresponse names our span when there is a trace', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
    const { answer, context } = await once1({ traceresponse: true }, [
      `traceparent: 00-${trace}-00f067aa0ba902b7-01`,
    ])
    assert.equal(answer.headers['traceresponse'], `00-${trace}-${String(context['span_id'])}-01`)
    assert.equal((await once1({ traceresponse: true })).answer.headers['traceresponse'], undefined)
    const started = await once1({ traceresponse: true, startTrace: 'every' })
    assert.equal(
      started.answer.headers['traceresponse'],
      `00-${String(started.context['trace_id'])}-${String(started.context['span_id'])}-03`,
    )
  })

  test('bytes are not counted when they are not wanted', async () => {
    const { row } = await once1({ bodyBytes: false })
    assert.deepEqual([row?.bytes_in, row?.bytes_out], [undefined, undefined])
  })

  test('an address can come from elsewhere than the socket', async () => {
    assert.equal((await once1({ peerAddress: () => '203.0.113.77' })).row?.source?.ip, '203.0.113.77')
  })

  test('a hook that throws or answers late costs its facts, not the request, and is complained of once', async () => {
    const heard: (Error & { code?: string; detail?: string })[] = []
    // The usual listener prints; what is said here is expected.
    const printers = process.listeners('warning')
    process.removeAllListeners('warning')
    process.on('warning', (warning) => heard.push(warning))
    const broken = (): never => {
      throw new RangeError('hook')
    }
    const { fasten, rows } = recording()
    const options: HttpOptions = { fasten, actor: broken, skip: broken, peerAddress: broken }
    const handler = wrap((_req, res) => void res.end(String(currentContext()?.actor)), options)
    const { port, close } = await listening(createServer(handler))
    for (let turn = 0; turn < 3; turn++) assert.equal((await ask(port)).body, 'undefined')
    await untilTrue(() => rows.length === 3)
    await close()
    const late = await once1({ actor: (async () => 'alice') as never })
    process.removeAllListeners('warning')
    for (const printer of printers) process.on('warning', printer)
    assert.deepEqual(
      heard
        .slice(0, 3)
        .map(({ code }) => code)
        .toSorted(),
      ['FASTEN_ACTOR_HOOK', 'FASTEN_PEER_HOOK', 'FASTEN_SKIP_HOOK'],
    )
    assert.equal(heard.length, 4)
    assert.match(String(heard[3]?.detail), /not with a promise/)
    assert.equal(late.row?.actor, undefined)
  })

  test("a hook's facts reach the context whole, setActor goes before it, and a hook that logs is not asked by its own row", async () => {
    let asked = 0
    const { fasten, rows } = recording()
    const actor: HttpOptions['actor'] = () => {
      asked++
      assert.equal(currentContext()?.actor, undefined)
      return {
        actor: 'svc',
        actorKind: 'service',
        auth_method: 'mtls',
        tenantId: 'acme',
        onBehalfOf: 'erin',
        sessionId: 's1',
      }
    }
    const handler = wrap(
      (req, res) => {
        if (req.url === '/set') captureView.setActor({ actor: 'frank', auth_method: 'password' })
        res.end(JSON.stringify({ ...currentContext() }))
      },
      { fasten, actor },
    )
    const { port, close } = await listening(createServer(handler))
    const facts = JSON.parse((await ask(port)).body) as Record<string, unknown>
    const set = JSON.parse((await ask(port, { path: '/set' })).body) as Record<string, unknown>
    await untilTrue(() => rows.length === 2)
    await close()
    const names = ['actor', 'actor_kind', 'auth_method', 'tenant_id', 'on_behalf_of', 'session_id']
    assert.deepEqual(
      names.map((name) => facts[name]),
      ['svc', 'service', 'mtls', 'acme', 'erin', 's1'],
    )
    assert.deepEqual(
      names.map((name) => set[name]),
      ['frank', undefined, 'password', undefined, undefined, undefined],
    )
    assert.deepEqual(
      rows.map((row) => row.actor),
      ['svc', 'frank'],
    )
    assert.equal(asked, 1)
  })
})
