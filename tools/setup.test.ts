// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ensureDependencies, fingerprint, packageFolders, remedyFor } from './setup/dependencies.mjs'
import { withLock } from './setup/lock.mjs'
import { startProgress } from './setup/progress.mjs'
import { root } from './setup/root.mjs'
import { rightNode } from './setup/runtime.mjs'
import { SetupFailure } from './setup/setup-failure.mjs'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-setup-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('lock', () => {
  test('processes take turns', async () => {
    const trace = join(folder, 'trace')
    const program = `
      import { appendFileSync } from 'node:fs'
      import { setTimeout } from 'node:timers/promises'
      import { withLock } from ${JSON.stringify(join(root, 'tools/setup/lock.mjs'))}
      for (let round = 0; round < 5; round++)
        await withLock(${JSON.stringify(join(folder, 'lock'))}, { pollMs: 1 }, async () => {
          appendFileSync(${JSON.stringify(trace)}, 'in\\n')
          await setTimeout(2)
          appendFileSync(${JSON.stringify(trace)}, 'out\\n')
        })`
    const ends = Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      return new Promise((resolve) => child.on('close', resolve))
    })
    assert.deepEqual(await Promise.all(ends), [0, 0, 0, 0])
    assert.equal(readFileSync(trace, 'utf8'), 'in\nout\n'.repeat(20))
    assert.ok(!existsSync(join(folder, 'lock')), 'nothing is left behind')
  })

  test('a lock of a process that died is taken over', async () => {
    const dead = spawnSync(process.execPath, ['--eval', 'console.log(process.pid)'], {
      encoding: 'utf8',
    }).stdout.trim()
    mkdirSync(join(folder, 'lock'))
    writeFileSync(join(folder, 'lock/pid'), dead)
    assert.equal(await withLock(join(folder, 'lock'), {}, async () => 'taken'), 'taken')
  })

  test('a lock is released when the work fails', async () => {
    await assert.rejects(
      withLock(join(folder, 'lock'), {}, () => Promise.reject(new TypeError('work failed'))),
      /work failed/,
    )
    assert.ok(!existsSync(join(folder, 'lock')))
  })
})

describe('dependencies', () => {
  const writeRepository = (): void => {
    mkdirSync(join(folder, 'packages/one'), { recursive: true })
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'r', workspaces: ['packages/*', 'missing'], scripts: {} }),
    )
    writeFileSync(
      join(folder, 'packages/one/package.json'),
      JSON.stringify({ name: 'one', dependencies: {} }),
    )
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({
        name: 'r',
        lockfileVersion: 3,
        packages: { '': { name: 'r', workspaces: ['packages/*', 'missing'] } },
      }),
    )
  }
  const edit = (path: string, members: object): void => {
    const manifest = JSON.parse(readFileSync(join(folder, path), 'utf8')) as object
    writeFileSync(join(folder, path), JSON.stringify({ ...manifest, ...members }))
  }

  test('the fingerprint follows what npm resolves and nothing else', () => {
    writeRepository()
    assert.deepEqual(packageFolders(folder), ['.', 'packages/one'])
    const before = fingerprint(folder)
    edit('package.json', { scripts: { start: 'x' }, description: 'x' })
    assert.equal(fingerprint(folder), before, 'a script is no dependency')
    edit('packages/one/package.json', { dependencies: { a: '1.0.0' } })
    const after = fingerprint(folder)
    assert.notEqual(after, before, "a workspace's dependency is one")
    edit('package-lock.json', { version: '2' })
    assert.notEqual(fingerprint(folder), after, 'so is the lockfile')
  })

  test('a tree that npm made from the same lockfile is adopted without running npm', async () => {
    writeRepository()
    edit('package-lock.json', {
      packages: {
        '': { name: 'r', workspaces: ['packages/*', 'missing'] },
        'packages/one': { name: 'one', dependencies: {} },
        'node_modules/a': { version: '1.0.0' },
        'node_modules/other-platform': { version: '1.0.0', optional: true },
      },
    })
    mkdirSync(join(folder, 'node_modules'))
    writeFileSync(
      join(folder, 'node_modules/.package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/a': { version: '1.0.0' } } }),
    )
    await ensureDependencies(folder)
    assert.equal(readFileSync(join(folder, 'node_modules/.fasten-stamp'), 'utf8').trim(), fingerprint(folder))
  })

  test('what npm says becomes a remedy', () => {
    const cases = {
      'npm error code ENOTFOUND': /first run needs a network/,
      'npm error code ENOTCACHED': /first run needs a network/,
      'npm error code EUSAGE … in sync': /npm install/,
      'npm error ENOSPC': /disk is full/,
      'npm error EACCES': /cannot be written/,
      'npm error EINTEGRITY': /differs from package-lock/,
    }
    for (const [said, remedy] of Object.entries(cases)) assert.match(remedyFor(said), remedy)
  })
})

