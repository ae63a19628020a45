// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { nodeReader } from './adapters/node.ts'
import { readEvents } from './event-source.ts'
import { openSqlite, readerOf, serveOn } from './fixtures/opened.ts'
import type { Reader, TailEvent } from './reader.ts'
import { remoteReader, type RemoteReaderOptions } from './remote.ts'

/** Runs `work` against a real server that answers as `listener` does. */
async function against(
  listener: RequestListener,
  work: (reader: Reader, origin: string) => Promise<void>,
  options: Partial<RemoteReaderOptions> = {},
): Promise<void> {
  const served = await serveOn(listener)
  const reader = remoteReader({
    url: `${served.origin}/api/v1/logs/`,
    pollMs: 5,
    retryMsMin: 1,
    retryMsMax: 5,
    ...options,
  })
  try {
    await work(reader, served.origin)
  } finally {
    await reader.close()
    await served.close()
  }
}

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
const searchOf = ({ url = '/' }: IncomingMessage): { path: string; search: URLSearchParams } => {
  const { pathname, searchParams } = new URL(url, 'http://server.invalid')
  return { path: pathname.replace('/api/v1/logs', ''), search: searchParams }
}

const firstOf = (events: AsyncIterable<TailEvent>): Promise<unknown> => events[Symbol.asyncIterator]().next()

