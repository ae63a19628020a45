// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Verdict } from '../core/verdict.ts'
import { nodeReader } from '../reader/adapters/node.ts'
import { readerOf } from '../reader/fixtures/opened.ts'
import { createShell, type Shell } from '../reader/fixtures/sql-shell.ts'
import { fillTrail, logOf } from '../reader/fixtures/trail.ts'
import { openForReading } from '../store/open.ts'
import { temporaryFolder } from './fixtures/shop.ts'
import { fastenCli } from './fixtures/spawn.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

/** A trail of 60 rows, and a way to copies of it that somebody with a SQL shell has been at. */
async function trail(
  t: TestContext,
): Promise<{ path: string; tampered(work: (shell: Shell) => void): string }> {
  const folder = temporaryFolder(t)
  const path = join(folder, 'trail.db')
  await fillTrail(path, 60)
  let copies = 0
  return {
    path,
    tampered(work) {
      const copy = join(folder, `tampered-${copies++}.db`)
      copyFileSync(path, copy)
      const database = openBeside(copy)
      work(createShell(database))
      database.close()
      return copy
    },
  }
}

/** Gives every row of the log, from `from` on, another actor, and links, hashes and head that fit. */
function rewriteHistory(shell: Shell, from: number): void {
  const { audit } = shell.sizes
  let prev_hash = shell.rewrite('audit', from, { actor: 'mallory' })
  for (let seq = from + 1; seq < audit; seq++)
    prev_hash = shell.rewrite('audit', seq, { actor: 'mallory', prev_hash })
  shell.head('audit', 'head_hash', prev_hash)
}

test('the command says where a trail was tampered with, by exit code, kind and index', async (t) => {
  const { path, tampered } = await trail(t)
  const cases: readonly (readonly [string, number, RegExp])[] = [
    [path, 0, /^✓ PASS 63 rows checked in 3 logs, 0 bad, 0 missing/m],
    [
      tampered(({ set, cell }) =>
        set('sys', 4, 'leaf', String(cell('sys', 4, 'leaf')).replace('info', 'warn')),
      ),
      3,
      /first break +#4 +hash_mismatch/,
    ],
    [
      tampered(({ rewrite }) => rewrite('api', 7, { status: 500 })),
      3,
      /first break +#8 +link_mismatch.*\n(.*\n)*✗ FAIL 63 rows checked in 3 logs, 1 bad, 0 missing/,
    ],
    [tampered(({ set }) => set('audit', 9, 'actor', 'mallory')), 3, /first break +#9 +column_mismatch/],
    [tampered(({ remove }) => remove('audit', 3, 6)), 3, /first break +#3\.\.#6 +rows_missing/],
    [tampered(({ remove }) => remove('audit', 20, 99)), 3, /first break +#20\.\.#24 +rows_missing/],
    [tampered(({ copy }) => copy('audit', 5, -1)), 3, /first break +#-1 +place_mismatch/],
    [tampered(({ head }) => head('audit', 'size', 11)), 3, /first break +#11\.\.#24 +beyond_head/],
    [tampered(({ sql }) => sql('DROP TABLE api_log')), 3, /first break +#0\.\.#24 +rows_missing/],
    [tampered(({ sql }) => sql('DELETE FROM fasten_logs')), 3, /unknown-log\/audit_log\/1/],
    [
      tampered(({ sql }) => {
        for (const table of ['audit_log', 'sys_log', 'api_log', 'fasten_logs']) sql(`DELETE FROM ${table}`)
      }),
      4,
      /the store holds no log in this range/,
    ],
    [
      tampered(({ sql }) => {
        sql('DELETE FROM audit_log')
        sql(`DELETE FROM fasten_logs WHERE log = '${logOf('audit')}'`)
      }),
      0,
      /note +24 of 60 rows that boot [0-9a-f]{16} emitted are not in this store: refused, in quarantine, in a spool, or/,
    ],
  ]
  const said = await Promise.all(cases.map(([file]) => fastenCli(['verify', file])))
  for (const [index, [, exitCode, words]] of cases.entries()) {
    const ran = said[index] ?? assert.fail('every case was run')
    assert.match(ran.out, words)
    assert.deepEqual([ran.exitCode, ran.err], [exitCode, ''], ran.out)
  }
})

test('a history rewritten as a whole passes with a note, and fails against a citation from before', async (t) => {
  const { path, tampered } = await trail(t)
  const database = openBeside(path)
  const hash = createShell(database).hash('audit', 12)
  database.close()
  const rewritten = tampered((shell) => rewriteHistory(shell, 10))
  const [blind, cited, innocent] = await Promise.all([
    fastenCli(['verify', rewritten]),
    fastenCli(['verify', rewritten, '--expect', `audit#12:${hash.slice(0, 8)}`]),
    fastenCli(['verify', path, '--expect', `audit#12:${hash.slice(0, 8)}`]),
  ])
  assert.equal(blind.exitCode, 0)
  assert.match(
    blind.out,
    /note +no signed checkpoint covers these rows: somebody who can write the whole store could/,
  )
  assert.equal(cited.exitCode, 3)
  assert.match(cited.out, /✗ audit#12:[0-9a-f]{8} {2}was expected; the stored row has [0-9a-f]{16}/)
  assert.equal(innocent.exitCode, 0)
})

test('a verdict over HTTP says what one over the file says, rows that are not here included', async (t) => {
  const { tampered } = await trail(t)
  const path = tampered(({ sql, remove, head, hash }) => {
    head('sys', 'head_hash', hash('sys', 9))
    head('sys', 'size', 10)
    remove('sys', 10, 99)
    sql("UPDATE api_log SET path = '/elsewhere' WHERE monotonic_seq = 3")
  })
  const store = await openForReading(path)
  const reader = readerOf({ streams: { audit: store, sys: store, api: store } })
  const server = createServer(nodeReader(reader, { token: 'sesame', basePath: '/logs' })).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await reader.close()
    await store.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/logs`
  const [direct, remote] = await Promise.all([
    fastenCli(['verify', path, '--json']),
    fastenCli(['verify', '--url', url, '--token', 'sesame', '--json']),
  ])
  assert.deepEqual([direct.exitCode, remote.exitCode], [3, 3])
  assert.deepEqual(JSON.parse(remote.out), JSON.parse(direct.out))
  const { emission, notes } = JSON.parse(remote.out) as Verdict
  assert.deepEqual(
    [emission?.rows_emitted, emission?.rows_missing, emission?.gaps[0]?.stretches[0]],
    [60, 3, { from_boot_seq: 47, to_boot_seq: 47 }],
  )
  assert.match(
    notes[0] ?? '',
    /^3 of 60 rows .* are not in this store: deleted, damaged, refused, in quarantine/,
  )
})
