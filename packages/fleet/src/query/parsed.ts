// SPDX-License-Identifier: Apache-2.0
import type { z } from 'zod'
import { Problem } from '../web/problem.ts'

/** What a request says, checked. Throws `Problem` 422 that names every member that is wrong or unknown. */
export function parsed<S extends z.ZodType>(schema: S, given: unknown): z.output<S> {
  const result = schema.safeParse(given ?? {})
  if (result.success) return result.data
  const told = result.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  )
  throw new Problem(422, 'QUERY_VALUE', told.join('; '))
}
