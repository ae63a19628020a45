// SPDX-License-Identifier: Apache-2.0
/**
 * The line between nodes and servers, as bad as the weather. What becomes of a request is drawn when it is sent:
 *
 *   fine         both ways take some time
 *   unsent       nothing arrives, and the node is told at once
 *   silent       nothing arrives, and the node hears nothing until it gives up
 *   half         the first part arrives, and the line breaks
 *   unanswered   it arrives and is done; the line breaks before the answer is there
 *   late         it arrives after the node has given up, perhaps behind what the node sent since
 *   twice        it arrives once more, up to minutes later
 *   slow         everything takes many seconds
 *   foreign      something else answers: a proxy that has lost its server, or a page for people
 */
import type { Exchange, Received } from '../../packages/fasten/src/store/ship/fleet-client.ts'
import type { Chance } from '../harness/chance.ts'
import type { Actor, Timeline } from './timeline.ts'

export interface Arriving {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: Uint8Array | undefined
}

/** Takes a request that has arrived. Calls `answer` once, or `cut` when the server ends before that. */
export type Delivery = (
  request: Arriving,
  then: { readonly answer: (received: Received) => void; readonly cut: () => void },
) => void

export interface Network {
  /** 0 is a good line, 1 the worst. */
  weather: number
  /** Nodes that reach nothing. */
  readonly apart: Set<string>
  /** How often each fate was met. */
  readonly met: Map<string, number>
  exchange(node: string, actor: Actor): Exchange
}

const silenceMs = 30_000

const fates = ['unsent', 'silent', 'half', 'unanswered', 'late', 'twice', 'slow', 'foreign'] as const
type Fate = (typeof fates)[number] | 'fine'

export function createNetwork(timeline: Timeline, chance: Chance, deliver: Delivery): Network {
  const network: Network = {
    weather: 0,
    apart: new Set(),
    met: new Map(),
    exchange: (node, actor) => (address, about, body, signal) =>
      actor.wait((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        const path = address.pathname.replace('/ingest/v1', '') || '/'
        const fate = drawn(node)
        const lineMs = fate === 'slow' ? chance.between(3_000, 14_000) : chance.between(1, 60)
        timeline.tell(`${node} ${about.method} ${path}: ${fate}`)
        const request = { method: about.method, path: address.pathname, headers: about.headers, body }
        const breaks = (): void => reject(Object.assign(new Error('the line broke'), { code: 'ECONNRESET' }))
        const gone = () => timeline.in(silenceMs, () => reject(silent()))
        const arrive = (
          ms: number,
          answer: (received: Received) => void,
          cut = (): void => {},
          what = request,
        ) => timeline.in(ms, () => deliver(what, { answer, cut: () => void timeline.in(5, cut) }))
        const back = (received: Received): void => void timeline.in(lineMs, () => resolve(received))
        const nobody = (): void => {}
        switch (fate) {
          case 'fine':
          case 'slow':
            return void arrive(lineMs, back, breaks)
          case 'unsent':
            return void timeline.in(lineMs, breaks)
          case 'silent':
            return void gone()
          case 'half': {
            const part = body?.subarray(0, Math.floor(chance.next() * body.length))
            arrive(lineMs, nobody, nobody, { ...request, body: part })
            return void timeline.in(lineMs + chance.between(0, 500), breaks)
          }
          case 'unanswered':
            return void arrive(lineMs, () => timeline.in(lineMs, breaks), breaks)
          case 'late':
            gone()
            return void arrive(chance.between(1_000, 90_000), nobody, nobody)
          case 'twice':
            arrive(lineMs + chance.between(1, 120_000), nobody, nobody)
            return void arrive(lineMs, back, breaks)
          case 'foreign':
            return void timeline.in(lineMs, () => resolve(chance.pick(foreign)))
        }
      }),
  }

  function drawn(node: string): Fate {
    const isApart = network.apart.has(node)
    const fate = isApart
      ? chance.pick(['unsent', 'silent'] as const)
      : chance.next() < network.weather
        ? chance.pick(fates)
        : 'fine'
    network.met.set(fate, (network.met.get(fate) ?? 0) + 1)
    return fate
  }

  return network
}

const silent = (): Error =>
  Object.assign(new Error(`nothing moved on the line for ${silenceMs} ms`), { code: 'ETIMEDOUT' })

const foreign: readonly Received[] = [
  { status: 502, headers: {}, text: '<html><body>Bad Gateway</body></html>' },
  { status: 503, headers: { 'retry-after': '7' }, text: '' },
  { status: 504, headers: {}, text: '' },
  { status: 200, headers: {}, text: '<html><body>Please log in</body></html>' },
  { status: 200, headers: {}, text: '{}' },
  { status: 200, headers: {}, text: '{"results":[],"places":null}' },
]
