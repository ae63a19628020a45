// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { relativeAccuracy } from '../duration-sketch.ts'
import { readKept } from '../follow/kept.ts'
import { isoOf } from '../tiers.ts'
import { scopedTo, tellMetrics, type MetricsRoom } from '../metrics-room.ts'
import { askCodes, codeNames } from './ask-codes.ts'
import { askRed, redNames, type RedGroup } from './ask-red.ts'
import { groupsOf, names, rangesAsked, times } from './parameters.ts'
import { rangeOf, type AnsweredRange } from './range.ts'

const limit = z.coerce.number().int().min(1).max(500).default(50)

const redQuery = z.strictObject({
  ...times,
  group_by: groupsOf(redNames),
  tenant: names,
  service: names,
  node: names,
  route: names,
  method: names,
  /** Groups in the answer. */
  limit,
})

const codesQuery = z.strictObject({
  ...times,
  group_by: groupsOf(codeNames),
  tenant: names,
  service: names,
  code: names,
  outcome: names,
  limit,
})

const topRoutes = 10

/** `/api/v1/metrics/red` and `/api/v1/metrics/codes`: numbers of the tenants that the credential names, told in the fleet's own trail. */
export function askRoutes(server: FastifyInstance, room: MetricsRoom): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const config = { permission: 'metrics:read' } as const

  app.get(
    '/api/v1/metrics/red',
    { config, schema: { querystring: redQuery } },
    async ({ principal, query }) => {
      const scope = scopedTo(principal)
      const { range, compared } = rangesAsked(query, room.clock.nowMicros())
      const { group_by: groupBy = [], tenant, service, node, route, method } = query
      const filters = { tenant, service, node, route, method }
      return room.stores.use(scope, async ({ sql }) => {
        const kept = await readKept(sql)
        const own = rangeOf(range, kept)
        const { total, groups, routes } = await askRed(sql, {
          range: own,
          step: range.step,
          groupBy,
          filters,
        })
        const before = compared && rangeOf(compared, kept)
        const then = before && (await askRed(sql, { range: before, step: undefined, groupBy, filters }))
        const thenOf = new Map((then?.groups ?? []).map((group) => [JSON.stringify(group.group), group]))
        const withThen = (group: RedGroup) =>
          then === undefined ? group : { ...group, compared: thenOf.get(JSON.stringify(group.group)) ?? null }
        tellMetrics(room.fasten, principal, 'red', query, groups.length)
        return {
          ...told(own, range.step),
          accuracy: relativeAccuracy,
          total: then === undefined ? total : { ...total, compared: then.total },
          groups: groupBy.length === 0 ? [] : groups.slice(0, query.limit).map(withThen),
          groups_left: groupBy.length === 0 ? 0 : Math.max(0, groups.length - query.limit),
          top_routes: routes.slice(0, topRoutes),
          ...(before === undefined ? {} : { compared_with: told(before, undefined) }),
        }
      })
    },
  )

  app.get(
    '/api/v1/metrics/codes',
    { config, schema: { querystring: codesQuery } },
    async ({ principal, query }) => {
      const scope = scopedTo(principal)
      const { range, compared } = rangesAsked(query, room.clock.nowMicros())
      const { group_by: groupBy = ['code', 'outcome'], tenant, service, code, outcome } = query
      const filters = { tenant, service, code, outcome }
      return room.stores.use(scope, async ({ sql }) => {
        const kept = await readKept(sql)
        const own = rangeOf(range, kept)
        const groups = await askCodes(sql, { range: own, step: range.step, groupBy, filters })
        const before = compared && rangeOf(compared, kept)
        const then = before && (await askCodes(sql, { range: before, step: undefined, groupBy, filters }))
        const thenOf = new Map((then ?? []).map(({ group, rows }) => [JSON.stringify(group), rows]))
        tellMetrics(room.fasten, principal, 'codes', query, groups.length)
        return {
          ...told(own, range.step),
          rows: groups.reduce((sum, { rows }) => sum + rows, 0),
          groups: groups
            .slice(0, query.limit)
            .map((group) =>
              then === undefined
                ? group
                : { ...group, compared: thenOf.get(JSON.stringify(group.group)) ?? 0 },
            ),
          groups_left: Math.max(0, groups.length - query.limit),
          ...(before === undefined
            ? {}
            : {
                compared_with: {
                  ...told(before, undefined),
                  rows: (then ?? []).reduce((sum, { rows }) => sum + rows, 0),
                },
              }),
        }
      })
    },
  )
}

function told({ since, until, isComplete }: AnsweredRange, step: number | undefined) {
  return {
    since: isoOf(since),
    until: isoOf(until),
    ...(step === undefined ? {} : { step_s: step }),
    complete: isComplete,
  }
}
