// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import { apiBase } from '../reader-routes.ts'
import type { CodeBook } from './code-book.ts'

/**
 * `/api/v1/codes`: what codes mean, as far as this fleet was told. It says nothing of rows, so that it is the same for everybody who may read any.
 */
export function codeRoutes(app: FastifyInstance, book: () => CodeBook): void {
  app.get(`${apiBase}/codes`, { config: { permission: 'audit:read' } }, async () => ({ codes: book() }))
}
