// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createReaderRouter, type ReaderOptions, type ReaderSource } from '../router.ts'
import { serve } from './node.ts'

/** What is used of Koa's context. */
export interface KoaContextLike {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly url: string
  respond?: boolean | undefined
}

export type KoaReader = (
  context: KoaContextLike,
  next: () => Promise<unknown>,
) => Promise<unknown> | undefined

/**
 * The reader for Koa: `app.use(koaReader(fasten, { token, basePath: '/api/v1/logs' }))`. Requests outside `basePath` go on to
 * the next middleware; without `basePath` (below koa-mount, say) every request is answered here.
 */
export function koaReader(source: ReaderSource, options: ReaderOptions): KoaReader {
  const base = (options.basePath ?? '').replace(/\/+$/, '')
  const handle = createReaderRouter(source, options)
  return (context, next) => {
    const path = context.url.split('?', 1)[0] ?? ''
    if (base !== '' && path !== base && !path.startsWith(`${base}/`)) return next()
    // The answer streams with its own back pressure, which Koa's body handling does not have.
    context.respond = false
    context.res.statusCode = 200
    serve(handle, context.req, context.res, context.url)
    // Middleware around this one sees the end of the answer, as it does for any other.
    return new Promise<void>((resolve) => context.res.once('close', resolve))
  }
}
