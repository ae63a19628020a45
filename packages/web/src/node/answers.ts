// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServedPages } from 'fasten/cli'
import { FastenError, isRequestId } from 'fasten/core'
import { createReaderRouter, readTrace } from 'fasten/reader'
import { serve } from 'fasten/reader/node'
import type { PageRoot } from '../serve/page-roots.ts'
import { countCodes, openCodeBook } from './codes.ts'
import { refuse, safety, type Refusal } from './refuse.ts'
import { readTimeline } from './timeline.ts'

export const apiBase = '/api/v1'

/** The pages that one reader can fill. Nodes, people and what is governed are a fleet's. */
const places: readonly PageRoot[] = ['investigate', 'requests', 'entities', 'agents', 'codes']

type Answer = (request: IncomingMessage, response: ServerResponse, isKnown: boolean) => void

/** `/api/v1`: the reader's API over one reader, and what pages ask of a server beyond it. Only how to get in is told to somebody unknown. */
export function answersOver({ reader, name, clock, codes, proofOf, onError }: ServedPages): Answer {
  const codeBook = openCodeBook(codes)
  // Who asks was judged in front of this.
  const router = createReaderRouter(reader, { authorize: 'open', basePath: apiBase, onError })

  const answerTo = async (path: string, search: URLSearchParams): Promise<unknown> => {
    if (path === '/me')
      return {
        kind: 'local',
        actor: 'local',
        name,
        auth_method: 'link',
        rights: [
          { permissions: ['audit:read', 'audit:export', 'audit:verify', 'metrics:read'], tenants: 'all' },
        ],
        places,
      }
    if (path === '/codes') return { codes: codeBook() }
    if (path === '/metrics/codes')
      return (
        (await countCodes(reader, search, clock.nowMicros())) ??
        problem(404, 'NOT_COUNTED', 'only a fleet counts rows by that')
      )
    const [, of = '', ...rest] = path.split('/').map(decoded)
    if (of === 'traces') {
      const [id = ''] = rest
      if (!isRequestId(id)) return problem(422, 'QUERY_VALUE', 'that cannot be a request id')
      const trace = await readTrace(reader, id)
      return trace.entries.length === 0 ? problem(404, 'NO_SUCH_TRACE', `no row is under ${id}`) : trace
    }
    if (of === 'logs') {
      const index = Number(search.get('index') ?? NaN)
      if (!Number.isSafeInteger(index) || index < 0)
        return problem(422, 'QUERY_VALUE', 'index is the place of a row, from 0')
      return (
        (await proofOf(rest[0] ?? '', index)) ??
        problem(404, 'PROOF_IMPOSSIBLE', `no checkpoint covers row ${index}`)
      )
    }
    const [kind = '', id = ''] = rest
    const entity = { kind, id }
    return {
      entity,
      ...(await readTimeline(reader, { ...entity, cursor: search.get('cursor') ?? undefined })),
    }
  }

  return (request, response, isKnown) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://pages.invalid')
    const path = pathname.slice(apiBase.length)
    if (path === '/login') return send(response, { password: false, oidc: false, link: true })
    if (!isKnown)
      return refuse(response, {
        status: 401,
        code: 'UNAUTHENTICATED',
        detail: 'rows are shown to the browser that was opened by the link',
        hint: 'open the address that fasten ui printed',
      })
    if (!beyondReader.test(path)) return serve(router, request, response, request.url ?? '/')
    answerTo(path, searchParams).then(
      (answer) => (answer instanceof Problem ? refuse(response, answer.refusal) : send(response, answer)),
      (error: unknown) => {
        if (!(error instanceof FastenError)) onError(error)
        refuse(response, refusalOf(error))
      },
    )
  }
}

const beyondReader =
  /^\/(?:me|codes|metrics\/codes|traces\/[^/]+|logs\/[^/]+\/proof|entities\/[^/]+\/[^/]+\/timeline)$/

/** An answer that says what is wrong. */
class Problem {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    this.refusal = refusal
  }
}

const problem = (status: number, code: string, detail: string): Problem =>
  new Problem({ status, code, detail })

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof FastenError))
    return {
      status: 500,
      code: 'UI_FAILED',
      detail: 'the server failed to answer',
      hint: 'its terminal says why',
    }
  const { code, message, hint } = error
  const status = /^(?:BAD|QUERY)_/.test(code) ? 400 : 503
  return { status, code, detail: message, ...(hint === undefined ? {} : { hint }) }
}

function send(response: ServerResponse, answer: unknown): void {
  const isText = typeof answer === 'string'
  response.writeHead(200, {
    ...safety,
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8',
  })
  response.end(isText ? answer : JSON.stringify(answer))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}
