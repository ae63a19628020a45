// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FastenError } from '../../core/error.ts'
import type { Draft } from '../../core/row.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound, spooled, type AppendJob } from '../../testing/store-contract.ts'
import { openStore, type StoreTarget } from '../open.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import type { AppendBatch, Store } from '../ports.ts'
import { loadSqliteDriver, type SqliteDriver } from './driver.ts'
import { hookedDriver, sqliteError, type CallHook } from './fixtures/faulty-driver.ts'
import { openSqliteStore } from './index.ts'

const root = mkdtempSync(join(tmpdir(), 'fasten-faults-'))
after(() => rmSync(root, { recursive: true }))
const folder = (): string => mkdtempSync(join(root, 'case-'))
const spool = '00000000000000aa'

describe('an error at any call into SQLite', () => {
  const faults = [
    { errcode: 13, code: 'STORE_FULL', name: 'disk full', when: 'before' },
    { errcode: 778, code: 'STORE_IO', name: 'write error', when: 'before' },
    { errcode: 1034, code: 'STORE_IO', name: 'fsync error', when: 'after' },
    { errcode: 5, code: 'STORE_BUSY', name: 'locked', when: 'before' },
    { errcode: 5, code: 'STORE_BUSY', name: 'locked', when: 'after' },
    { errcode: 11, code: 'STORE_CORRUPT', name: 'damaged', when: 'after' },
  ] as const
  for (const { errcode, code, name, when } of faults) {
    test(`${name}, ${when} the call did its work: all or nothing, and the same batch goes in once`, async () => {
      let calls = 0
      // Until a whole append gets by without meeting the fault, which then lies beyond its last call.
      for (let at = 1; ; at++) {
        let countdown = Infinity
        const hook: CallHook = (sql, now) => {
          if (now !== when || sql === 'ROLLBACK') return
          if (--countdown === 0) throw sqliteError(errcode)
        }
        const path = join(folder(), 'rows.db')
        const store = await storeOn(path, hookedDriver(await loadSqliteDriver(), hook))
        const samples = createSampleDrafts()
        await store.append(batch([samples.audit()], 1))
        const tried = batch([samples.audit(), samples.sys(), samples.audit()], 4)
        countdown = at
        const failure = await failureOf(() => store.append(tried))
        countdown = Infinity
        if (failure === undefined) {
          await store.close()
          break
        }
        calls++
        assert.equal(failure.code, code)
        await assertAllOrNothing(path, tried)
        const { appended, rejected } = await store.append(tried)
        assert.deepEqual([appended.length, rejected], [3, []])
        assert.deepEqual(
          appended.map(({ monotonic_seq }) => monotonic_seq),
          [2, 1, 3],
        )
        assert.equal(await store.spoolPosition(spool), 4n)
        await assertSound(store)
        await store.close()
      }
      assert.ok(calls >= 10, `only ${calls} calls were made to fail`)
    })
  }

  test('at opening, the connection is given up and the next attempt opens it', async () => {
    const path = join(folder(), 'rows.db')
    let fails = true
    const driver = hookedDriver(await loadSqliteDriver(), (sql) => {
      if (fails && sql.includes('journal_mode')) throw sqliteError(778)
    })
    await assert.rejects(storeOn(path, driver), { code: 'STORE_IO', at: path })
    fails = false
    const store = await storeOn(path, driver)
    await store.append(batch([createSampleDrafts().audit()], 1))
    await assertSound(store)
    await store.close()
  })
})

describe('a lock held by another process', () => {
  test('is waited for as long as it may take, said, and forgotten when it is gone', async () => {
    const path = join(folder(), 'rows.db')
    const store = await storeOn(path, await loadSqliteDriver(), 50)
    const samples = createSampleDrafts()
    await store.append(batch([samples.audit()], 1))
    const holder = (await loadSqliteDriver()).open(path, { isReadOnly: false, busyTimeoutMs: 0 })
    holder.exec('BEGIN IMMEDIATE')
    const tried = batch([samples.audit()], 2)
    await assert.rejects(store.append(tried), { code: 'STORE_BUSY', at: path })
    await assert.rejects(store.forgetSpool(spool), { code: 'STORE_BUSY' })
    // Reading goes on meanwhile.
    assert.equal(await store.count('audit', {}, 10), 2)
    await assertAllOrNothing(path, tried)
    holder.exec('ROLLBACK')
    holder.close()
    assert.equal((await store.append(tried)).appended[0]?.monotonic_seq, 2)
    await store.close()
  })
})

