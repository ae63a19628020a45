// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound } from '../../testing/store-contract.ts'
import { startCuttingProxy } from './fixtures/cutting-proxy.ts'
import { batch, openAt, sqlAt } from './fixtures/places.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres({ own: true })
after(() => server.remove())

test('a batch whose COMMIT was answered to nobody is stored once, and answered when it is tried again', async () => {
  const url = await server.freshDatabase()
  const proxy = await startCuttingProxy(url)
  const store = await openAt(proxy.url)
  try {
    const samples = createSampleDrafts()
    await store.append(batch([samples.audit()], 1))
    for (const [round, word] of ['COMMIT', 'fasten_insert_audit', 'fasten_lock', 'BEGIN'].entries()) {
      const next = batch([samples.audit(), samples.audit()], 3 + 2 * round)
      const cut = proxy.cutAfter(word)
      await assert.rejects(store.append(next), { code: 'STORE_UNREACHABLE' }, word)
      await cut
      const size = 2 + 2 * round
      const { appended } = await store.append(next)
      assert.deepEqual(
        appended.map(({ monotonic_seq }) => monotonic_seq),
        [size, size + 1],
        word,
      )
      assert.equal(await store.spoolPosition('00000000000000aa'), BigInt(3 + 2 * round))
    }
    assert.equal(await store.count('audit', {}, 100), 10)
    await assertSound(store)
  } finally {
    await store.close()
    await proxy.close()
  }
})

test('a writer that is stopped inside its transaction loses the log, and stores its batch once when it goes on', async () => {
  const url = await server.freshDatabase()
  const store = await openAt(url)
  const counter = await sqlAt(url)
  // What a role or a DSN sets shorter than we would is respected.
  const short = `${url}?options=-c%20idle_in_transaction_session_timeout%3D500`
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('fixtures/insisting-child.ts', import.meta.url)), short],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  /** The next row that the child stored, and what it was refused with before: on a crowded machine, its lease may run out at any time. */
  const heard = async (): Promise<{ readonly stored: string; readonly refused: readonly string[] }> => {
    const refused: string[] = []
    for (;;) {
      const line = String((await lines.next()).value)
      if (!line.startsWith('STORE_')) return { stored: line, refused }
      refused.push(line)
    }
  }
  try {
    assert.equal((await heard()).stored, 'stored 1')
    // Held here, the child stops inside its transaction with the head of the log locked; then the child itself is stopped.
    await counter.run('BEGIN')
    await counter.run("SELECT value FROM fasten_counters WHERE name = 'position' FOR UPDATE")
    child.stdin.write('next\n')
    await waitFor(async () => {
      const [row] = await server.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%fasten_counters SET%'",
      )
      return row?.['n'] === 1
    })
    child.kill('SIGSTOP')
    await counter.commit()
    // Another process waits for the head, gets it when the lease runs out, and goes on with the same log.
    const samples = createSampleDrafts({ boot_id: '00000000000000d1' })
    const { appended } = await store.append(batch([samples.audit()], 1, '00000000000000d1'))
    assert.deepEqual(
      appended.map(({ log, monotonic_seq }) => [log, monotonic_seq]),
      [['_/gateway/edge-1/audit', 2]],
    )
    child.kill('SIGCONT')
    const { stored, refused } = await heard()
    assert.match(refused[0] ?? '', /^STORE_(BUSY|UNREACHABLE) /)
    assert.equal(stored, 'stored 3')
    child.stdin.end()
    await exited
    assert.equal(await store.count('audit', {}, 100), 4)
    await assertSound(store)
  } finally {
    child.kill('SIGKILL')
    await counter.client.end()
    await store.close()
  }
})

test('a server that answers nothing is an error in bounded time, and no batch is stored twice by it', async () => {
  // With its tables already, so that what must answer in time while it is well is little.
  const url = await server.freshStore()
  const store = await openAt(`${url}?connect_timeout=3`, { timeouts: { statementMs: 1000 } })
  const samples = createSampleDrafts()
  const next = batch([samples.audit()], 1)
  await server.pause()
  try {
    await Promise.all([
      assert.rejects(store.append(next), { code: 'STORE_BUSY' }),
      assert.rejects(store.heads(), { code: /^STORE_(BUSY|UNREACHABLE)$/ }),
    ])
  } finally {
    await server.resume()
  }
  assert.equal((await store.append(next)).appended[0]?.monotonic_seq, 1)
  await assertSound(store)
  await store.close()
})

