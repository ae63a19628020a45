// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { fleetProcess, type FleetProcess } from '../testing/fixtures/fleet-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'fleet-process-'))
// The user of an embedded Postgres has to enter it where this process is root.
chmodSync(folder, 0o755)
const running = new Set<FleetProcess>()
after(async () => {
  for (const each of running) each.child.kill('SIGTERM')
  await Promise.all([...running].map((each) => each.ended))
  rmSync(folder, { recursive: true, force: true })
})

function start(env: Readonly<Record<string, string>>, words: readonly string[] = ['serve']): FleetProcess {
  const started = fleetProcess(words, { FLEET_LISTEN: '127.0.0.1:0', FLEET_LOG: 'silent', ...env })
  running.add(started)
  void started.ended.then(() => running.delete(started))
  return started
}

function newFolder(): string {
  const path = join(folder, `data-${randomBytes(4).toString('hex')}`)
  mkdirSync(path, { mode: 0o755 })
  return path
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url)
  await response.text()
  return response.status
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = performance.now() + 120_000; performance.now() < deadline; await pause(250))
    if (await holds()) return
  throw new Error(`${what} did not come within two minutes`)
}

test('what is wrong with the variables is said in a line that names them, and nothing is started', async () => {
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ FLEET_LISTEM: '127.0.0.1:1' }, /^CONFIG_INVALID: FLEET_LISTEM is read by nobody/],
    [{ FLEET_LISTEN: '7117' }, /FLEET_LISTEN: is host:port, e\.g\. 127\.0\.0\.1:7117/],
    [{ FLEET_DATABASE_URL: 'mysql://x' }, /FLEET_DATABASE_URL: begins with postgres:\/\//],
    [{ FLEET_SECRET: 'hunter2' }, /FLEET_SECRET: is 32 bytes in hex or base64: openssl rand -hex 32/],
    [{ FLEET_OIDC_CLIENT_ID: 'x' }, /FLEET_OIDC_CLIENT_ID is given without FLEET_OIDC_ISSUER/],
  ]
  await Promise.all(
    cases.map(async ([env, words]) => {
      const started = start({ FLEET_DATA_DIR: newFolder(), ...env })
      assert.equal(await started.ended, 2, started.err())
      assert.match(started.err(), words)
      assert.doesNotMatch(started.err(), /hunter2|\n {4}at /)
      assert.equal(started.err().trim().split('\n').length, 1)
    }),
  )
})

test('an embedded fleet: ended in the middle of requests, killed, started again, and its port taken', async () => {
  const FLEET_DATA_DIR = newFolder()
  const first = start({ FLEET_DATA_DIR })
  const url = await first.url
  assert.equal(await statusOf(`${url}/readyz`), 200)
  const made = start({ FLEET_DATA_DIR }, ['admin', 'key', '--role', 'admin'])
  assert.equal(await made.ended, 0, made.err())
  const headers = { authorization: `Bearer ${made.out().trim()}` }

  // A tail that runs and a body that never comes to its end do not hold it back.
  const tail = await fetch(`${url}/api/v1/tail`, { headers })
  assert.equal(tail.status, 200)
  const tailed = tail.text().catch((error: Error) => error.message)
  const half = fetch(`${url}/ingest/v1/rows`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.fasten.rows', ...headers },
    body: new ReadableStream({ start: (body) => body.enqueue(Buffer.from('{"log"')) }),
    duplex: 'half',
  }).then(
    (response) => response.status,
    () => 0,
  )
  first.child.kill('SIGTERM')
  assert.equal(await first.ended, 0, first.err())
  assert.match(first.err(), /fleet: SIGTERM, ending\n$/)
  await Promise.all([tailed, half])

  const second = start({ FLEET_DATA_DIR })
  await second.url
  assert.match(second.err(), /starting its Postgres/, 'the first one ended its database')
  const postmaster = readFileSync(join(FLEET_DATA_DIR, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0]
  second.child.kill('SIGKILL')
  assert.equal(await second.ended, 'SIGKILL')

  const third = start({ FLEET_DATA_DIR })
  const again = await third.url
  assert.doesNotMatch(third.err(), /starting its Postgres/, 'the database outlived the server')
  assert.equal((await fetch(`${again}/api/v1/verify`, { headers })).status, 200)
  const taken = start({ FLEET_DATA_DIR, FLEET_SERVER_ID: 's2', FLEET_LISTEN: new URL(again).host })
  assert.equal(await taken.ended, 2, taken.err())
  assert.match(taken.err(), /^FLEET_CANNOT_LISTEN: .*EADDRINUSE/m)
  third.child.kill('SIGTERM')
  assert.equal(await third.ended, 0, third.err())
  // Whoever joins a database leaves it running; here it belongs to the one that was killed.
  process.kill(Number(postmaster), 'SIGINT')
})

test('a database that is away: told at the start; later not ready, alive, and ready again by itself', async () => {
  const gone = start({
    FLEET_DATA_DIR: newFolder(),
    FLEET_DATABASE_URL: `postgres://x@127.0.0.1:${await freePort()}/x`,
  })
  assert.equal(await gone.ended, 2)
  assert.match(gone.err(), /^FLEET_DATABASE_UNREACHABLE: .*ECONNREFUSED/)
  assert.doesNotMatch(gone.err(), /\n {4}at /)

  const database = await startPostgres({ own: true })
  try {
    const fleet = start({ FLEET_DATA_DIR: newFolder(), FLEET_DATABASE_URL: await database.freshDatabase() })
    const url = await fleet.url
    await until(async () => (await statusOf(`${url}/readyz`)) === 200, 'readiness')
    await database.stop('immediate')
    await until(async () => (await statusOf(`${url}/readyz`)) === 503, 'the news that it is not ready')
    assert.equal(await statusOf(`${url}/healthz`), 200)
    await database.start()
    await until(async () => (await statusOf(`${url}/readyz`)) === 200, 'readiness after the database is back')
    await database.stop()
    fleet.child.kill('SIGTERM')
    assert.equal(await fleet.ended, 0, fleet.err())
  } finally {
    await database.remove()
  }
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
