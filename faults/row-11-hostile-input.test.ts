// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { createFasten } from '../packages/fasten/src/capture/create.ts'
import { createCodeRegistry } from '../packages/fasten/src/core/code.ts'
import { ask } from '../packages/fasten/src/cli/fixtures/ask.ts'
import { isCanonical } from '../packages/fasten/src/core/canonical.ts'
import { nodeReader } from '../packages/fasten/src/reader/adapters/node.ts'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { createChance } from './harness/chance.ts'
import { atEnd } from './harness/endings.ts'
import { judge } from './harness/judge.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, optionsOf, sqlitePlace, subfolder } from './harness/place.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'

const chance = createChance()

/** Texts that have broken log viewers, terminals, spreadsheets, parsers and databases. */
const corpus: readonly string[] = [
  'a\u0000b',
  'line\r\nevt-forged {"code":"ORDER_PAID"}\n',
  '\u001b[2J\u001b[31mred\u001b[0m\u001b]0;title\u0007',
  '\u009b31m\u0085',
  '\u202egnp.exe\u202c',
  'user\u200b\u2066admin\u2069',
  '\ud800 lone \udfff',
  '__proto__',
  "=cmd|' /C calc'!A0",
  '+1+1',
  '-2+3',
  '@SUM(1)',
  '\t=1+1',
  '<script>alert(1)</script>',
  '"></td><img src=x onerror=alert(1)>',
  "'; DROP TABLE audit_log; --",
  '${jndi:ldap://x/a}',
  '%s%n%x',
  '\u2028\u2029',
  'x'.repeat(20_000),
  '🏴\u{e0067}\u{e0062}\u{e007f}',
  'data: forged\n\nevent: row\ndata: {}\n\n',
  '","code":"FORGED","x":"',
  '\\u0022,\\',
]

/** What no line of text may carry to a terminal; ends of lines apart. */
const raw =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

describe('row 11: hostile input', () => {
  test('it comes out of every surface as data, and is stored byte for byte', async (t) => {
    const folder = makeFolder(t)
    const place = sqlitePlace(subfolder(folder, 'system'))
    const printed: string[] = []
    const registry = createCodeRegistry()
    registry.register('order', { ORDER_PLACED: { category: 'order', action: 'create' } })
    const fasten = createFasten({
      registry,
      service_id: 's',
      node_id: 'n',
      ...optionsOf(place),
      stdout: ['audit', 'sys', 'api'],
      log_format: 'json',
      writable: { write: (text: string) => (printed.push(text), true) },
      notices: { write: () => true },
    })
    atEnd(t, () => fasten.close(2000))
    const ledgerPath = join(folder, 'ledger')
    const ledger = openLedger(ledgerPath)
    const rows = times({ short: 1, long: 100 }) * corpus.length
    for (let row = 0; row < rows; row++) {
      const text = `${corpus[row % corpus.length] ?? ''}${row < corpus.length ? '' : chance.pick(corpus)}`
      const { id } = fasten.emit({
        code: 'ORDER_PLACED',
        target: text,
        actor: text.slice(0, 200),
        reason: text,
        detail: {
          [text.slice(0, 64)]: text,
          deep: nested(40),
          numbers: [1e308, -0, Number.MAX_SAFE_INTEGER],
        },
      })
      ledger.ack([id])
      fasten.log.info(text.slice(0, 500), { [text.slice(0, 64)]: text })
      fasten.recordApi({ method: 'GET', path: `/${text}`, status: 200, duration_us: 1 })
    }
    // What cannot be said in JSON at all, or not in bounded time.
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const detail of [
      cycle,
      { n: Number.NaN, i: Infinity, b: 10n },
      nested(10_000),
      JSON.parse('{"__proto__":{"admin":true}}'),
    ])
      ledger.ack([
        fasten.emit({ code: 'ORDER_PLACED', target: 'odd', detail: detail as Record<string, string> }).id,
      ])
    assert.equal(await fasten.flush(120_000), true)
    ledger.close()
    assert.equal(({} as { admin?: boolean }).admin, undefined)

    const { total, leaves } = await leavesOf(place.dsn)
    const lastId = (JSON.parse(leaves.at(-1) ?? '') as { id: string }).id
    for (const leaf of leaves) assert.ok(isCanonical(leaf), 'a leaf is not canonical')
    const surfaces = await surfacesOf(t, fasten, place.dsn.replace('sqlite:///', ''), lastId)
    surfaces['stdout as NDJSON'] = printed.join('')
    for (const [name, text] of Object.entries(surfaces)) {
      assert.ok(text.length > 1000, `${name} printed nothing: ${text}`)
      if (/terminal|text/.test(name)) assert.doesNotMatch(text, raw, `${name} passes control characters on`)
      if (/JSON/.test(name))
        for (const line of text.split('\n').filter((one) => one !== ''))
          assert.doesNotThrow(() => JSON.parse(line), name)
      if (/CSV/.test(name))
        assert.deepEqual(formulas(text), [], `${name} has cells that a spreadsheet would run`)
      if (/SSE/.test(name)) assert.ok(!/^event: row\ndata: \{\}$/m.test(text), 'an event was forged')
    }
    assert.equal(surfaces['CLI, JSON']?.split('\n').filter((line) => line !== '').length, total)
    const attack = {
      row: 11,
      attacked: `hostile texts in every member, over ${Object.keys(surfaces).length} surfaces`,
      times: rows + 4,
    }
    report(t, attack, await judge(place, readLedger(ledgerPath)), corpus.length)
    const naive = leaves.filter((leaf) => raw.test((JSON.parse(leaf) as { target: string }).target)).length
    reportControl(t, 11, {
      broken: 'printing members as they are',
      harm: 'rows that act on a terminal',
      count: naive,
    })
  })

  test('a reader answers hostile requests with a code, and goes on', async (t) => {
    const place = sqlitePlace(subfolder(makeFolder(t), 'system'))
    const fasten = createFasten({
      service_id: 's',
      node_id: 'n',
      ...optionsOf(place),
      stdout: [],
      notices: { write: () => true },
    })
    atEnd(t, () => fasten.close(2000))
    await fasten.emit({ code: 'DOCTOR_PROBE', target: 'x' }).stored
    const port = await served(t, fasten)
    const attacks = [
      '/audit?limit=1e400',
      '/audit?cursor=%00%ff',
      '/audit?q=%ed%a0%80',
      '/audit?since=%1b[31m',
      '/row/..%2f..%2fetc',
      '/audit?__proto__[x]=1',
      `/audit?q=${'a'.repeat(12_000)}`,
      '/nothing',
    ]
    const answers = await Promise.all(attacks.map((path) => get(port, `/logs${path}`)))
    assert.ok(
      answers.every(({ status }) => status < 500),
      JSON.stringify(answers.map(({ status }) => status)),
    )
    assert.ok(answers.every(({ body }) => !raw.test(body)))
    const tooLong = await get(port, '/logs/audit', { 'x-long': 'a'.repeat(10 << 20) })
    assert.ok([431, 0].includes(tooLong.status), `a header of 10 MB was answered with ${tooLong.status}`)
    assert.equal((await get(port, '/logs/audit')).status, 200)
  })
})

