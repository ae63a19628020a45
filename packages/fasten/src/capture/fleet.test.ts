// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { hash } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openForReading } from '../store/open.ts'
import { startHonestFleet, type HonestFleet } from '../store/ship/fixtures/honest-fleet.ts'
import { bench } from './fixtures/instance.ts'

async function openFleetFor(t: TestContext): Promise<HonestFleet> {
  const fleet = await startHonestFleet()
  t.after(() => fleet.close())
  return fleet
}

/** The lines of each log, as their number and their hash: a difference between thousands of rows is not for reading. */
type Lines = Readonly<Record<string, { readonly count: number; readonly sum: string }>>

const summed = (lines: readonly string[]) => ({
  count: lines.length,
  sum: hash('sha256', lines.join('\n'), 'hex').slice(0, 16),
})

/** What is in the store, as the fleet should have it. */
async function localLines(path: string): Promise<Lines> {
  const store = await openForReading(path)
  try {
    const found: [string, ReturnType<typeof summed>][] = []
    for (const { log } of await store.heads()) {
      const lines: string[] = []
      for await (const { leaf, hash: leafHash } of store.evidence(log))
        lines.push(leaf === null ? `#${leafHash}` : Buffer.from(leaf).toString())
      found.push([log, summed(lines)])
    }
    return Object.fromEntries(found)
  } finally {
    await store.close()
  }
}

const fleetLines = (fleet: HonestFleet): Lines =>
  Object.fromEntries([...fleet.logs].map(([log, { lines }]) => [log, summed(lines)] as const).sort())

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(20)
}

test('two variables, and every persisted row of every stream is at the fleet, cosigned', async (t) => {
  const fleet = await openFleetFor(t)
  const { start, dsn, path, folder, notices } = bench(t)
  const fasten = start({
    sys_dsn: dsn,
    api_dsn: dsn,
    fleet_url: `${fleet.url}/`,
    fleet_token: fleet.token(),
    log_level: 'info',
  })
  for (let index = 0; index < 50; index++) {
    fasten.emit({ code: 'USER_CREATED', target: `user:${index}` })
    fasten.log.info('signed_up', { index })
  }
  fasten.recordApi({ method: 'GET', path: '/users', status: 200, duration_us: 1000 })
  await fasten.close()

  assert.deepEqual(fleetLines(fleet), await localLines(path))
  assert.equal(fleet.logs.size, 3)
  for (const { hashes, signed_size } of fleet.logs.values()) assert.equal(signed_size, hashes.length)
  const { fleet: shipping } = fasten.stats()
  assert.deepEqual(
    { ...shipping, shipped: (shipping?.shipped ?? 0) > 100 },
    {
      shipped: true,
      unshipped: 0,
      refused_logs: 0,
      retry_count: 0,
      in_backoff_seconds: 0,
      last_error: null,
      is_standby: false,
    },
  )
  assert.equal(fleet.together(), 1)

  const keys = readdirSync(`${path}-keys`)
  const [kept = ''] = keys.filter((name) => name.startsWith('fleet-') && name.endsWith('.json'))
  assert.equal(statSync(join(`${path}-keys`, kept)).mode & 0o777, 0o600)
  const secret = (JSON.parse(readFileSync(join(`${path}-keys`, kept), 'utf8')) as { credential: string })
    .credential
  assert.deepEqual([...fleet.credentials], [secret])
  assert.ok(!notices.join('').includes('fln_') && folder !== '')

  const store = await openForReading(path)
  const checkpoints = (await store.checkpoints?.({})) ?? []
  assert.deepEqual(
    checkpoints.map(({ cosignatures }) => cosignatures),
    [1, 1, 1],
  )
  assert.deepEqual(
    ((await store.shipped?.()) ?? []).map(({ log, size }) => [log, size]),
    Object.entries(fleetLines(fleet)).map(([log, { count }]) => [log, count]),
  )
  await store.close()
})

test('rows go while the process lives, and a fleet that is away costs neither them nor the caller', async (t) => {
  const fleet = await openFleetFor(t)
  const { start, path } = bench(t)
  let isAway = true
  fleet.trouble = () => (isAway ? 'before' : undefined)
  const fasten = start({ fleet_url: fleet.url, fleet_token: fleet.credential() })
  fasten.emit({ code: 'USER_CREATED', target: 'user:1' })
  assert.equal(fasten.stats().fleet?.unshipped, null)
  await until(() => (fasten.stats().fleet?.retry_count ?? 0) > 0)
  assert.equal(fasten.stats().fleet?.unshipped, null)
  assert.match(fasten.stats().fleet?.last_error ?? '', /FLEET_UNREACHABLE/)
  isAway = false
  await until(() => fasten.stats().fleet?.last_error === null)
  assert.deepEqual([fasten.stats().last_error, fasten.stats().fleet?.unshipped], [null, 0])
  await fasten.close()
  assert.deepEqual(fleetLines(fleet), await localLines(path))
})

