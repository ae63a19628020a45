// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Server } from './server.ts'

/** What a client got: the answer, and the request id that the server gave it back (undefined when there was no answer). */
export interface Answer {
  /** As the story tells it. */
  readonly label: string
  readonly status: number | 'aborted'
  readonly request_id: string
  readonly body: string
}

/** The people and programs that use the server, each by plain HTTP over a socket. */
export interface Visitors {
  /** `scope` is what the token may do: `*`, or `read`. */
  logIn(name: string, password: string, scope?: string): Promise<Answer & { token: string }>
  deploy(token: string, flowsFile: string): Promise<Answer>
  setpoint(operator: string, tank: number, body: object, requestId?: string): Promise<Answer>
  calibrate(operator: string, tank: number): Promise<Answer>
  /** Asks for the report and hangs up after `patienceMs`. */
  giveUpOnReport(operator: string, patienceMs: number, requestId: string): Promise<Answer>
  strangerSetpoint(tank: number): Promise<Answer>
}

export function createVisitors({ origin, secrets }: Server): Visitors {
  const operatorHeaders = (name: string) => ({
    authorization: `Basic ${Buffer.from(`${name}:${secrets.operatorPassword}`).toString('base64')}`,
  })

  async function call(
    label: string,
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ): Promise<Answer> {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return {
      label,
      status: response.status,
      request_id: response.headers.get('x-request-id') ?? '',
      body: await response.text(),
    }
  }

  return {
    async logIn(name, password, scope = '*') {
      const answer = await call(
        `${name} logs in`,
        'POST',
        '/admin/auth/token',
        {},
        {
          client_id: 'node-red-editor',
          grant_type: 'password',
          scope,
          username: name,
          password,
        },
      )
      const token: unknown = answer.status === 200 ? JSON.parse(answer.body)['access_token'] : ''
      return { ...answer, token: String(token) }
    },

    async deploy(token, flowsFile) {
      const flows: unknown = JSON.parse(await readFile(join(import.meta.dirname, '..', flowsFile), 'utf8'))
      return call(
        'deploys flows',
        'POST',
        '/admin/flows',
        { authorization: `Bearer ${token}`, 'node-red-api-version': 'v2' },
        { flows },
      )
    },

    setpoint: (operator, tank, body, requestId) =>
      call(
        `${operator} writes a setpoint`,
        'POST',
        `/api/tank/${tank}/setpoint`,
        { ...operatorHeaders(operator), ...(requestId === undefined ? {} : { 'x-request-id': requestId }) },
        body,
      ),

    calibrate: (operator, tank) =>
      call(`${operator} calibrates`, 'POST', `/api/tank/${tank}/calibrate`, operatorHeaders(operator), {}),

    async giveUpOnReport(operator, patienceMs, requestId) {
      const label = `${operator} asks for the report and hangs up`
      try {
        const response = await fetch(`${origin}/api/report`, {
          headers: { ...operatorHeaders(operator), 'x-request-id': requestId },
          signal: AbortSignal.timeout(patienceMs),
        })
        return { label, status: response.status, request_id: requestId, body: await response.text() }
      } catch (error) {
        if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error
        return { label, status: 'aborted', request_id: requestId, body: '' }
      }
    },

    strangerSetpoint: (tank) =>
      call(
        'a stranger writes a setpoint',
        'POST',
        `/api/tank/${tank}/setpoint`,
        { authorization: 'Basic bm9ib2R5OmhlcmU=' },
        { celsius: 1 },
      ),
  }
}
