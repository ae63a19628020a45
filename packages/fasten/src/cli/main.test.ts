// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { rowsOf } from './fixtures/ask.ts'
import { openShop, temporaryFolder } from './fixtures/shop.ts'
import { cleanEnv, fastenCli, mainPath, printed, shell, start } from './fixtures/spawn.ts'

// Every test here runs the real command as a process of its own: pipes, signals, environment and exit codes.

test('tail follows the store, and Ctrl-C is a good end', async (t) => {
  const shop = openShop(t)
  shop.refund('req-before')
  await shop.stored()
  const child = start(['tail', shop.path, '--stream', 'audit', '--json'])
  t.after(() => child.kill('SIGKILL'))
  const seen = printed(child, (text) => text.split('\n').length > 5)
  child.stdout.once('data', () => shop.refund('req-after'))
  const rows = rowsOf(await seen)
  const ids = rows.map((row) => row.request_id).filter((id) => id.startsWith('req-'))
  assert.deepEqual(ids, ['req-before', 'req-before', 'req-after', 'req-after'])
  child.kill('SIGINT')
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 0)
})

test('tail lives through a store that goes away, says so once, and loses and doubles nothing', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  await shop.fasten.close()
  const child = start(['tail', shop.path, '--code', 'ORDER_REFUNDED', '--json'])
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const seen = printed(child, (text) => text.includes('req-2'))
  await once(child.stdout, 'data')
  renameSync(shop.path, `${shop.path}.away`)
  while (!said.includes('waiting for it to come back')) await once(child.stderr, 'data')
  renameSync(`${shop.path}.away`, shop.path)
  const again = openShop(t, shop.folder)
  again.refund('req-2')
  await again.stored()
  assert.deepEqual(
    rowsOf(await seen).map((row) => row.request_id),
    ['req-1', 'req-2'],
  )
  assert.equal(said.split('waiting for it to come back').length, 2)
  await again.fasten.close()
})

test('an interrupted command that is no tail exits 130', async (t) => {
  const shop = openShop(t)
  for (let index = 0; index < 3000; index++) shop.refund(`req-${index}`)
  await shop.stored()
  const child = start(['query', '--all', '--json', '-s', shop.path])
  // Nobody reads, so the pipe fills up and the command waits.
  await once(child.stdout, 'readable')
  child.kill('SIGTERM')
  child.stdout.resume()
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 130)
})

test('a pipe whose reader has seen enough ends every command quietly', async (t) => {
  const shop = openShop(t)
  for (let index = 0; index < 400; index++) shop.refund(`req-${index}`)
  await shop.stored()
  const commandLines = [
    'query --all',
    'query --all --csv --stream audit',
    'tail -n 100 --json',
    'verify',
    'query --help',
  ]
  await Promise.all(
    commandLines.map(async (words) => {
      const at = words.endsWith('--help') ? '' : `-s '${shop.path}'`
      const { out, err } = await shell(`fasten ${words} ${at} | head -n 1; echo "\${PIPESTATUS[0]}"`)
      const [first, code] = out.trimEnd().split('\n')
      assert.ok(first !== undefined && first.length > 0, words)
      assert.equal(code, '0', `${words}: ${err}`)
      assert.equal(err, '', words)
    }),
  )
})

test('a reader that leaves does not turn a FAIL into a success', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  const { out } = await shell(
    `fasten verify --expect audit#1:00000000 -s '${shop.path}' | true; echo "\${PIPESTATUS[0]}"`,
  )
  assert.equal(out, '3\n')
})

test('one line and exit code 5 where there is nothing to ask, and never a password', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'notes.txt'), 'not a database, but long enough to look at\n'.repeat(20))
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['query'], /^STORE_MISSING: there is no database file "[^"]*fasten\.db"/],
    [['tail', './nope.db'], /^STORE_MISSING: /],
    [['verify', 'notes.txt'], /^STORE_\w+: the file is not a SQLite database/],
    [
      ['thread', 'x', '--url', 'http://127.0.0.1:9/logs'],
      /^READER_UNREACHABLE: http:\/\/127\.0\.0\.1:9\/logs cannot be reached/,
    ],
  ]
  await Promise.all(
    cases.map(async ([words, expected]) => {
      const { exitCode, out, err } = await fastenCli(words, { cwd: folder })
      assert.deepEqual([exitCode, out], [5, ''], err)
      assert.match(err, expected)
      assert.equal(err.trimEnd().split('\n').length, 1)
    }),
  )
  const refused = await fastenCli(['tail'], {
    cwd: folder,
    env: { FASTEN_AUDIT_DSN: 'mysql://root:hunter2@db/x' },
  })
  assert.equal(refused.exitCode, 2)
  assert.match(refused.err, /^DSN_SCHEME: .*\(FASTEN_AUDIT_DSN\)/)
  assert.doesNotMatch(refused.err, /hunter2/)
})

test('colours are for people: not in a pipe, not with NO_COLOR, always when asked for', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  const cases: readonly (readonly [string[], Record<string, string>, boolean])[] = [
    [[], {}, false],
    [['--color', 'always'], {}, true],
    [['--color=always'], { NO_COLOR: '1' }, true],
    [['--json', '--color', 'always'], {}, false],
  ]
  await Promise.all(
    cases.map(async ([words, env, isColoured]) => {
      const { out } = await fastenCli(['query', '-s', shop.path, ...words], { env })
      assert.equal(out.includes('\u001b['), isColoured, words.join(' '))
    }),
  )
})

test('a module may register codes, export them, or fail to load', async (t) => {
  const cwd = temporaryFolder(t)
  const fasten = new URL('../capture/index.ts', import.meta.url).href
  writeFileSync(
    join(cwd, 'app.mjs'),
    `import { register, defineCodes } from '${fasten}'\nregister('plant', { VALVE_OPENED: {} })\nexport const x = defineCodes('pay', { PAID: { severity: 'error' } })\n`,
  )
  writeFileSync(join(cwd, 'shop.codes.yaml'), 'domain: shop\ncodes: { ORDER_REFUNDED: {} }\n')
  const both = await shell('fasten dump *.codes.yaml --import ./app.mjs', { cwd })
  assert.deepEqual(both, {
    exitCode: 0,
    out: 'ORDER_REFUNDED,shop,info\nPAID,pay,error\nVALVE_OPENED,plant,info\n',
    err: '',
  })
  const lost = await fastenCli(['dump', '--import', './nope.mjs'], { cwd })
  assert.deepEqual([lost.exitCode, lost.out], [2, ''])
  assert.match(lost.err, /^IMPORT_FAILED: \.\/nope\.mjs cannot be imported: Cannot find module/)
})

test('an older Node.js is told which one it takes, and not the name of a module', async () => {
  // What Node.js 20 and 22.12 are like: no SQLite inside.
  const child = spawn(
    process.execPath,
    ['--no-experimental-sqlite', '--conditions=fasten-source', mainPath, 'verify', 'any.db'],
    { env: cleanEnv() },
  )
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = (await once(child, 'close')) as [number]
  assert.match(
    err,
    /^ENGINE_MISSING: this Node\.js \(v[\d.]+\) has no node:sqlite .*; run Node\.js 22\.14 or newer\n$/,
  )
  assert.equal(code, 5)
})

test('rows of the store in the api stream are shown as what they are, and not as accesses', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  const { out } = await fastenCli(['query', '--stream', 'api', '-s', shop.path])
  assert.match(out, /LOG_CREATED \(by fasten\) /)
  assert.doesNotMatch(out, /POST \/LOG_CREATED/)
})
