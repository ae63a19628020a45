// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentRequestID } from '../../context.ts'
import { wrapFetch } from './fetch.ts'
import { recording } from './fixtures/capture-view.ts'
import type { HttpOptions } from './options.ts'

function served(
  handler: (request: Request) => Response | Promise<Response>,
  options: HttpOptions<Request> = {},
) {
  const { fasten, rows } = recording()
  return { rows, serve: wrapFetch(handler, { fasten, ...options }) }
}

describe('wrapFetch', () => {
  test('an answer with a text leaves its row when the text was read', async () => {
    const { rows, serve } = served(
      () => new Response(currentRequestID(), { status: 201, headers: { 'x-app': '1' } }),
    )
    const answer = await serve(
      new Request('http://localhost/things?x=1', {
        headers: { 'x-request-id': 'web-1', 'user-agent': 'probe' },
      }),
    )
    assert.deepEqual(
      [answer.status, answer.headers.get('x-request-id'), answer.headers.get('x-app'), rows.length],
      [201, 'web-1', '1', 0],
    )
    assert.equal(await answer.text(), 'web-1')
    const [row] = rows
    assert.deepEqual(
      { ...row, duration_us: 0, context: 0 },
      {
        method: 'GET',
        path: '/things',
        status: 201,
        duration_us: 0,
        bytes_out: 5,
        source: { user_agent: 'probe' },
        context: 0,
      },
    )
  })

  test('parts are made in the context, counted, and recorded at the end', async () => {
    const { rows, serve } = served(() => {
      let part = 0
      return new Response(
        new ReadableStream({
          pull(controller) {
            if (part++ === 3) controller.close()
            else controller.enqueue(new TextEncoder().encode(`${currentRequestID()};`))
          },
        }),
      )
    })
    const answer = await serve(new Request('http://localhost/', { headers: { 'x-request-id': 'parts' } }))
    assert.equal(await answer.text(), 'parts;parts;parts;')
    assert.deepEqual(
      rows.map(({ status, bytes_out, error }) => [status, bytes_out, error]),
      [[200, 18, undefined]],
    )
  })

  test('a reader that turns away, a body that breaks, no body and a throw leave one row each', async () => {
    let isCancelled = false
    const endless = served(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(8)),
            cancel: () => void (isCancelled = true),
          }),
        ),
    )
    const reader = (await endless.serve(new Request('http://localhost/'))).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    assert.deepEqual(
      endless.rows.map(({ status, error }) => [status, error]),
      [[200, 'aborted']],
    )
    assert.equal(isCancelled, true)

    const broken = served(
      () => new Response(new ReadableStream({ pull: () => Promise.reject(new RangeError('broken')) })),
    )
    const answer = await broken.serve(new Request('http://localhost/'))
    await assert.rejects(answer.text(), RangeError)
    assert.deepEqual(
      broken.rows.map(({ status, error }) => [status, error]),
      [[200, 'RangeError']],
    )

    const empty = served(() => new Response(null, { status: 204 }))
    assert.equal(
      (await empty.serve(new Request('http://localhost/'))).headers.get('x-request-id')?.length,
      12,
    )
    assert.deepEqual(
      empty.rows.map(({ status, bytes_out }) => [status, bytes_out]),
      [[204, 0]],
    )

    const thrown = served(() => {
      throw new SyntaxError('no')
    })
    await assert.rejects(thrown.serve(new Request('http://localhost/')), SyntaxError)
    assert.deepEqual(
      thrown.rows.map(({ status, error }) => [status, error]),
      [[500, 'SyntaxError']],
    )
  })

  test('answers whose headers cannot be written are marked all the same', async () => {
    const { rows, serve } = served(() => Response.redirect('http://localhost/elsewhere', 303))
    const answer = await serve(new Request('http://localhost/'))
    assert.deepEqual(
      [answer.status, answer.headers.get('location'), answer.headers.get('x-request-id')?.length],
      [303, 'http://localhost/elsewhere', 12],
    )
    assert.equal(rows.length, 1)
  })

  test('an address comes from the hook, and a forwarded one only by trust', async () => {
    const request = new Request('http://localhost/', { headers: { 'x-forwarded-for': '203.0.113.9' } })
    const near = served(() => new Response(null), { peerAddress: () => '10.0.0.1' })
    await near.serve(request.clone())
    const trusted = served(() => new Response(null), { peerAddress: () => '10.0.0.1', trustProxy: 1 })
    await trusted.serve(request.clone())
    assert.deepEqual([near.rows[0]?.source?.ip, trusted.rows[0]?.source?.ip], ['10.0.0.1', '203.0.113.9'])
  })
})
