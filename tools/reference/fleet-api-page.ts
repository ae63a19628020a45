// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'
import { toldRoutes, type ToldRoute } from '../../packages/fleet/src/server/openapi/answers.ts'
import { code, page, table } from './page.ts'

const groups: Readonly<Record<string, RegExp>> = {
  'For nodes': /\/ingest\//,
  Questions: /\/(tenants|traces|entities|logs|sql|metrics)\b/,
  'Nodes and sources': /\/(enrolment-tokens|nodes|alarms|sources)\b/,
  Retention: /\/(retention|holds)\b/,
  'Who may come in': /\/(login|logout|password|me|sessions|users|grants|api-keys)\b/,
  'The server': /./,
}

export function fleetApiPage(): string {
  const left = new Map(Object.entries(toldRoutes))
  const blocks: string[] = []
  for (const [title, pattern] of Object.entries(groups)) {
    const rows: string[][] = []
    for (const [route, told] of left) {
      if (!pattern.test(route)) continue
      left.delete(route)
      rows.push([code(route.replaceAll(/:(\w+)/g, '{$1}')), told.summary, answerOf(told)])
    }
    blocks.push(`## ${title}`, table(['Route', 'For', 'Answers'], rows))
  }
  return page('Fleet HTTP API', 'packages/fleet/src/server/openapi/answers.ts', [
    'A running fleet serves the whole of it as OpenAPI 3.1 at `/api/v1/openapi.json` (`audit:read`): what each route takes, what it answers and which permission it needs ' +
      '(`x-permission`). Below `/api/v1` stand besides these the routes of [the reader](reader.md). What goes wrong is `application/problem+json` everywhere.',
    ...blocks,
  ])
}

function answerOf({ status = 200, answer, media }: ToldRoute): string {
  if (media !== undefined) return `${status}, ${code(media)}`
  if (answer === undefined) return String(status)
  const { properties = {} } = z.toJSONSchema(answer, { io: 'input', unrepresentable: 'any' })
  const members = Object.keys(properties)
  return members.length === 0 ? `${status}, JSON` : `${status}, ${members.map(code).join(' ')}`
}