describe('a remote reader of a published SDK', () => {
  // Rows as the Python router answers them: times of several widths, no hash on streams, no ids on streams.
  const audit = [5, 4, 3, 2, 1].map((seq) => ({
    id: `evt-0000000000000000000${seq}`,
    monotonic_seq: seq,
    timestamp: `2026-08-21T10:00:0${seq}+00:00`,
    code: 'ORDER_PLACED',
    request_id: 'abcdef012345',
    actor: 'alice',
    hash: seq === 1 ? '' : 'ab'.repeat(32),
  }))
  const sys = [
    { level: 'info', event: 'started', request_id: 'abcdef012345', timestamp: '2026-08-21T10:00:02.500Z' },
  ]
  const published =
    (state: { later?: unknown } = {}): RequestListener =>
    (request, response) => {
      const { path, search } = searchOf(request)
      const limit = Number(search.get('limit') ?? 100)
      if (path === '/audit') {
        const after = Number(search.get('after') ?? Infinity)
        const rows = audit.filter(({ monotonic_seq }) => monotonic_seq < after).slice(0, limit)
        return send(response, 200, {
          rows,
          total: 5,
          limit,
          offset: 0,
          next_after: rows.at(-1)?.monotonic_seq ?? null,
          completeness: { audit: 'store' },
        })
      }
      if (path === '/sys')
        return send(response, 200, {
          rows: state.later === undefined ? sys : [state.later, ...sys],
          completeness: { sys: 'ring' },
        })
      if (path === '/api')
        return send(response, 200, {
          rows: [],
          completeness: { api: 'ring' },
          error: 'transport not initialised',
        })
      if (path === '/correlate') {
        return send(response, 200, {
          request_id: search.get('request_id'),
          audit,
          api: [],
          sys,
          counts: { audit: 5, api: 0, sys: 1 },
          totals: { audit: null, api: 0, sys: 1 },
          truncated: { audit: null, api: false, sys: false },
          completeness: { audit: 'store', api: 'ring', sys: 'ring' },
        })
      }
      return send(response, 404, { detail: 'Not Found' })
    }

  test('pages go on by next_after, times become canonical, states are what can be said', () =>
    against(published(), async (reader) => {
      const first = await reader.page({ stream: 'audit', filter: {}, limit: 3 })
      assert.deepEqual([first.total, first.total_kind, first.completeness], [5, 'exact', 'store'])
      assert.deepEqual(
        first.rows.map(({ timestamp, verification, stream }) => [timestamp, verification, stream])[0],
        ['2026-08-21T10:00:05.000000Z', 'chained', 'audit'],
      )
      const rest = await reader.page({
        stream: 'audit',
        filter: {},
        limit: 3,
        cursor: first.next_cursor ?? '',
      })
      assert.deepEqual(
        rest.rows.map(({ monotonic_seq, hash, verification }) => [
          monotonic_seq,
          hash === null,
          verification,
        ]),
        [
          [2, false, 'chained'],
          [1, true, 'ring'],
        ],
      )
      assert.equal(rest.next_cursor, null)
      await assert.rejects(reader.page({ stream: 'audit', filter: {}, limit: 3, order: 'oldest' }), {
        code: 'READER_UNSUPPORTED',
      })
    }))

  test('what it would not leave out is an error instead of rows', () =>
    against(published(), async (reader) => {
      const unsupported = { code: 'READER_UNSUPPORTED', hint: /without -field:value/ }
      const filter = { not: [{ actor: 'alice' }] }
      await assert.rejects(reader.page({ stream: 'audit', filter, limit: 3 }), unsupported)
      const gone = new AbortController()
      await assert.rejects(firstOf(reader.tail({ streams: ['audit'], filter }, gone.signal)), unsupported)
    }))

  test('nor would one of ours from before there was anything to leave out', async () => {
    const older: RequestListener = (_request, response) =>
      send(response, 400, {
        code: 'QUERY_UNKNOWN',
        detail: '"not" is not a parameter; known here: request_id',
        errors: [{ parameter: 'not', code: 'QUERY_UNKNOWN' }],
      })
    await against(older, async (reader) => {
      const filter = { not: [{ actor: 'alice' }] }
      await assert.rejects(reader.page({ stream: 'audit', filter, limit: 3 }), { code: 'READER_UNSUPPORTED' })
      const gone = new AbortController()
      await assert.rejects(firstOf(reader.tail({ streams: ['audit'], filter }, gone.signal)), {
        code: 'READER_UNSUPPORTED',
      })
    })
  })

  test('a failure that was answered with 200 is an error', () =>
    against(published(), async (reader) => {
      await assert.rejects(reader.page({ stream: 'api', filter: {}, limit: 3 }), {
        code: 'READER_UNSUPPORTED',
        message: /transport not initialised/,
      })
    }))

  test('a thread is put together from /correlate', () =>
    against(published(), async (reader) => {
      const thread = await reader.thread('abcdef012345')
      assert.deepEqual(
        thread.rows.map(({ timestamp }) => timestamp.slice(17, 21)),
        ['01.0', '02.0', '02.5', '03.0', '04.0', '05.0'],
      )
      assert.deepEqual(
        [thread.totals, thread.truncated],
        [
          { audit: null, sys: 1, api: 0 },
          { audit: false, sys: false, api: false },
        ],
      )
    }))

  test('what it does not have is said to be missing', () =>
    against(published(), async (reader) => {
      for (const ask of [reader.verify({}), reader.logs(), reader.row({ id: 'evt-00000000000000000001' })])
        await assert.rejects(ask, { code: 'READER_UNSUPPORTED' })
    }))

  test('without live tail it is asked again and again, and each new row comes once', async () => {
    const state: { later?: unknown } = {}
    await against(published(state), async (reader) => {
      const gone = new AbortController()
      const seen: string[] = []
      for await (const { row } of reader.tail({ streams: ['sys'], filter: {}, backlog: 1 }, gone.signal)) {
        seen.push(row.stream === 'sys' ? row.event : '')
        state.later = {
          level: 'warn',
          event: 'later',
          request_id: 'x',
          timestamp: '2026-08-21T10:00:02.500Z',
        }
        if (seen.length === 2) setTimeout(() => gone.abort(), 40)
      }
      assert.deepEqual(seen, ['started', 'later'])
      const resumed = reader.tail(
        { streams: ['sys'], filter: {}, resume: 'abcd' },
        new AbortController().signal,
      )
      await assert.rejects(firstOf(resumed), { code: 'READER_UNSUPPORTED' })
    })
  })
})