describe('the right Node.js', () => {
  const fakeNode = (path: string, version: string): string => {
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, `#!/bin/sh\necho v${version}\n`)
    chmodSync(path, 0o755)
    return path
  }
  const old = { running: '20.20.2', runningPath: '/somewhere/node', chosen: undefined }

  test('is the running one when it is new enough', () =>
    assert.equal(rightNode(folder, { ...old, running: '26.1.0' }), '/somewhere/node'))

  test('is the one that npm brought when the running one is old', () => {
    const brought = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin/node')
    fakeNode(brought, '24.21.0')
    assert.equal(rightNode(folder, old), brought)
  })

  test('is the chosen one before all others, unless it is too old', () => {
    const chosen = fakeNode(join(folder, 'mine'), '25.0.0')
    assert.equal(rightNode(folder, { ...old, running: '26.1.0', chosen }), chosen)
    fakeNode(chosen, '18.0.0')
    assert.throws(() => rightNode(folder, { ...old, chosen }), new RegExp('FASTEN_DEV_NODE .* is Node.js 18'))
    assert.throws(() => rightNode(folder, { ...old, chosen: join(folder, 'nowhere') }), /does not run/)
  })

  test('is asked for in words when there is none', () =>
    assert.throws(
      () => rightNode(folder, old),
      (error) => error instanceof SetupFailure && /install Node\.js 24/.test(error.toText()),
    ))
})

describe('progress', () => {
  test('on a pipe it is plain lines', () => {
    const written: string[] = []
    const progress = startProgress('building', { write: (text) => written.push(text) })
    progress.update('2 of 3')
    progress.done()
    assert.match(written.join(''), /^building…\nbuilding: done, 2 of 3 \(\d+\.\d s\)\n$/)
  })
})

test('without a job it lists them, with a wrong one it fails', () => {
  const asked = spawnSync(process.execPath, [join(root, 'tools/run.mjs')], { encoding: 'utf8' })
  assert.equal(asked.status, 0)
  const scripts = (
    JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  ).scripts
  for (const [name, script] of Object.entries(scripts)) {
    assert.equal(script, `node tools/run.mjs ${name}`)
    assert.match(asked.stderr, new RegExp(`^ {2}${name} `, 'm'))
  }
  assert.equal(spawnSync(process.execPath, [join(root, 'tools/run.mjs'), 'strat']).status, 2)
})

test('setup speaks JavaScript that Node.js 20 understands', () => {
  // Newer syntax and newer built-ins would fail on the very machine that setup is for.
  const newer =
    /\busing\s+\w+\s*=|\bwith\s*\{\s*type:|globSync|Promise\.withResolvers|process\.loadEnvFile|import\.meta\.dirname|import\.meta\.main/
  for (const file of ['root', 'progress', 'lock', 'dependencies', 'setup-failure', 'runtime', 'built'])
    assert.doesNotMatch(readFileSync(join(root, 'tools/setup', `${file}.mjs`), 'utf8'), newer, file)
})

test('every package that is installed is locked by its hash', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { link?: true; inBundle?: true; integrity?: string }>
  }
  const unlocked = Object.entries(packages).filter(
    ([path, { link, inBundle, integrity }]) =>
      path.includes('node_modules/') && link !== true && inBundle !== true && integrity === undefined,
  )
  assert.deepEqual(
    unlocked.map(([path]) => path),
    [],
  )
})