describe('a full disk', () => {
  test('refuses the batch as a whole, and takes it once there is room', async () => {
    const path = join(folder(), 'rows.db')
    let pages = 60
    const driver = await loadSqliteDriver()
    const store = await storeOn(path, {
      ...driver,
      open(...args) {
        const connection = driver.open(...args)
        if (!args[1].isReadOnly) connection.prepare(`PRAGMA max_page_count = ${pages}`).get()
        return connection
      },
    })
    const samples = createSampleDrafts()
    let position = 0
    const next = (): AppendBatch => {
      const drafts = Array.from({ length: 40 }, () => samples.audit({ detail: { note: 'x'.repeat(500) } }))
      return batch(drafts, (position += 40))
    }
    let tried = next()
    const failure = await failureOf(async () => {
      for (; ; tried = next()) await store.append(tried)
    })
    assert.deepEqual([failure?.code, failure?.at], ['STORE_FULL', path])
    await assertAllOrNothing(path, tried)
    await assert.rejects(store.append(tried), { code: 'STORE_FULL' })
    pages = 100_000
    assert.equal((await store.append(tried)).appended.length, 40)
    assert.equal(await store.count('audit', { code: 'ORDER_PLACED' }, 10_000), position)
    await assertSound(store)
    await store.close()
  })

  test('of a real file system too', { skip: whyNoMount() }, async () => {
    const mount = folder()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mount])
    try {
      const path = join(mount, 'rows.db')
      const ballast = join(mount, 'ballast')
      const store = await storeOn(path, await loadSqliteDriver())
      writeFileSync(ballast, Buffer.alloc(1 << 20))
      const samples = createSampleDrafts()
      let position = 0
      const next = (): AppendBatch =>
        batch(
          Array.from({ length: 20 }, () => samples.audit()),
          (position += 20),
        )
      let tried = next()
      const failure = await failureOf(async () => {
        for (; ; tried = next()) await store.append(tried)
      })
      assert.equal(failure?.code, 'STORE_FULL')
      await assertAllOrNothing(path, tried)
      rmSync(ballast)
      assert.equal((await store.append(tried)).appended.length, 20)
      assert.equal(await store.count('audit', { code: 'ORDER_PLACED' }, 10_000), position)
      await assertSound(store)
      await store.close()
    } finally {
      execFileSync('umount', [mount])
    }
  })
})

describe('the operating system refuses', () => {
  const limited = whyNoLimit()
  test(
    'a write: the error names it, and the process goes on when the limit is lifted',
    { skip: limited },
    async () => {
      const directory = folder()
      // Ignoring the signal turns the limit into EFBIG, which SQLite takes for an I/O error.
      const child = startWriter(directory, ['sh', '-c', 'trap "" XFSZ; ulimit -S -f 400; exec "$@"', 'sh'])
      const said = await saidBy(child, (line) => line.startsWith('STORE_'))
      assert.equal(said.at(-1)?.split(' ')[0], 'STORE_IO')
      execFileSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited'])
      await assertGoesOn(child, directory)
    },
  )

  for (const [calls, name] of [
    ['fsync,fdatasync', 'a flush'],
    ['pwrite64', 'a write'],
  ] as const) {
    test(`${name} with EIO: no acknowledged row is lost`, { skip: whyNoStrace() }, async () => {
      const directory = folder()
      const trace = ['-f', '-qq', '-o', join(directory, 'trace'), '-e', `trace=${calls}`]
      const child = startWriter(directory, [
        'strace',
        ...trace,
        '-e',
        `inject=${calls}:error=EIO:when=20..23`,
      ])
      await assertGoesOn(child, directory)
    })
  }

  test(
    'a directory without write permission: said at once, nothing left behind',
    { skip: whyNoOtherUser() },
    async () => {
      const directory = folder()
      chmodSync(root, 0o755)
      chmodSync(directory, 0o755)
      const said = await saidBy(startWriter(directory, [], { uid: 65534, gid: 65534 }), () => true)
      assert.match(said[0] ?? '', /^(STORE_IO|STORE_READONLY) /)
      assert.equal(existsSync(join(directory, 'rows.db')), false)
    },
  )

  test('writing a file that may only be read', { skip: whyNoOtherUser() }, async () => {
    const directory = folder()
    const path = join(directory, 'rows.db')
    const store = await storeOn(path, await loadSqliteDriver())
    await store.append(batch([createSampleDrafts().audit()], 1))
    await store.close()
    chmodSync(root, 0o755)
    chownSync(directory, 65534, 65534)
    chmodSync(path, 0o444)
    const said = await saidBy(startWriter(directory, [], { uid: 65534, gid: 65534 }), () => true)
    assert.match(said[0] ?? '', /^STORE_READONLY /)
  })
})

async function storeOn(path: string, driver: SqliteDriver, busyTimeoutMs = 200): Promise<Store> {
  return openSqliteStore({
    path,
    driver,
    busyTimeoutMs,
    mode: 'write',
    tables: { audit: 'audit_log', sys: 'sys_log' },
    digest: sha256,
    clock: createSystemClock(),
    ids: createSystemIds(),
    software: { name: 'fasten', version: '0.0.0' },
  })
}

