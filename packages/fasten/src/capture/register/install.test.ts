// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runNode } from './fixtures/run.ts'
import { isNoApplication } from './no-application.ts'

const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))

/** A project that has fasten among its packages. */
function project(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fasten-install-')))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(packageFolder, join(folder, 'node_modules/fasten'), 'junction')
  for (const [name, text] of Object.entries({ 'package.json': '{"name":"app"}', ...files }))
    writeFileSync(join(folder, name), text)
  return folder
}

const env = { PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter), NO_COLOR: '1' }
const byName = '--conditions=fasten-source --import fasten/register'
const saysWhether = "console.log(process.argv[2], Symbol.for('fasten.register') in globalThis)"

test('without a place for rows it warns, leaves nothing behind, and is there when the application starts fasten itself', async (t) => {
  const folder = project(t, {
    'app.mjs': `import { createServer } from 'node:http'
import { existsSync } from 'node:fs'
import fasten from 'fasten'
const server = createServer((request, response) => {
  fasten.log.info('asked')
  response.end(String(existsSync('rows.db')))
}).listen(0, '127.0.0.1', async () => {
  const ask = async (id) => {
    const answer = await fetch('http://127.0.0.1:' + server.address().port, { headers: { 'x-request-id': id } })
    return [answer.headers.get('x-request-id'), await answer.text()].join()
  }
  console.log(await ask('one'))
  fasten.init({ audit_dsn: 'sqlite:///./rows.db', service_id: 'app', stdout: ['sys', 'api'] })
  console.log((await ask('two')).slice(0, 3))
  server.close()
})`,
  })
  const { stdout, stderr, status } = await runNode([...byName.split(' '), join(folder, 'app.mjs')], {
    cwd: folder,
    env,
  })
  assert.equal(status, 0, stderr)
  const warned = stderr.split('\n').filter((line) => line.includes('FASTEN_NO_STORE'))
  assert.equal(warned.length, 1, stderr)
  assert.match(warned[0] ?? '', /FASTEN_AUDIT_DSN is not set/)
  const [first, ...rest] = stdout.trim().split('\n')
  assert.equal(first, 'one,false')
  const rows = rest
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { request_id: string })
  assert.deepEqual(
    rows.map(({ request_id }) => request_id).filter((id) => !id.startsWith('lib-')),
    // What was logged before it was started is kept for it.
    ['one', 'two', 'two'],
  )
  assert.ok(rest.includes('two'))
})

test('children find it wherever they run, and in whatever way they inherit it', async (t) => {
  const folder = project(t, {
    'child.cjs': saysWhether,
    'app.cjs': `const { execFileSync, fork } = require('node:child_process')
const { once } = require('node:events')
const { Worker } = require('node:worker_threads')
async function start() {
  const isTold = process.execArgv.length > 0
  if (isTold) await once(new Worker(__dirname + '/child.cjs', { argv: ['thread'] }), 'exit')
  process.chdir(process.argv[2])
  if (isTold) await once(fork(__dirname + '/child.cjs', ['fork']), 'exit')
  process.stdout.write(execFileSync(process.execPath, [__dirname + '/child.cjs', 'spawn']))
}
start()`,
  })
  const away = realpathSync(mkdtempSync(join(tmpdir(), 'fasten away-')))
  t.after(() => rmSync(away, { recursive: true }))
  const run = async (flags: readonly string[], more: Readonly<Record<string, string>>): Promise<string[]> => {
    const { stdout, stderr, status } = await runNode([...flags, join(folder, 'app.cjs'), away], {
      cwd: folder,
      env: { ...env, ...more },
    })
    assert.equal(status, 0, stderr)
    return stdout.trim().split('\n')
  }
  // What a parent was told on its command line, only its forks and threads are told.
  assert.deepEqual(await run(byName.split(' '), {}), ['thread true', 'fork true', 'spawn false'])
  const NODE_OPTIONS = '--conditions=fasten-source --import="fasten/register" --max-http-header-size=9000'
  assert.deepEqual(await run([], { NODE_OPTIONS }), ['spawn true'])
})

test('npm is left alone, what its scripts run is not', { timeout: 120_000 }, (t) => {
  const scripts = { nothing: 'echo done', app: 'node app.cjs app' }
  const folder = project(t, {
    'package.json': JSON.stringify({ name: 'app', scripts }),
    'app.cjs': saysWhether,
  })
  if (spawnSync('npm --version', { shell: true, env }).status !== 0)
    return t.skip('not run: npm is not installed')
  const npm = (script: string): { readonly stdout: string; readonly warnings: number } => {
    const { stdout, stderr, status } = spawnSync(`npm run --silent ${script}`, {
      cwd: folder,
      env: { ...env, NODE_OPTIONS: byName, HOME: folder, npm_config_update_notifier: 'false' },
      encoding: 'utf8',
      shell: true,
    })
    assert.equal(status, 0, stderr)
    return { stdout: stdout.trim(), warnings: stderr.split('FASTEN_NO_STORE').length - 1 }
  }
  // Whoever is instrumented says here that no rows are kept.
  assert.deepEqual(npm('nothing'), { stdout: 'done', warnings: 0 })
  assert.deepEqual(npm('app'), { stdout: 'app true', warnings: 1 })
})

test('package managers are known by their place, and an application that is called like one is not', () => {
  const managers = [
    '/usr/lib/node_modules/npm/bin/npm-cli.js',
    '/usr/lib/node_modules/npm/bin/npx-cli.js',
    '/usr/share/nodejs/npm/bin/npm-cli.js',
    '/usr/local/lib/node_modules/corepack/dist/pnpm.js',
    '/usr/lib/node_modules/pnpm/bin/pnpm.cjs',
    '/usr/lib/node_modules/yarn/bin/yarn.js',
    '/app/.yarn/releases/yarn-4.9.1.cjs',
    '/home/me/.cache/node/corepack/v1/yarn/4.9.1/yarn.js',
    '/home/me/.cache/node/corepack/v1/pnpm/10.2.0/bin/pnpm.cjs',
    '/opt/yarn-v1.22.22/bin/yarn.js',
    String.raw`C:\Program Files\nodejs\node_modules\npm\bin\npm-cli.js`,
    '/app/node_modules/fasten/dist/cli/main.js',
    '/app/node_modules/fasten/dist/store/drain-worker.js',
  ]
  const applications = [
    '',
    '/app/npm.js',
    '/app/yarn.js',
    '/app/fasten.mjs',
    '/app/bin/pnpm.cjs',
    '/app/node_modules/npm-run-all/bin/run-p.js',
    '/app/drain-worker.js',
  ]
  assert.deepEqual(
    managers.filter((file) => !isNoApplication(file)),
    [],
  )
  assert.deepEqual(
    applications.filter((file) => isNoApplication(file)),
    [],
  )
})
