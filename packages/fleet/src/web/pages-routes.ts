// SPDX-License-Identifier: Apache-2.0
import { loadPages, pageRoots } from 'fasten-ui/serve'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'

/**
 * The pages and the files that they load. Public, since they hold nothing: what they show, they ask for. Where there is nothing, a browser gets the page,
 * too, with 404; a program gets a problem.
 */
export function pagesRoutes(app: FastifyInstance): void {
  const pages = loadPages()
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (pages === undefined)
      throw new Problem(404, 'NO_PAGES', 'this server was started without its pages', {
        hint: 'npm run build',
      })
    const { 'accept-encoding': acceptEncoding = '', 'if-none-match': ifNoneMatch } = request.headers
    const found = pages.answer(request.url.split('?', 1)[0] ?? '/', {
      acceptEncoding: [acceptEncoding].flat().join(', '),
      ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    })
    if (found === undefined)
      throw new Problem(404, 'NO_SUCH_FILE', 'the pages were built again since; load them anew')
    return reply
      .code(found.status)
      .headers(found.headers)
      .send(found.body === undefined ? null : Buffer.from(found.body))
  }
  if (pages !== undefined)
    app.lostPage = (request, reply) => {
      const acceptEncoding = [request.headers['accept-encoding'] ?? ''].flat().join(', ')
      const { headers, body } = pages.page(acceptEncoding)
      return reply.code(404).headers(headers).send(Buffer.from(body))
    }
  const paths = ['/', '/mark.svg', '/assets/*', ...pageRoots.flatMap((root) => [`/${root}`, `/${root}/*`])]
  for (const path of paths) app.get(path, { config: { permission: 'public', isPage: true } }, answer)
}
