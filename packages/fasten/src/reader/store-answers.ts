// SPDX-License-Identifier: Apache-2.0
import type { Answer, Call } from './endpoint.ts'
import { queryProblem } from './problem.ts'
import { filterFrom, parseVerifyRange, type ParameterValues } from './query.ts'

export async function answerTopology(values: ParameterValues, { reader }: Call): Promise<Answer> {
  const { since, until } = filterFrom(values)
  const sources = await reader.topology(since, until)
  return {
    json: {
      sources,
      nodes: distinct(sources.map((source) => source.source_node_id)),
      services: distinct(sources.map((source) => source.service_id)),
      tenants: distinct(sources.map((source) => source.tenant_id)),
    },
  }
}

/** A verdict of FAIL is an answer like any other: the question was whether, and it was answered. */
export async function answerVerify({ reader, search, nowMicros, request }: Call): Promise<Answer> {
  const parsed = parseVerifyRange(search, nowMicros)
  if (!parsed.ok) return { problem: queryProblem(parsed.problems) }
  return { json: await reader.verify(parsed.value, request.signal) }
}

const distinct = (values: readonly (string | null)[]): number =>
  new Set(values.filter((value) => value !== null)).size
