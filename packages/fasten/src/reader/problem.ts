// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import type { ParameterProblem } from './query.ts'

/** An answer that is not what was asked for, as RFC 9457 problem JSON. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** A code of spec/errors.yaml. */
  readonly code: string
  readonly hint?: string
  /** Every wrong parameter, located. */
  readonly errors?: readonly { readonly parameter: string; readonly code: string; readonly detail: string }[]
}

export const problemType = 'application/problem+json'

export function problem(
  status: number,
  code: string,
  detail: string,
  more: Pick<Problem, 'hint' | 'errors'> = {},
): Problem {
  return { type: `urn:fasten:error:${code}`, title: titles[status] ?? 'Error', status, detail, code, ...more }
}

/** One problem for all that is wrong with a query. 400 wins over 422: a question we do not have comes before a bad value. */
export function queryProblem(problems: readonly ParameterProblem[]): Problem {
  const status = problems.some((one) => one.status === 400) ? 400 : 422
  const first = problems.find((one) => one.status === status)
  return problem(status, first?.code ?? 'QUERY_VALUE', problems.map(({ detail }) => detail).join('; '), {
    errors: problems.map(({ parameter, code, detail }) => ({ parameter, code, detail })),
  })
}

/** What a reader threw, as a problem; undefined for a fault of ours, whose text stays on this side. */
export function problemOf(error: unknown): Problem | undefined {
  if (!(error instanceof FastenError)) return undefined
  const status = statusByCode[error.code] ?? 503
  const isAboutParameter = error.code === 'BAD_CURSOR'
  return problem(status, error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(isAboutParameter
      ? { errors: [{ parameter: error.at ?? 'cursor', code: error.code, detail: error.message }] }
      : {}),
  })
}

const statusByCode: Readonly<Record<string, number>> = {
  BAD_CURSOR: 400,
  TENANT_OUT_OF_SCOPE: 403,
  READER_UNREACHABLE: 502,
  READER_BAD_ANSWER: 502,
  READER_UNSUPPORTED: 501,
  // Another reader refused the credential of this one; whoever asked us is not to blame.
  UNAUTHENTICATED: 502,
  FORBIDDEN: 502,
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  414: 'URI Too Long',
  422: 'Unprocessable Content',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}
