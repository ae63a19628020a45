// SPDX-License-Identifier: Apache-2.0
/** Whoever sits between a node and its fleet, or answers in its place. What he can reach is a node that believes its rows to be safe, and lets them go. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { cosign } from '../../core/cosignature.ts'
import { parseNote } from '../../core/note.ts'
import { verifierKey } from '../../core/verifier-key.ts'
import { ed25519FromSeed, ed25519Pair, sha256 } from '../platform.ts'
import { openShipWorld, passUntil, type ShipWorld } from './fixtures/ship-world.ts'
import type { HonestFleet } from './fixtures/honest-fleet.ts'

const root = mkdtempSync(join(tmpdir(), 'fasten-impostor-'))
after(() => rmSync(root, { recursive: true, force: true }))

type Json = Record<string, unknown>
interface Result extends Json {
  cosignature?: string
}

interface Middle {
  readonly url: string
  /** What came to it: path and credential. */
  readonly heard: { readonly path: string; readonly credential: string | undefined }[]
  /** Changes, or makes up, the answer to a request; by default it is passed on as it is. */
  answer: (path: string, body: Buffer, honest: () => Promise<Json>) => Promise<Json>
}

/** A server between node and fleet, over plain HTTP, as a proxy that somebody has taken over. */
async function startMiddle(t: TestContext, fleet: HonestFleet): Promise<Middle> {
  const server = createServer((incoming, response) => {
    const serve = async (): Promise<void> => {
      const path = (incoming.url ?? '').replace('/ingest/v1', '')
      middle.heard.push({ path, credential: incoming.headers.authorization })
      const chunks: Buffer[] = []
      for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      const headers = Object.fromEntries(
        ['authorization', 'content-type', 'content-encoding'].flatMap((name) => {
          const value = incoming.headers[name]
          return typeof value === 'string' ? [[name, value] as const] : []
        }),
      )
      const honest = (): Promise<Json> =>
        passOn(`${fleet.url}/ingest/v1${path}`, incoming.method, headers, body)
      const answer = await middle.answer(path, body, honest)
      response.setHeader('content-type', 'application/json')
      response.writeHead(path === '/enrol' ? 201 : 200).end(JSON.stringify(answer))
    }
    serve().catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const middle: Middle = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: [],
    answer: (_path, _body, honest) => honest(),
  }
  return middle
}

/** Not with fetch, whose timers would be the mocked ones. */
async function passOn(
  url: string,
  method: string | undefined,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<Json> {
  const outgoing = request(url, { method, headers, agent: false })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString()) as Json
}

async function open(t: TestContext): Promise<{ world: ShipWorld; middle: Middle }> {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const folder = mkdtempSync(join(root, 'case-'))
  const world = await openShipWorld(t, folder)
  return { world, middle: await startMiddle(t, world.fleet) }
}

const marked = async (world: ShipWorld): Promise<number> => (await world.store.shipped?.())?.[0]?.size ?? 0

const refused = (world: ShipWorld): readonly string[] =>
  world.events.flatMap((each) => (each.event === 'fleet_log_refused' ? [each.code] : []))

const results = (answer: Json): Result[] => answer['results'] as Result[]

test('an answer whose cosignature was taken out frees no row, and the rows are asked for again', async (t) => {
  const { world, middle } = await open(t)
  await world.write(6)
  let isStripping = true
  middle.answer = async (_path, _body, honest) => {
    const answer = await honest()
    if (isStripping && Array.isArray(answer['results']))
      for (const each of results(answer)) delete each.cosignature
    return answer
  }
  world.start({ url: middle.url })
  await passUntil(world, () => refused(world).length === 1)
  assert.deepEqual(
    [refused(world), await world.isShipped(), await marked(world)],
    [['FLEET_COSIGNATURE'], true, 0],
  )
  isStripping = false
  // The fleet has all of it, and signs for it once more.
  await passUntil(world, async () => (await marked(world)) === 7, 10_000)
})

test('whoever answers that all is well, and has nothing, frees no row', async (t) => {
  const { world, middle } = await open(t)
  const [row] = await world.write(6)
  const log = row?.log ?? ''
  const pair = ed25519Pair(ed25519FromSeed(Buffer.alloc(32, 7)))
  const own = { key: verifierKey('fleet.test', 'cosignature/v1', pair.publicKey, sha256), sign: pair.sign }
  const [newest] = (await world.store.checkpoints?.({ log })) ?? []
  const size = newest?.size ?? 0
  const lines: (string | undefined)[] = [
    undefined,
    // His own, under the fleet's name, and one of the fleet's under another checkpoint.
    cosign(parseNote(newest?.note ?? '').text, 1_795_000_000, own).trimEnd(),
    '— fleet.test AAAAAAAA',
    'nothing',
  ]
  middle.answer = async (path, _body, honest) => {
    if (path !== '/rows') return honest()
    const cosignature = lines[0]
    return {
      results: [{ log, size, signed_size: size, ...(cosignature === undefined ? {} : { cosignature }) }],
    }
  }
  world.start({ url: middle.url })
  while (lines.length > 0) {
    const before = middle.heard.filter(({ path }) => path === '/rows').length
    await passUntil(world, () => middle.heard.filter(({ path }) => path === '/rows').length > before, 10_000)
    lines.shift()
    assert.equal(await marked(world), 0)
  }
  // Nor does an answer without any signature at all, of rows that were signed here.
  middle.answer = async (path, _body, honest) =>
    path === '/rows' ? { results: [{ log, size, signed_size: 0 }] } : honest()
  const before = middle.heard.length
  await passUntil(
    world,
    () => middle.heard.filter(({ path }) => path === '/rows').length > 5 || middle.heard.length > before + 20,
    10_000,
  )
  assert.equal(await marked(world), 0)
  assert.equal(world.fleetLines()[log], undefined)
})

test('an answer of before, an answer that was cut, and answers about other logs change nothing', async (t) => {
  const { world, middle } = await open(t)
  await world.write(4)
  const kept: Json[] = []
  middle.answer = async (path, _body, honest) => {
    const answer = await honest()
    if (path === '/rows') kept.push(answer)
    return answer
  }
  world.start({ url: middle.url })
  await passUntil(world, async () => (await marked(world)) === 5)
  const [old] = kept
  assert.ok(old !== undefined)
  const lies: readonly ((answer: Json) => Json)[] = [
    () => old,
    () => ({ results: [] }),
    (answer) => ({ results: results(answer).map((each) => ({ ...each, log: 'other/shop/n1/audit' })) }),
    (answer) => ({
      results: results(answer).map((each) => ({ ...each, size: 1_000_000, signed_size: 1_000_000 })),
    }),
    () => ({}),
  ]
  for (const [index, lie] of lies.entries()) {
    let isTold = false
    middle.answer = async (path, _body, honest) => {
      const answer = await honest()
      if (path !== '/rows' || isTold) return answer
      isTold = true
      return lie(answer)
    }
    const before = await marked(world)
    await world.write(1)
    await passUntil(world, () => isTold, 5_000)
    assert.ok((await marked(world)) <= before + 1, `lie ${index}`)
    await passUntil(world, async () => (await marked(world)) === before + 1, 20_000)
  }
  assert.deepEqual(world.fleetLines(), await world.lines())
})