function batch(drafts: readonly Draft[], position: number): AppendBatch {
  return { spool, position: BigInt(position), drafts: drafts.map((draft) => spooled(draft)) }
}

/** Seen through a fresh connection: the batch and its position are there, or neither. */
async function assertAllOrNothing(path: string, { drafts, position }: AppendBatch): Promise<void> {
  const reader = await openStore({
    dsn: { kind: 'sqlite', path, isMemory: false },
    streams: ['audit', 'sys'],
    mode: 'read',
  })
  try {
    const ids = drafts.map(({ text }) => /"id":"([^"]+)"/.exec(Buffer.from(text).toString())?.[1] ?? '')
    const found = await Promise.all(
      ids.map(
        async (id) =>
          (await reader.scan({ stream: 'audit', filter: { id }, order: 'stored', limit: 2 })).length +
          (await reader.scan({ stream: 'sys', filter: { id }, order: 'stored', limit: 2 })).length,
      ),
    )
    const isThere = found[0] === 1
    assert.deepEqual(
      found,
      drafts.map(() => Number(isThere)),
    )
    const recorded = (await loadSqliteDriver()).open(path, { isReadOnly: true, busyTimeoutMs: 1000 })
    const row = recorded.prepare('SELECT position FROM fasten_spools WHERE spool = ?').get(spool)
    recorded.close()
    assert.equal(Number(row?.['position'] ?? 0) === Number(position), isThere)
    if (isThere || (await reader.heads()).length > 0) await assertSound(reader)
  } finally {
    await reader.close()
  }
}

/** The error of `work`, which must be one of ours, or undefined when it has none. */
async function failureOf(work: () => Promise<unknown>): Promise<FastenError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    assert.ok(error instanceof FastenError, error instanceof Error ? error.stack : 'not an error')
    return error
  }
}

const job: AppendJob = { source_node_id: 'edge-1', boot_id: spool, spool, batches: 40, rowsPerBatch: 5 }

/** A process that appends, says each acknowledgement and each error, and tries again. */
function startWriter(
  directory: string,
  wrapper: readonly string[],
  user: { uid?: number; gid?: number } = {},
): ChildProcess {
  const target: StoreTarget = {
    dsn: { kind: 'sqlite', path: join(directory, 'rows.db'), isMemory: false },
    streams: ['audit', 'sys'],
  }
  const entry = fileURLToPath(new URL('./fixtures/stubborn-child.ts', import.meta.url))
  const command = [...wrapper, process.execPath, entry, JSON.stringify(target), JSON.stringify(job)]
  return spawn(command[0] ?? '', command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], ...user })
}

/** The lines of a process up to the one that `isLast`, or all. */
async function saidBy(child: ChildProcess, isLast: (line: string) => boolean): Promise<string[]> {
  const said: string[] = []
  if (child.stdout === null) return said
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (isLast(line)) break
  }
  return said
}

/** The process met the fault, got over it, and stored everything once. */
async function assertGoesOn(child: ChildProcess, directory: string): Promise<void> {
  const [code] = (await once(child, 'exit')) as [number | null]
  assert.equal(code, 0)
  const log = readFileSync(join(directory, 'said'), 'utf8').trim().split('\n')
  assert.ok(
    log.some((line) => line.startsWith('STORE_IO')),
    `no fault was met: ${log.join(' | ').slice(0, 300)}`,
  )
  const store = await openStore({
    dsn: { kind: 'sqlite', path: join(directory, 'rows.db'), isMemory: false },
    streams: ['audit', 'sys'],
  })
  try {
    assert.equal(await store.count('audit', { code: 'ORDER_PLACED' }, 10_000), job.batches * job.rowsPerBatch)
    assert.equal(await store.spoolPosition(spool), BigInt(job.batches * job.rowsPerBatch))
    await assertSound(store)
  } finally {
    await store.close()
  }
}

function whyNoMount(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'mounting a small file system needs root on Linux'
  const mount = folder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount], { stdio: 'ignore' })
    execFileSync('umount', [mount], { stdio: 'ignore' })
    return false
  } catch {
    return 'this machine does not let root mount'
  }
}

function whyNoLimit(): string | false {
  return runs('prlimit', ['--version']) ? false : 'needs prlimit, of util-linux'
}

function whyNoStrace(): string | false {
  return runs('strace', ['-f', '-qq', '-e', 'trace=none', 'true'])
    ? false
    : 'needs strace, and permission to use it'
}

function whyNoOtherUser(): string | false {
  return process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : 'only root can become another user'
}

function runs(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