/** A service of its own on the store at `dsn`. */
function spawnService(
  t: TestContext,
  [...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess & { readonly stored: Promise<unknown> } {
  const program = new URL('./fixtures/shipping-child.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--conditions=fasten-source', program, ...args], {
    env: { PATH: process.env['PATH'], FASTEN_SERVICE_ID: 'shop', FASTEN_NODE_ID: 'node-1', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => child.kill('SIGKILL'))
  return Object.assign(child, { stored: once(child.stdout ?? child, 'data') })
}

test('killed after the fleet had the rows and before it heard so, a service ships each of them once', async (t) => {
  const fleet = await openFleetFor(t)
  const { start, dsn, path } = bench(t)
  const credential = fleet.token()
  fleet.trouble = (at) => (at === '/rows' ? 'silence' : undefined)
  const variables = { FASTEN_AUDIT_DSN: dsn, FASTEN_FLEET_URL: fleet.url, FASTEN_FLEET_TOKEN: credential }
  const child = spawnService(t, ['20', 'stay'], variables)
  await until(() => fleet.asked.some(({ path: asked }) => asked === '/rows'))
  child.kill('SIGKILL')
  await once(child, 'exit')
  const [before] = [...fleet.logs.values()]
  assert.ok((before?.lines.length ?? 0) > 0)

  fleet.trouble = () => undefined
  const fasten = start({ fleet_url: fleet.url, fleet_token: credential })
  fasten.emit({ code: 'USER_CREATED', target: 'user:last' })
  await fasten.close()
  assert.deepEqual(fleetLines(fleet), await localLines(path))
  assert.ok((fleet.logs.values().next().value?.lines.length ?? 0) >= 22)
})

test('nothing of it keeps a process alive, with a thread or without', async (t) => {
  const fleet = await openFleetFor(t)
  fleet.trouble = () => 'deaf'
  for (const thread of ['true', 'false']) {
    const { dsn } = bench(t)
    const child = spawnService(t, ['3'], {
      FASTEN_AUDIT_DSN: dsn,
      FASTEN_FLEET_URL: fleet.url,
      FASTEN_FLEET_TOKEN: fleet.token(),
      FASTEN_DRAIN_THREAD: thread,
      FASTEN_FLUSH_TIMEOUT_MS: '1500',
    })
    const [status] = (await once(child, 'exit')) as [number]
    assert.equal(status, 0)
  }
})

test('the thread that emits makes no connection to the fleet and sends it nothing', async (t) => {
  const fleet = await openFleetFor(t)
  const { start, path } = bench(t)
  const seen: unknown[] = []
  const look = (message: unknown): void => void seen.push(message)
  const channels = ['net.client.socket', 'http.client.request.start']
  for (const channel of channels) subscribe(channel, look)
  t.after(() => {
    for (const channel of channels) unsubscribe(channel, look)
  })
  const fasten = start({ fleet_url: fleet.url, fleet_token: fleet.token() })
  assert.equal(fasten.stats().has_drain_thread, true)
  for (let index = 0; index < 100; index++) fasten.emit({ code: 'USER_CREATED', target: `user:${index}` })
  await fasten.close()
  assert.deepEqual(fleetLines(fleet), await localLines(path))
  assert.deepEqual(seen, [])
})

test('a line that is cut anywhere, on the way there or back, costs no row and doubles none', async (t) => {
  const fleet = await openFleetFor(t)
  const { start, path } = bench(t)
  // So many bytes pass in each connection, in either direction, until it is cut; the last ones are whole.
  const cuts: number[] = []
  const sockets = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(fleet.port, '127.0.0.1')
    let left = cuts.shift() ?? Infinity
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.on('data', (bytes: Buffer) => {
        to.write(bytes.subarray(0, left))
        left -= bytes.length
        if (left < 0) from.destroy()
      })
    }
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo
  const credential = fleet.token()
  // The first life is left alone: a token is good for one answer.
  for (let life = 0; life < 2 || cuts.length > 0; life++) {
    if (life === 1) cuts.push(10, 300, 1200, 2500, 5000)
    const fasten = start({ fleet_url: `http://127.0.0.1:${port}`, fleet_token: credential })
    for (let index = 0; index < 30; index++)
      fasten.emit({ code: 'USER_CREATED', target: `user:${life}:${index}` })
    await fasten.close()
    assert.ok(life < 50)
  }
  const fasten = start({ fleet_url: `http://127.0.0.1:${port}`, fleet_token: credential })
  await fasten.close()
  assert.deepEqual(fleetLines(fleet), await localLines(path))
})
