// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../core/digest.ts'
import type { Answer } from './endpoint.ts'
import { problemType, type Problem } from './problem.ts'

/** On every answer: rows are nobody's to keep, frame, sniff or link from. */
const safety: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  vary: 'Authorization, Cookie',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * The answer as it leaves: JSON gets an entity tag, so that a client that polls and keeps its copy is told 304 instead of the
 * same rows again; HEAD keeps the headers only; every answer gets the safety headers.
 */
export function respond(request: Request, answer: Answer, digest: Digest): Response {
  const response =
    'response' in answer
      ? answer.response
      : 'problem' in answer
        ? problemResponse(answer.problem, answer.headers)
        : jsonResponse(request, answer.json, digest)
  for (const [name, value] of Object.entries(safety))
    if (!response.headers.has(name)) response.headers.set(name, value)
  return request.method === 'HEAD' && response.body !== null ? withoutBody(response) : response
}

function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...headers, 'content-type': problemType },
  })
}

function jsonResponse(request: Request, value: unknown, digest: Digest): Response {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  const etag = `"${digest(bytes).slice(0, 32)}"`
  const known = (request.headers.get('if-none-match') ?? '')
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(etag) || known.includes('*'))
    return new Response(null, { status: 304, headers: { etag } })
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(bytes.length),
    etag,
  }
  return new Response(bytes, { headers })
}

function withoutBody(response: Response): Response {
  return new Response(null, { status: response.status, headers: response.headers })
}
