// SPDX-License-Identifier: Apache-2.0
import type { ReaderOptions, ReaderSource } from '../router.ts'
import { expressReader, type ExpressReader } from './express.ts'

/**
 * The reader for NestJS on Express: `app.use('/api/v1/logs', nestReader(fasten, { token }))` in `main.ts`, before `app.listen`.
 * In `consumer.apply(…)` the path is not cut off: give `basePath` there. On Fastify, register `fastifyReader` on the
 * instance below (`app.getHttpAdapter().getInstance()`).
 */
export function nestReader(source: ReaderSource, options: ReaderOptions): ExpressReader {
  const handle = expressReader(source, options)
  return (request, response, next) => handle(request, response, next)
}
