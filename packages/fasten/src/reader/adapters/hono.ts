// SPDX-License-Identifier: Apache-2.0
import { createReaderRouter, type ReaderHandler, type ReaderOptions, type ReaderSource } from '../router.ts'

/** What is used of Hono's context. */
export interface HonoContextLike {
  readonly req: { readonly raw: Request; readonly routePath?: string }
}

export type HonoReader = (context: HonoContextLike) => Promise<Response>

/**
 * The reader for Hono, on any runtime: `app.all('/api/v1/logs/*', honoReader(fasten, { token, basePath: '/api/v1/logs' }))`.
 */
export function honoReader(source: ReaderSource, options: ReaderOptions): HonoReader {
  const handle: ReaderHandler = createReaderRouter(source, options)
  return (context) => handle(context.req.raw)
}
