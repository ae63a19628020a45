// SPDX-License-Identifier: Apache-2.0
// What people ask a full fleet, one question after the other, over HTTP and through row-level security, each answer looked at.
import { formatMicros, logName } from 'fasten/core'
import { percentilesOf } from '../measure/percentiles.ts'
import {
  actorOf,
  commonCode,
  nodeId,
  rareCode,
  requestIdOf,
  rowsOfRequest,
  targetOf,
  tenantOf,
  type FleetShape,
} from '../subjects/fleet-rows.ts'
import type { LaidFleet } from '../subjects/fleet-server.ts'
import { answer } from './answer.ts'

export interface FleetAskParams {
  readonly url: string
  readonly keys: LaidFleet['keys']
  readonly shape: FleetShape
  /** Of each question. */
  readonly times: number
  /** Since when rows are counted: the questions about numbers are about the time after. */
  readonly countedMicros: number
  /** Only questions with this in their words. */
  readonly about?: string
}

/** Milliseconds. */
export interface FleetAnswerTimes {
  readonly question: string
  readonly p50: number
  readonly p99: number
}

interface Question {
  readonly question: string
  readonly path: (node: number, request: number) => string
  /** Rows, or bytes of what is no list of rows, at least. */
  readonly least: number
  readonly key?: keyof FleetAskParams['keys']
}

/** For one question; slow ones are asked less often than `times`, at least ten times. */
const patienceMs = 10_000

await answer(async (params: FleetAskParams): Promise<readonly FleetAnswerTimes[]> => {
  const found: FleetAnswerTimes[] = []
  for (const question of questions(params))
    if (question.question.includes(params.about ?? '')) found.push(await timed(question, params))
  return found
})

function questions({ shape, countedMicros }: FleetAskParams): readonly Question[] {
  const { endMicros, spanMicros, requests } = shape
  const at = (request: number, by = 0): string =>
    encodeURIComponent(
      formatMicros(Math.floor(endMicros - spanMicros + (spanMicros / requests) * request + by)),
    )
  const log = (node: number): string =>
    logName({ service_id: 'shop', source_node_id: nodeId(node), tenant_id: tenantOf(node), stream: 'audit' })
  const size = requests * rowsOfRequest.audit
  const hour = 3_600_000_000
  const own = (node: number): number => node & 1
  return [
    {
      question: 'request id, audit rows',
      path: (node, request) => `audit?request_id=${requestIdOf(node, request)}`,
      least: rowsOfRequest.audit,
    },
    {
      question: 'request id, by somebody of one tenant',
      path: (node, request) => `audit?request_id=${requestIdOf(own(node), request)}`,
      least: rowsOfRequest.audit,
      key: 'tenant',
    },
    {
      question: 'request id, all streams, as a trace',
      path: (node, request) => `traces/${requestIdOf(node, request)}`,
      least: 1,
    },
    {
      question: 'actor, in the week before some time',
      path: (node, request) =>
        `audit?actor=${actorOf(node, request)}&since=${at(request, -168 * hour)}&until=${at(request, 1000)}&limit=50`,
      least: 1,
    },
    { question: 'target', path: (node, request) => `audit?target=${targetOf(node, request)}`, least: 3 },
    {
      question: 'timeline of an actor',
      path: (node, request) => `entities/user/${actorOf(node, request)}/timeline`,
      least: 1,
    },
    {
      question: 'rare code, in the week before some time',
      path: (_, request) =>
        `audit?code=${rareCode}&since=${at(request, -168 * hour)}&until=${at(request, hour)}&limit=50`,
      least: 0,
    },
    {
      question: 'common code, one hour',
      path: (_, request) =>
        `audit?code=${commonCode}&since=${at(request, -hour)}&until=${at(request, 1000)}&limit=50`,
      least: 1,
    },
    { question: 'newest page', path: () => 'audit?limit=50', least: 50 },
    { question: 'newest page, not counted', path: () => 'audit?limit=50&total=none', least: 50 },
    {
      question: 'newest page, by somebody of one tenant',
      path: () => 'audit?limit=50',
      least: 50,
      key: 'tenant',
    },
    {
      question: 'newest page, by somebody of a tenant of few rows',
      path: () => 'audit?limit=50',
      least: 50,
      key: 'small',
    },
    {
      question: 'page before some time, not counted',
      path: (_, request) => `audit?limit=50&total=none&until=${at(request, 1000)}`,
      least: 1,
    },
    {
      question: 'one row by its place',
      path: (node, request) => `row?log=${encodeURIComponent(log(node))}&monotonic_seq=${request * 3 + 1}`,
      least: 1,
    },
    { question: 'tile of 256 hashes', path: (node) => `logs/${log(node)}/tile/0/000`, least: 8192 },
    {
      question: 'proof of a row',
      path: (node, request) => `logs/${log(node)}/proof?index=${Math.min(size - 1, request * 3)}`,
      least: 100,
    },
    {
      question: 'RED of the last hour',
      path: () =>
        `metrics/red?since=${encodeURIComponent(formatMicros(endMicros - hour))}&until=${encodeURIComponent(formatMicros(endMicros))}`,
      least: 100,
    },
    {
      question: 'RED of all that is counted, by the hour and service',
      path: () =>
        `metrics/red?since=${encodeURIComponent(formatMicros(countedMicros))}&until=${encodeURIComponent(formatMicros(endMicros))}&step=1h&group_by=service`,
      least: 100,
    },
  ]
}

async function timed(
  { question, path, least, key = 'all' }: Question,
  { url, keys, shape, times }: FleetAskParams,
): Promise<FleetAnswerTimes> {
  const samples: number[] = []
  const warm = 3
  const began = performance.now()
  for (let turn = -warm; turn < times; turn++) {
    if (samples.length >= 10 && performance.now() - began > patienceMs) break
    // Places all over the time and the nodes, the same in every run.
    const draw = turn + warm + 1
    const node = (draw * 7) % shape.nodes
    const request = 10 + ((draw * 7919) % (shape.requests - 20))
    const start = performance.now()
    const response = await fetch(`${url}/api/v1/${path(node, request)}`, {
      headers: { authorization: `Bearer ${keys[key]}` },
    })
    const body = await response.arrayBuffer()
    const took = performance.now() - start
    const text = Buffer.from(body)
    if (response.status !== 200)
      throw new Error(`${question}: ${response.status} ${text.toString().slice(0, 500)}`)
    const isList =
      response.headers.get('content-type')?.includes('json') === true &&
      !path(node, request).startsWith('metrics')
    const many = isList ? rowsIn(JSON.parse(text.toString()) as object) : body.byteLength
    if (many < least) throw new Error(`${question}: ${many} of ${least}: ${text.toString().slice(0, 500)}`)
    if (turn >= 0) samples.push(took)
  }
  const { p50, p99 } = percentilesOf(Float64Array.from(samples))
  return { question, p50, p99 }
}

/** Of any answer that has them; a single row is one. */
function rowsIn(value: object): number {
  const lists = Object.values(value).filter((each) => Array.isArray(each))
  return lists.length === 0 ? 1 : Math.max(...lists.map((each: unknown[]) => each.length))
}