test('a server that is gone is said to be unreachable, and the same store goes on when it is back', async () => {
  const url = await server.freshDatabase()
  const store = await openAt(url)
  const samples = createSampleDrafts()
  for (const [round, end] of [
    () => server.stop(),
    () => server.stop('immediate'),
    () => server.kill9(),
  ].entries()) {
    await store.append(batch([samples.audit()], 2 * round + 1))
    await end()
    const next = batch([samples.audit()], 2 * round + 2)
    await assert.rejects(store.append(next), { code: 'STORE_UNREACHABLE' })
    await assert.rejects(store.append(next), { code: 'STORE_UNREACHABLE', hint: /spool/ })
    await assert.rejects(store.count('audit', {}, 10), { code: 'STORE_UNREACHABLE' })
    await server.start()
    await store.append(next)
    assert.equal(await store.count('audit', {}, 100), 3 + 2 * round)
  }
  await assertSound(store)
  await store.close()
})

test('a lock that is held too long is a busy store, not a hang', async () => {
  const url = await server.freshDatabase()
  const store = await openAt(url, { timeouts: { lockMs: 200 } })
  const samples = createSampleDrafts()
  await store.append(batch([samples.audit()], 1))
  const other = await sqlAt(url)
  await other.run('BEGIN')
  await other.run('SELECT * FROM fasten_logs FOR UPDATE')
  await assert.rejects(store.append(batch([samples.audit()], 2)), {
    code: 'STORE_BUSY',
    hint: /pg_stat_activity/,
  })
  await other.rollback()
  assert.equal((await store.append(batch([samples.audit()], 2))).appended[0]?.monotonic_seq, 2)
  await other.client.end()
  await store.close()
})

test('who may not come in, and what is not there, is told in words of its own, never with the password', async () => {
  const url = await server.freshDatabase()
  const secret = ['hunter', '2'].join('')
  const wrong = new URL(url)
  wrong.password = secret
  const nowhere = new URL(url)
  nowhere.pathname = '/no_such_database'
  const closed = new URL(url)
  closed.port = '1'
  const strict = new URL(url)
  strict.searchParams.set('sslmode', 'require')
  for (const [place, code] of [
    [wrong, 'STORE_AUTH'],
    [nowhere, 'STORE_MISSING'],
    [closed, 'STORE_UNREACHABLE'],
    [strict, 'STORE_AUTH'],
  ] as const)
    await assert.rejects(openAt(place.href), (error: Error & { code?: string; at?: string }) => {
      assert.equal(error.code, code)
      assert.doesNotMatch(JSON.stringify([error.message, error]), new RegExp(`${secret}|horse`))
      return true
    })
})

test('of several hosts the one that takes writes is found', async () => {
  const url = new URL(await server.freshDatabase())
  const several = url.href.replace('127.0.0.1', `127.0.0.1:1,127.0.0.1`)
  const store = await openAt(several)
  await store.append(batch([createSampleDrafts().audit()], 1))
  await server.query(`ALTER DATABASE "${url.pathname.slice(1)}" SET default_transaction_read_only = on`)
  const refused = { code: 'STORE_READONLY', hint: /primary.*commas/ }
  await assert.rejects(openAt(several), refused)
  await assert.rejects(openAt(`${url.href}?target_session_attrs=standby`), { code: 'STORE_READONLY' })
  const reading = await openAt(several, { mode: 'read' })
  assert.equal(await reading.count('audit', {}, 10), 2)
  await assert.rejects(reading.append(batch([], 1)), { code: 'STORE_READONLY' })
  await reading.close()
  await store.close()
})

async function waitFor(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 60_000; performance.now() < deadline;) {
    if (await isSo()) return
    await pause(25)
  }
  throw new Error('it did not happen within a minute')
}
