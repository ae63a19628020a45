// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Chance } from './chance.ts'

/** What can become of a connection. */
const fates = ['unsent', 'unanswered', 'half-open', 'byte by byte'] as const
export type Fate = (typeof fates)[number]

/** A line between a client and a server that breaks in four ways. */
export interface TornLine {
  readonly port: number
  /** Of a hundred connections, and of a hundred seconds of one that lasts, so many meet a fate; 0 is a good line. */
  badness: number
  /** How many connections met which. */
  readonly met: ReadonlyMap<Fate, number>
  close(): Promise<void>
}

export interface TornLineOptions {
  /** Where connections go. */
  readonly to: number
  readonly chance: Chance
  /** How long a connection stays half-open, or slow, before it is cut. */
  readonly heldMs: number
}

/**
 * A TCP proxy. unsent: cut when the next bytes come from the client, which are not passed on. unanswered: cut when the next bytes come from the
 * server, so that whatever the client asked is done and it does not hear of it. half-open: both sides stay connected and nothing
 * passes. byte by byte: one byte a second passes in either direction.
 */
export async function openTornLine({ to, chance, heldMs }: TornLineOptions): Promise<TornLine> {
  const pairs = new Set<Pair>()
  const met = new Map<Fate, number>(fates.map((fate) => [fate, 0]))

  const server = createServer((client) => {
    const far = connect(to, '127.0.0.1')
    const pair: Pair = { client, far, fate: undefined, slow: new Map() }
    pairs.add(pair)
    const end = (): void => cut(pair)
    for (const side of [client, far]) side.on('error', end).on('close', end)
    client.on('data', (bytes: Buffer) => {
      if (pair.fate === 'unsent') cut(pair)
      else pass(pair, bytes, far)
    })
    far.on('data', (bytes: Buffer) => {
      if (pair.fate === 'unanswered') cut(pair)
      else pass(pair, bytes, client)
    })
    draw(pair)
  })

  function pass(pair: Pair, bytes: Buffer, into: Socket): void {
    const { fate } = pair
    if (fate === 'half-open') return
    // What is still to come of these bytes is lost when the connection is cut.
    if (fate === 'byte by byte') drip(pair, bytes, into)
    else into.write(bytes)
  }

  /** In the order in which they came, whatever else is still waiting. */
  function drip({ slow }: Pair, bytes: Buffer, into: Socket): void {
    const waiting = slow.get(into) ?? Buffer.alloc(0)
    slow.set(into, Buffer.concat([waiting, bytes]))
    if (waiting.length > 0) return
    const next = (): void => {
      const rest = slow.get(into)
      if (rest === undefined || rest.length === 0 || into.destroyed) return
      into.write(rest.subarray(0, 1))
      slow.set(into, rest.subarray(1))
      setTimeout(next, 1000).unref()
    }
    next()
  }

  function draw(pair: Pair): void {
    if (pair.fate !== undefined || chance.between(1, 100) > line.badness) return
    const fate = chance.pick(fates)
    pair.fate = fate
    met.set(fate, (met.get(fate) ?? 0) + 1)
    if (fate === 'half-open' || fate === 'byte by byte') setTimeout(() => cut(pair), heldMs).unref()
  }

  function cut(pair: Pair): void {
    pairs.delete(pair)
    pair.client.destroy()
    pair.far.destroy()
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const looking = setInterval(() => {
    for (const pair of pairs) draw(pair)
  }, 1000)
  const line: TornLine = {
    port: (server.address() as AddressInfo).port,
    badness: 0,
    met,
    async close() {
      clearInterval(looking)
      for (const pair of pairs) cut(pair)
      server.close()
      await once(server, 'close')
    },
  }
  return line
}

interface Pair {
  readonly client: Socket
  readonly far: Socket
  fate: Fate | undefined
  /** What is still to pass byte by byte, by where it goes. */
  readonly slow: Map<Socket, Buffer>
}