describe('what can go wrong on the way', () => {
  const failsWith = (
    listener: RequestListener,
    code: string,
    options: Partial<RemoteReaderOptions> = {},
  ): Promise<void> =>
    against(
      listener,
      async (reader) => {
        await assert.rejects(reader.page({ stream: 'audit', filter: {}, limit: 1 }), {
          name: 'FastenError',
          code,
        })
      },
      options,
    )

  test('each has its code', async () => {
    await failsWith(
      (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>'),
      'READER_BAD_ANSWER',
    )
    await failsWith((_request, response) => send(response, 200, []), 'READER_BAD_ANSWER')
    await failsWith((_request, response) => send(response, 200, { rows: 'none' }), 'READER_BAD_ANSWER')
    await failsWith((_request, response) => send(response, 200, { rows: [7] }), 'READER_BAD_ANSWER')
    await failsWith((_request, response) => send(response, 500, { detail: 'no' }), 'READER_BAD_ANSWER')
    await failsWith(
      (_request, response) => send(response, 401, { detail: 'unauthenticated' }),
      'UNAUTHENTICATED',
    )
    await failsWith((_request, response) => send(response, 403, 'no'), 'FORBIDDEN')
    await failsWith(
      (_request, response) =>
        send(response, 422, { detail: [{ loc: ['query', 'limit'], msg: 'too large' }] }),
      'QUERY_VALUE',
    )
    await failsWith((_request, response) => response.writeHead(404).end('nothing here'), 'READER_UNSUPPORTED')
    await failsWith((request) => request.socket.destroy(), 'READER_UNREACHABLE')
    await failsWith(
      (_request, response) => response.writeHead(200).write('{"rows":') && response.destroy(),
      'READER_UNREACHABLE',
    )
    await failsWith(() => undefined, 'READER_UNREACHABLE', { timeoutMs: 30 })
  })

  test('a port where nothing listens', async () => {
    const served = await serveOn(() => undefined)
    await served.close()
    const reader = remoteReader({ url: served.origin, token: 'very-secret' })
    await assert.rejects(reader.logs(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'READER_UNREACHABLE')
      assert.match(error.message, /ECONNREFUSED/)
      assert.doesNotMatch(`${error.message}${error.stack}`, /very-secret/)
      return true
    })
    await assert.rejects(
      firstOf(reader.tail({ streams: ['audit'], filter: {} }, new AbortController().signal)),
      { code: 'READER_UNREACHABLE' },
    )
  })

  test('an address that is none is refused at once, and never shown with its password', () => {
    for (const url of ['', 'audit.example.org', 'ftp://x', 'file:///etc/passwd', 'http://user:hunter2@x/'])
      assert.throws(
        () => remoteReader({ url }),
        (error: Error) => error instanceof TypeError && !error.message.includes('hunter2'),
        url,
      )
  })

  test("the caller's own abort stays the caller's", () =>
    against(
      () => undefined,
      async (reader) => {
        const gone = new AbortController()
        const asked = reader.page({ stream: 'audit', filter: {}, limit: 1 }, gone.signal)
        gone.abort(new TypeError('had enough'))
        await assert.rejects(asked, { message: 'had enough' })
      },
    ))

  test('the token is sent as a bearer token, and other headers with it', () =>
    against(
      (request, response) => {
        const { authorization, 'x-team': team } = request.headers
        send(response, 200, {
          logs: [{ log: `${authorization} ${String(team)}`, stream: 'audit', size: 0, head_hash: 'genesis' }],
        })
      },
      async (reader) => {
        assert.equal((await reader.logs())[0]?.log, 'Bearer open-sesame red')
      },
      { token: 'open-sesame', headers: { 'x-team': 'red' } },
    ))
})

