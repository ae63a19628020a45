// SPDX-License-Identifier: Apache-2.0
import type { FastifyReply } from 'fastify'

/** What is wrong with a request, told to whoever made it (RFC 9457). `code` is stable; `detail` is for people. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string | undefined
  /** Seconds, for the header Retry-After. */
  readonly retryAfterS: number | undefined

  constructor(
    status: number,
    code: string,
    detail: string,
    about: { readonly hint?: string; readonly retryAfterS?: number; readonly cause?: unknown } = {},
  ) {
    super(detail, about.cause === undefined ? undefined : { cause: about.cause })
    this.status = status
    this.code = code
    this.hint = about.hint
    this.retryAfterS = about.retryAfterS
  }
}

export async function sendProblem(reply: FastifyReply, problem: Problem): Promise<void> {
  if (problem.retryAfterS !== undefined) reply.header('retry-after', String(problem.retryAfterS))
  await reply
    .code(problem.status)
    .type('application/problem+json')
    .send({
      type: 'about:blank',
      title: problem.code,
      status: problem.status,
      code: problem.code,
      detail: problem.message,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    })
}
