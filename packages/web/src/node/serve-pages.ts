// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ServedPages } from 'fasten/cli'
import { FastenError } from 'fasten/core'
import { loadPages } from '../serve/pages.ts'
import { pageRoots } from '../serve/page-roots.ts'
import { answersOver, apiBase } from './answers.ts'
import { createGuard } from './guard.ts'
import { refuse } from './refuse.ts'

/**
 * Serves the pages at 127.0.0.1 until the signal aborts, and has then closed every connection. Rows are told only to the browser that came with the
 * link, and only when it asks from these pages under this very address (`guard.ts`). Reading is all that is answered.
 *
 * Throws FastenError `BAD_COMMAND` where no pages are built, and what listening throws.
 */
export async function servePages(served: ServedPages): Promise<void> {
  const pages = loadPages()
  if (pages === undefined)
    throw new FastenError('BAD_COMMAND', 'the package fasten-ui is here without its pages', {
      at: 'fasten-ui',
      hint: 'npm install fasten-ui, or npm run build in its sources',
    })
  const guard = createGuard()
  const answer = answersOver(served)

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const judged = guard.judge(request)
    if (judged.kind === 'refused') return refuse(response, judged.problem)
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    if (judged.kind === 'opening') {
      response.writeHead(303, {
        location: '/investigate',
        'set-cookie': judged.cookie,
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
      })
      return void response.end()
    }
    if (path.startsWith(`${apiBase}/`)) return answer(request, response, judged.isKnown)
    const isPage = path === '/' || path === '/mark.svg' || path.startsWith('/assets/') || roots.test(path)
    const { 'accept-encoding': acceptEncoding = '', 'if-none-match': ifNoneMatch } = request.headers
    const found = isPage
      ? pages.answer(path, {
          acceptEncoding: [acceptEncoding].flat().join(', '),
          ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
        })
      : undefined
    if (
      found === undefined &&
      !path.startsWith('/assets/') &&
      /\btext\/html\b/.test(request.headers.accept ?? '')
    ) {
      const lost = pages.page([acceptEncoding].flat().join(', '))
      response.writeHead(404, lost.headers)
      return void response.end(request.method === 'HEAD' ? undefined : lost.body)
    }
    if (found === undefined)
      return refuse(response, { status: 404, code: 'NO_SUCH_FILE', detail: `there is nothing at ${path}` })
    response.writeHead(found.status, { ...found.headers })
    response.end(request.method === 'HEAD' ? undefined : found.body)
  }

  const server = createServer(handle)
  server.listen(served.port, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  served.onListening(`http://127.0.0.1:${port}/?token=${guard.open(port)}`)
  if (!served.signal.aborted) await once(served.signal, 'abort')
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

const roots = new RegExp(`^/(?:${pageRoots.join('|')})(?:/|$)`)
