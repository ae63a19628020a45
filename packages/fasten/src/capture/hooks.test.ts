// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openForReading } from '../store/open.ts'
import { listSpools } from '../store/spool/layout.ts'
import { createFasten } from './create.ts'

const door = new URL('./index.ts', import.meta.url).href

interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly stored: number
  readonly spools: number
}

/** Runs `body` in a process of its own with an initialised fasten; `act` may do something to it once it printed `ready`. */
async function ending(
  t: TestContext,
  body: string,
  act: (kill: (signal: NodeJS.Signals) => void) => void = () => {},
  how: { flags?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<Ending> {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-hooks-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'audit.db')
  const program = `import fasten from ${JSON.stringify(door)};
    fasten.register('t', { T_HAPPENED: { category: 't', action: 'happen' } });
    fasten.init({ service_id: 's', node_id: 'n', audit_dsn: 'sqlite:///${path}', flush_timeout_ms: 60_000 });
    const emit = (n) => { for (let i = 0; i < n; i++) fasten.emit({ code: 'T_HAPPENED', target: 't/' + i }) };
    ${body}`
  // As a person would try it: the flag must not reach the drainer's thread, where it is an error.
  const child = spawn(
    process.execPath,
    [...(how.flags ?? []), '--conditions=fasten-source', '--input-type=module', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...how.env },
    },
  )
  let out = ''
  const collect = (chunk: Buffer): void => {
    out += String(chunk)
    if (out.includes('ready')) act((signal) => child.kill(signal))
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', (chunk: Buffer) => (out += String(chunk)))
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.on('close', (...end) => resolve(end)),
  )
  const spools = listSpools(`${path}-spool`).length
  // What is still in a spool is stored by the next start; it must not be lost either.
  const next = createFasten({ service_id: 's', node_id: 'n', audit_dsn: `sqlite:///${path}`, stdout: [] })
  await next.emit({ code: 'DOCTOR_PROBE', target: 'after' }).stored
  await next.close(60_000)
  assert.deepEqual(readdirSync(`${path}-spool`), [])
  const store = await openForReading(path)
  const rows = await store.count('audit', { code: 'T_HAPPENED' }, 100_000)
  await store.close()
  return { code, signal, out, stored: rows ?? -1, spools }
}

describe('the end of a process', () => {
  it('stores everything when the event loop runs empty, and then ends by itself', async (t) => {
    const end = await ending(t, 'emit(500)')
    assert.deepEqual([end.code, end.stored, end.spools, end.out], [0, 500, 0, ''])
  })

  it('loses nothing on process.exit', async (t) => {
    const end = await ending(t, `emit(500); fasten.log.info('last words'); process.exit(3)`)
    assert.deepEqual([end.code, end.stored], [3, 500])
    assert.match(end.out, /last words/)
  })

  it('loses nothing when an exception is not caught, also with durability tick', async (t) => {
    const end = await ending(
      t,
      `fasten.init({ service_id: 's', node_id: 'n', audit_dsn: fasten.currentFasten().config.targets.audit.text, durability: 'tick', flush_timeout_ms: 60_000 }); emit(200); throw new TypeError('oops')`,
    )
    assert.equal(end.code, 1)
    assert.equal(end.stored, 200)
    assert.match(end.out, /oops/)
  })

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    it(`flushes on ${signal} and ends by it`, async (t) => {
      const end = await ending(t, `emit(500); setInterval(() => {}, 1000); console.log('ready')`, (kill) =>
        kill(signal),
      )
      assert.deepEqual([end.signal, end.stored, end.spools], [signal, 500, 0])
    })

  it('leaves an application with its own handler in charge', async (t) => {
    const end = await ending(
      t,
      `emit(100); process.on('SIGTERM', async () => { emit(1); await fasten.close(); process.exit(7) }); setInterval(() => {}, 1000); console.log('ready')`,
      (kill) => kill('SIGTERM'),
    )
    assert.deepEqual([end.code, end.stored, end.spools], [7, 101, 0])
  })

  it('keeps the process alive while somebody waits for a promise', async (t) => {
    const end = await ending(
      t,
      `const { stored } = fasten.emit({ code: 'T_HAPPENED', target: 'x' }); console.log('seq', (await stored).monotonic_seq)`,
    )
    assert.match(end.out, /seq 1/)
    assert.equal(end.code, 0)
  })

  it('neither keeps an idle process alive nor uses its processor', async (t) => {
    const end = await ending(
      t,
      `emit(10); await fasten.flush();
       for (let window = 0; window < 3; window++) {
         const before = process.cpuUsage(); await new Promise((r) => setTimeout(r, 700));
         const { user, system } = process.cpuUsage(before); console.log('cpu ms', (user + system) / 1000)
       }`,
    )
    const used = [...end.out.matchAll(/cpu ms ([\d.]+)/g)].map(([, ms]) => Number(ms))
    assert.equal(used.length, 3)
    // Not a speed: a drainer that polls or spins would use the whole of each. The first holds what is done once, after the rows: a signature, a sweep.
    assert.ok(Math.min(...used) < 100, `an idle process used ${used.join(', ')} ms of 700 each`)
    assert.equal(end.code, 0)
  })

  it('says at once that nothing can be kept where syncing is forbidden', async (t) => {
    const end = await ending(t, 'emit(1)', undefined, {
      // Without a key, which could not be kept either: rows are what this is about.
      env: { FASTEN_SIGNING: 'off' },
      flags: ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-worker'],
    })
    assert.equal(end.code, 1)
    assert.match(end.out, /SPOOL_IO/)
    assert.match(end.out, /run without --permission/)
  })

  it('drains on the main thread when the thread dies', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fasten-preload-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const preload = join(folder, 'preload.mjs')
    // A preload that cannot bear a second thread: it reaches ours through NODE_OPTIONS.
    writeFileSync(
      preload,
      `import { isMainThread } from 'node:worker_threads'; if (!isMainThread) throw new TypeError('not in a thread')`,
    )
    const end = await ending(
      t,
      `emit(300); await fasten.flush(); console.log('thread', fasten.stats().has_drain_thread)`,
      undefined,
      {
        env: { NODE_OPTIONS: `--import=${preload}` },
      },
    )
    assert.deepEqual([end.code, end.stored, end.spools], [0, 300, 0], end.out)
    assert.match(end.out, /not in a thread/)
    assert.match(end.out, /thread false/)
  })
})
