// SPDX-License-Identifier: Apache-2.0
/**
 * Every way in which a server can be unkind, against a whole instance: rows are emitted before, during and after, and afterwards
 * each is there once, in the order in which it was emitted. Longer outages are faults/row-06-database-down.test.ts; what the store itself
 * says of each fault is store/postgres/failures.test.ts.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { startCuttingProxy } from '../store/postgres/fixtures/cutting-proxy.ts'
import { startPostgres } from '../store/postgres/fixtures/server.ts'
import { soundRows, startOn } from './transaction/fixtures/transaction-contract.ts'

const server = await startPostgres({ own: true })
const folder = mkdtempSync(join(tmpdir(), 'fasten-outage-'))
after(async () => {
  await server.remove()
  rmSync(folder, { recursive: true, force: true })
})

interface Unkindness {
  /** The DSN that fasten is given, for the URL of the administrator. */
  readonly dsn?: (url: string) => Promise<string>
  begin(url: string): Promise<unknown>
  end(url: string): Promise<unknown>
  /** Code of the error that the drainer meets. */
  readonly met: RegExp
}

const hangUp = async (url: string): Promise<void> => {
  const name = new URL(url).pathname.slice(1)
  await server.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
}
const altering =
  (words: string) =>
  async (url: string): Promise<void> => {
    await server.query(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" ${words}`)
    await hangUp(url)
  }
const roleOf = (url: string): string => `owner_${new URL(url).pathname.slice(-8)}`
const proxies = new Map<string, Awaited<ReturnType<typeof startCuttingProxy>>[]>()

const unkindnesses: Readonly<Record<string, Unkindness>> = {
  'killed and started again': {
    begin: () => server.kill9(),
    end: () => server.start(),
    met: /STORE_UNREACHABLE/,
  },
  'set to read only': {
    begin: altering('SET default_transaction_read_only = on'),
    end: altering('RESET default_transaction_read_only'),
    met: /STORE_(READONLY|UNREACHABLE)/,
  },
  'closed to new connections': {
    begin: altering('WITH ALLOW_CONNECTIONS false'),
    end: altering('WITH ALLOW_CONNECTIONS true'),
    met: /STORE_(UNREACHABLE|BUSY)/,
  },
  'refusing the user it knew': {
    async dsn(url) {
      await server.query(`CREATE ROLE ${roleOf(url)} LOGIN PASSWORD 'pw'`)
      await server.query(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" OWNER TO ${roleOf(url)}`)
      await server.query(`ALTER SCHEMA public OWNER TO ${roleOf(url)}`, [], url)
      const own = new URL(url)
      own.username = roleOf(url)
      own.password = 'pw'
      return own.href
    },
    async begin(url) {
      await server.query(`ALTER ROLE ${roleOf(url)} NOLOGIN`)
      await hangUp(url)
    },
    end: (url) => server.query(`ALTER ROLE ${roleOf(url)} LOGIN`),
    met: /STORE_(AUTH|UNREACHABLE)/,
  },
  'gone behind one of two addresses': {
    async dsn(url) {
      const first = await startCuttingProxy(url)
      const second = await startCuttingProxy(url)
      proxies.set(url, [first, second])
      const { host } = new URL(first.url)
      return first.url.replace(host, `${host},${new URL(second.url).host}`)
    },
    begin: async (url) => proxies.get(url)?.[0]?.close(),
    end: async () => {},
    met: /STORE_UNREACHABLE/,
  },
}

describe('a Postgres server that is', { timeout: 300_000 }, () => {
  for (const [name, { dsn, begin, end, met }] of Object.entries(unkindnesses))
    test(`${name}: every row arrives once, and in order`, async () => {
      const url = await server.freshDatabase()
      const { fasten, notices, emit, check } = await begun(url, (await dsn?.(url)) ?? url)
      emit('before', 20)
      assert.equal(await fasten.flush(), true)
      await begin(url)
      emit('during', 200)
      while (!notices.some((text) => text.includes('audit_drain_failed'))) {
        emit('waiting', 1)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      assert.match(notices.join(''), met)
      await end(url)
      emit('after', 20)
      assert.equal(await fasten.flush(), true)
      await fasten.close()
      await check()
      for (const proxy of proxies.get(url) ?? []) await proxy.close()
      await server.release(url)
    })

  test('not there at the start: init and emit do not wait for it, and nothing is lost', async () => {
    const url = await server.freshDatabase()
    await server.stop()
    const { fasten, notices, emit, check } = await begun(url, url)
    emit('before the first answer', 300)
    while (!notices.some((text) => text.includes('audit_drain_failed')))
      await new Promise((resolve) => setTimeout(resolve, 20))
    await server.start()
    assert.equal(await fasten.flush(), true)
    await fasten.close()
    await check()
    await server.release(url)
  })

  test('standing still: emit returns, a bounded wait ends in time, and all is stored once it goes on', async () => {
    const url = await server.freshDatabase()
    const { fasten, emit, check, ledger } = await begun(url, url)
    emit('before', 20)
    assert.equal(await fasten.flush(), true)
    await server.pause()
    try {
      emit('during', 200)
      await assert.rejects(
        fasten.emitStored({ code: 'ORG_RENAMED', target: 'awaited' }, { timeoutMs: 100 }),
        {
          code: 'STORE_TIMEOUT',
        },
      )
      ledger.push('awaited')
    } finally {
      await server.resume()
    }
    assert.equal(await fasten.flush(), true)
    await fasten.close()
    await check()
    await server.release(url)
  })

  test(
    'out of disk: rows wait in the spool, and are stored when there is room',
    { skip: cannotMount() },
    async () => {
      const small = join(folder, 'small')
      mkdirSync(small)
      // The server is another user, who must get there.
      chmodSync(folder, 0o755)
      const [row] = await server.query('SHOW data_directory')
      const { uid, gid } = statSync(String(row?.['data_directory']))
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=24m,uid=${uid},gid=${gid},mode=0700`, 'tmpfs', small])
      try {
        await server.query(`CREATE TABLESPACE small LOCATION '${small}'`)
        const url = await server.freshDatabase()
        await server.query(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET TABLESPACE small`)
        const { fasten, notices, emit, check } = await begun(url, url)
        emit('before', 20)
        assert.equal(await fasten.flush(), true)
        const { bavail, bsize } = statfsSync(small)
        writeFileSync(join(small, 'ballast'), Buffer.alloc(bavail * bsize - 64 * 1024))
        // Large rows, so that pages are needed.
        for (let index = 0; !notices.some((text) => text.includes('STORE_FULL')); index++) {
          emit(`large ${index}`, 20, 'x'.repeat(20_000))
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        rmSync(join(small, 'ballast'))
        emit('after', 20)
        assert.equal(await fasten.flush(), true)
        await fasten.close()
        await check()
        await server.dropDatabase(url)
        await server.query('DROP TABLESPACE small')
      } finally {
        execFileSync('umount', ['-l', small])
      }
    },
  )
})

/** An instance on `dsn` with the ledger of what it emitted. `check` compares the two. */
async function begun(url: string, dsn: string) {
  const place = mkdtempSync(join(folder, 'node-'))
  const notices: string[] = []
  const ledger: string[] = []
  const fasten = startOn(
    {
      dsn,
      options: { spool_dir: join(place, 'spool'), key_dir: join(place, 'keys') },
      open: () => Promise.reject(new TypeError('not used')),
      sql: () => Promise.resolve([]),
      remove: () => Promise.resolve(),
    },
    { notices: { write: (text) => notices.push(text) } },
  )
  return {
    fasten,
    notices,
    ledger,
    emit(label: string, times: number, note = ''): void {
      for (let index = 0; index < times; index++) {
        const target = `${label} ${index} ${ledger.length}`
        const { accepted } = fasten.emit({ code: 'ORG_RENAMED', target, detail: { note } })
        assert.equal(accepted, true)
        ledger.push(target)
      }
    },
    async check(): Promise<void> {
      const rows = await soundRows(url)
      assert.deepEqual(
        rows.filter(({ code }) => code === 'ORG_RENAMED').map(({ target }) => target),
        ledger,
      )
    },
  }
}

function cannotMount(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make a small disk'
  const probe = mkdtempSync(join(tmpdir(), 'fasten-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe], { stdio: 'ignore' })
    execFileSync('umount', [probe])
    return false
  } catch {
    // Whatever the reason, this host makes no small disks.
    return 'mounting is not allowed here'
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}