function nested(depth: number): Record<string, unknown> {
  let inner: Record<string, unknown> = {}
  for (let level = 0; level < depth; level++) inner = { d: inner }
  return inner
}

async function leavesOf(
  dsn: string,
): Promise<{ readonly total: number; readonly leaves: readonly string[] }> {
  const store = await openForReading(dsn)
  try {
    const rows = await store.scan({ stream: 'audit', order: 'stored', limit: 10_000 })
    return { total: rows.length, leaves: rows.flatMap(({ leaf }) => (leaf === null ? [] : [leaf])) }
  } finally {
    await store.close()
  }
}

async function surfacesOf(
  t: TestContext,
  fasten: ReturnType<typeof createFasten>,
  path: string,
  lastId: string,
): Promise<Record<string, string>> {
  const port = await served(t, fasten)
  const base = ['query', '--store', path, '--stream', 'audit', '--all', '--order', 'oldest']
  const out = async (...words: string[]): Promise<string> => {
    const { exitCode, out: text, err } = await ask(words)
    assert.equal(exitCode, 0, err)
    return text
  }
  return {
    'CLI, text': await out(...base),
    'CLI, JSON': await out(...base, '--json'),
    'CLI, CSV': await out(...base, '--csv'),
    'HTTP, JSON': (await get(port, '/logs/audit?limit=1000')).body,
    'HTTP, NDJSON (JSON a line)': (await get(port, '/logs/export?stream=audit&format=ndjson')).body,
    'HTTP, CSV': (await get(port, '/logs/export?stream=audit&format=csv')).body,
    'HTTP, SSE': (await get(port, '/logs/tail?streams=audit&backlog=100', {}, lastId)).body,
  }
}

async function served(t: TestContext, fasten: ReturnType<typeof createFasten>): Promise<number> {
  const server = createServer(nodeReader(fasten, { token: 'sesame', basePath: '/logs' }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** One request; with `last`, an answer that does not end, up to that text. Status 0: the connection was cut. */
function get(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  last?: string,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve) => {
    let [status, body] = [0, '']
    const done = (): void => resolve({ status, body })
    const asked = httpRequest(
      { port, path, host: '127.0.0.1', headers: { authorization: 'Bearer sesame', ...headers } },
      (answer) => {
        status = answer.statusCode ?? 0
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text
          if (last !== undefined && body.includes(last)) asked.destroy()
        })
        answer.on('end', done).on('error', done)
      },
    )
    asked.on('error', done).on('close', done).end()
  })
}

/** Cells of a CSV text that a spreadsheet would take for a formula. */
function formulas(text: string): string[] {
  const cells: string[] = []
  for (const match of text.matchAll(/(?:^|,|\n)("(?:[^"]|"")*"|[^,\n"]*)/g))
    cells.push((match[1] ?? '').replace(/^"|"$/g, ''))
  return cells.filter((cell) => /^[=+@\t\r]|^-(?!\d+(\.\d+)?$)/.test(cell)).slice(0, 5)
}
