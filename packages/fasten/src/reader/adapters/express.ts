// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createReaderRouter, type ReaderOptions, type ReaderSource } from '../router.ts'
import { serve } from './node.ts'

/** Fits `app.use` and `router.use` of Express 4 and 5, and of Connect. */
export type ExpressReader = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void

/**
 * The reader for Express: `app.use('/api/v1/logs', expressReader(fasten, { token }))`. Express cuts the mount path off, so
 * `basePath` is needed only where it does not. Every request below the mount path is answered here.
 */
export function expressReader(source: ReaderSource, options: ReaderOptions): ExpressReader {
  const handle = createReaderRouter(source, options)
  return (request, response) => serve(handle, request, response, request.url ?? '/')
}
