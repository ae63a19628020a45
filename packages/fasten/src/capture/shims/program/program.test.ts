// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runWithContext } from '../../context.ts'
import { childEnvironment } from '../process/index.ts'
import { program } from './index.ts'

interface Line {
  readonly shape: string
  readonly request_id: string
  readonly level?: string
  readonly event?: string
  readonly code?: string
  readonly actor?: string
  readonly actor_kind?: string
  readonly method?: string
  readonly trace_id?: string
  readonly fields?: Readonly<Record<string, unknown>>
}

describe('a command-line program', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-program-'))
  after(() => rmSync(folder, { recursive: true }))
  let count = 0

  /** Runs the program; `signal` is sent once it says that it waits. */
  async function run(
    args: readonly string[],
    { env = {}, signal }: { env?: Record<string, string>; signal?: NodeJS.Signals } = {},
  ): Promise<{ code: unknown; signal: unknown; stderr: string; lines: readonly Line[] }> {
    const file = fileURLToPath(new URL('./fixtures/cli.ts', import.meta.url))
    const clean = Object.entries(process.env).filter(
      ([name]) => !/^(FASTEN_|NODE_(?!COMPILE_CACHE$)|TRACE|BAGGAGE)/.test(name),
    )
    const dsn = `sqlite:///${join(folder, `${++count}.db`)}`
    const child = spawn(process.execPath, ['--conditions=fasten-source', file, ...args], {
      cwd: folder,
      env: { ...Object.fromEntries(clean), FASTEN_AUDIT_DSN: dsn, FASTEN_STDOUT: 'audit,sys', ...env },
    })
    const texts = { stdout: '', stderr: '' }
    child.stdout.on('data', (part) => (texts.stdout += String(part)))
    child.stderr.on('data', (part) => {
      texts.stderr += String(part)
      if (signal !== undefined && texts.stderr.includes('waiting')) child.kill(signal)
    })
    const [code, ending] = (await once(child, 'close')) as [unknown, unknown]
    const lines = texts.stdout.split('\n').filter((line) => line.startsWith('{'))
    return {
      code,
      signal: ending,
      stderr: texts.stderr,
      lines: lines.map((line) => JSON.parse(line) as Line),
    }
  }

  const framed = ['program_started', 'REPORTED', 'worked', 'program_ended']
  const endOf = (lines: readonly Line[]): unknown => {
    const { level, fields } = lines.findLast(({ event }) => event === 'program_ended') ?? {}
    const { duration_ms, ...rest } = fields ?? {}
    assert.ok(Number.isSafeInteger(duration_ms))
    return [level, rest]
  }

  test('is one piece of work by the user who runs it', async () => {
    const { lines, code } = await run([])
    assert.equal(code, 0)
    assert.deepEqual(
      lines.map(({ event, code: name }) => event ?? name),
      framed,
    )
    assert.equal(new Set(lines.map(({ request_id }) => request_id)).size, 1)
    assert.match(lines[0]?.request_id ?? '', /^[0-9a-f]{12}$/)
    const { actor, actor_kind, method } = lines[1] ?? {}
    assert.deepEqual([actor, actor_kind, method], [userInfo().username, 'user', 'cli'])
    assert.deepEqual(endOf(lines), ['info', { program: 'report', exit_code: 0 }])
  })

  test('joins the thread of the process that started it', async () => {
    const context = { request_id: 'r-7', trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16) }
    const env = runWithContext(context, () => childEnvironment({})) as Record<string, string>
    const { lines } = await run([], { env })
    const audit = lines.find(({ code }) => code === 'REPORTED')
    assert.deepEqual([audit?.request_id, audit?.trace_id], ['r-7', context.trace_id])
    const background = await run([], { env: { FASTEN_REQUEST_ID: 'scheduler-shop-0123456789ab' } })
    assert.equal(background.lines[0]?.request_id, 'scheduler-shop-0123456789ab')
  })

  test('says how it ended, whichever way', async () => {
    const returned = await run(['code'])
    assert.deepEqual(
      [returned.code, endOf(returned.lines)],
      [3, ['error', { program: 'report', exit_code: 3 }]],
    )
    const thrown = await run(['throw'])
    assert.deepEqual(
      [thrown.code, endOf(thrown.lines)],
      [1, ['error', { program: 'report', exit_code: 1, error: 'RangeError' }]],
    )
    assert.match(thrown.stderr, /RangeError: too many/, 'Node.js tells of it as ever')
    const exited = await run(['exit'])
    assert.deepEqual([exited.code, endOf(exited.lines)], [4, ['error', { program: 'report', exit_code: 4 }]])
  })

  test('a signal ends it as ever, and is said', async () => {
    const { signal, lines } = await run(['wait'], { signal: 'SIGTERM' })
    assert.deepEqual([signal, endOf(lines)], ['SIGTERM', ['error', { program: 'report', signal: 'SIGTERM' }]])
  })

  test('starts fasten itself where the environment says where rows go', async () => {
    const { code, lines, stderr } = await run(['', 'bare'], { env: { FASTEN_SERVICE_ID: 'cli' } })
    assert.deepEqual([code, lines.map(({ event, code: name }) => event ?? name)], [0, framed], stderr)
    const wrong = await run(['', 'bare'], { env: { FASTEN_AUDIT_DSN: 'mongo://x' } })
    assert.deepEqual([wrong.code, wrong.lines], [1, []])
    assert.match(wrong.stderr, /DSN_UNKNOWN|FASTEN_AUDIT_DSN/)
  })

  test('its start is told to an instance that main starts', async () => {
    const { lines } = await run(['', 'late'], { env: { FASTEN_AUDIT_DSN: '' } })
    assert.deepEqual(
      lines.map(({ event, code: name }) => event ?? name),
      framed,
    )
    assert.equal(new Set(lines.map(({ request_id }) => request_id)).size, 1)
  })

  test('with neither it runs as ever, and warns that it left no rows', async () => {
    const env = { FASTEN_AUDIT_DSN: '' }
    for (const [how, status] of [
      ['code', 3],
      ['exit', 4],
    ] as const) {
      const { code, lines, stderr } = await run([how, 'bare'], { env })
      assert.deepEqual([code, lines], [status, []])
      assert.match(stderr, /^\(node:\d+\) \[FASTEN_NO_STORE\] FastenWarning: report left no rows: .*\n/)
      assert.equal(stderr.trim().split('\n').length, 2, stderr)
    }
    const { signal, stderr } = await run(['wait', 'bare'], { signal: 'SIGINT', env })
    assert.equal(signal, 'SIGINT')
    assert.match(stderr, /FASTEN_NO_STORE/)
  })

  test('a name and a function are needed', async () => {
    await assert.rejects(
      program('', () => undefined),
      TypeError,
    )
    await assert.rejects(program('x', 7 as never), TypeError)
  })
})