describe('a remote tail', () => {
  test('that is cut at random moments loses and repeats nothing', async () => {
    const opened = await openSqlite()
    const served = readerOf(opened.sources)
    const drafts = createSampleDrafts()
    const handle = nodeReader(served, { authorize: 'open', basePath: '/api/v1/logs' })
    let connections = 0
    // Each connection is cut after a different number of bytes, in the middle of an event more often than not.
    const cutting: RequestListener = (request, response) => {
      let bytesLeft = 300 + ((connections++ * 977) % 3000)
      const write = response.write.bind(response)
      response.write = ((chunk: Uint8Array) => {
        if (chunk.length <= bytesLeft) {
          bytesLeft -= chunk.length
          return write(chunk)
        }
        write(chunk.subarray(0, bytesLeft), () => response.destroy())
        bytesLeft = 0
        return false
      }) as typeof response.write
      handle(request, response)
    }
    await against(cutting, async (reader) => {
      const gone = new AbortController()
      const sent: string[] = []
      const seen: string[] = []
      let begin: () => void = () => {}
      const begun = new Promise<void>((resolve) => (begin = resolve))
      const writing = (async () => {
        await begun
        for (let turn = 0; turn < 20; turn++) {
          const batch = [drafts.audit(), drafts.sys(), drafts.audit()]
          sent.push(...batch.map(({ id }) => id))
          await opened.append(batch)
          await new Promise((resolve) => setTimeout(resolve, 3))
        }
      })()
      const tail = reader.tail({ streams: ['audit', 'sys'], filter: {}, onPlace: () => begin() }, gone.signal)
      for await (const { row } of tail) {
        if (!row.timestamp.startsWith('2031')) continue
        seen.push(row.id)
        if (seen.length === 60) gone.abort()
      }
      await writing
      assert.ok(connections > 5, `${connections} connections`)
      assert.deepEqual(seen.toSorted(), sent.toSorted())
    })
    await opened.close()
  })

  test('ends with what the server says when it refuses to go on', () => {
    let count = 0
    return against(
      (_request, response) => {
        count += 1
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(
          count < 3
            ? `id: a${count}\n\nevent: problem\ndata: {"code":"STORE_BUSY","detail":"locked"}\n\n`
            : 'event: problem\ndata: {"code":"BAD_CURSOR","detail":"is ahead of the store"}\n\n',
        )
      },
      async (reader) => {
        const places: string[] = []
        const events = reader.tail(
          { streams: ['audit'], filter: {}, onPlace: (id) => places.push(id) },
          new AbortController().signal,
        )
        await assert.rejects(firstOf(events), {
          code: 'BAD_CURSOR',
          message: 'is ahead of the store',
        })
        assert.deepEqual([places, count], [['a1', 'a2'], 3])
      },
    )
  })
})

describe('readEvents', () => {
  const read = async (...chunks: readonly string[]): Promise<unknown[]> => {
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(encoder.encode(chunk))
        controller.close()
      },
    })
    const events: unknown[] = []
    for await (const { event, data, id } of readEvents(body)) events.push([event, data, id])
    return events
  }

  test('reads as the standard says, however the bytes are cut', async () => {
    const text =
      ': hello\r\nid: 1\r\ndata: one\r\n\r\nevent: problem\ndata: two\ndata:three\n\nid: 2\n\ndata\n\nretry: 5\n\ndata: é\n\ndata: cut off'
    const expected = [
      ['message', 'one', '1'],
      ['problem', 'two\nthree', undefined],
      ['message', '', '2'],
      ['message', '', undefined],
      ['message', 'é', undefined],
    ]
    assert.deepEqual(await read(text), expected)
    assert.deepEqual(await read(...text), expected)
    for (let at = 1; at < text.length; at++)
      assert.deepEqual(await read(text.slice(0, at), text.slice(at)), expected, String(at))
  })

  test('gives up on a line that never ends', async () => {
    await assert.rejects(read(...Array.from({ length: 5 }, () => 'x'.repeat(1024 * 1024))), SyntaxError)
  })
})
