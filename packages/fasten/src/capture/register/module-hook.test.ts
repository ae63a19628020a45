// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { build } from 'esbuild'
import { runNode, type Ended } from './fixtures/run.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'fasten-modules-')))
after(() => rmSync(folder, { recursive: true, force: true }))

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const link = (path: string, target: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  symlinkSync(join(folder, target), join(folder, path), 'junction')
}

/** A package that is both kinds of module, in the folder given. */
function writeLib(root: string, version: string): void {
  const exports = {
    '.': { import: './lib.mjs', require: './lib.cjs' },
    './mjs-only': './only.mjs',
    './deep/*': './built/*.cjs',
  }
  write(`${root}/package.json`, JSON.stringify({ name: 'lib', version, exports }))
  const esm = (copy: string): string =>
    `export class Thing {}\nexport const copy = '${copy}'\nexport default Thing // no new line at the end`
  write(`${root}/lib.mjs`, esm(`${version} esm`))
  write(`${root}/only.mjs`, esm(`${version} only`))
  write(
    `${root}/lib.cjs`,
    `#!/usr/bin/env node\nmodule.exports = { Thing: class {}, copy: '${version} cjs' } // same`,
  )
  write(`${root}/built/part.cjs`, `exports.Thing = class {}\nexports.copy = '${version} part'`)
}

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  runNode(args, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', TELLS: 'yes', NO_COLOR: '1', ...env },
  })
const preload = [
  '--no-warnings',
  '--conditions=fasten-source',
  '--import',
  new URL('fixtures/tell-modules.ts', import.meta.url).href,
]

describe('modules are told of before anybody uses them', { timeout: 120_000 }, () => {
  // As pnpm lays packages out, beside another version in a package of its own, one under another name, one that is developed elsewhere.
  writeLib('node_modules/.pnpm/lib@1/node_modules/lib', '1')
  link('node_modules/lib', 'node_modules/.pnpm/lib@1/node_modules/lib')
  writeLib('node_modules/user/node_modules/lib', '2')
  write('node_modules/user/package.json', '{"name":"user","exports":"./user.cjs"}')
  write('node_modules/user/user.cjs', "exports.isMarked = new (require('lib').Thing)().isMarked")
  writeLib('node_modules/lib-three', '3')
  writeLib('elsewhere/lib', '4')
  link('node_modules/linked/node_modules/lib', 'elsewhere/lib')
  write('node_modules/linked/package.json', '{"name":"linked","exports":"./linked.mjs"}')
  write('node_modules/linked/linked.mjs', "export * from 'lib'")
  // ES module by its syntax alone, in the way of packages that never said so.
  write('node_modules/detected/package.json', '{"name":"detected","main":"main"}')
  write('node_modules/detected/main.js', "export class Thing {}\nexport const copy = 'x'")
  // Its name is in the way, its package is another.
  write('node_modules/other/package.json', '{"name":"other"}')
  write('node_modules/other/index.js', 'exports.Thing = 1')
  const uses = `console.log([${'Thing, ByDefault, whole.Thing, again.Thing, linked.Thing, three.Thing, part.Thing, only.Thing, part2.Thing'}].map((T) => new T().isMarked === true).join(), user.isMarked === true)`

  test('however they are asked for in an ES module', async () => {
    write(
      'app.mjs',
      `import ByDefault, { Thing } from 'lib'
import * as whole from 'lib'
import * as linked from 'linked'
import * as three from 'lib-three'
import * as part from 'lib/deep/part'
import user from 'user'
import other from 'other'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const again = require('lib')
const part2 = require('./node_modules/lib/built/part.cjs')
const only = await import(new URL('node_modules/lib/only.mjs', import.meta.url).href + '?v=2')
const detected = await import('detected')
${uses}
console.log(new detected.Thing().isMarked === true, other.Thing)`,
    )
    const { stdout, stderr, status } = await run([...preload, join(folder, 'app.mjs')])
    assert.deepEqual(
      [status, stdout.trim().split('\n')],
      [
        0,
        [
          `${Array(9).fill('true').join()} true`,
          'true 1',
          JSON.stringify([
            'detected x',
            'lib 1 cjs',
            'lib 1 esm',
            'lib 2 cjs',
            'lib 3 esm',
            'lib 4 esm',
            'lib/deep/part 1 part',
            'lib/mjs-only 1 only',
          ]),
        ],
      ],
      stderr,
    )
  })

  test('and in a CommonJS module, types and all', async () => {
    write(
      'app.cts',
      `const { Thing } = require('lib') as { Thing: new () => { isMarked?: true } }
const ByDefault = require('lib').Thing
const [whole, again, three] = [require('lib'), require(require.resolve('lib')), require('lib-three')]
const [part, part2, only, linked] = [require('lib/deep/part'), require('lib/deep/part'), require('lib/mjs-only'), require('linked')]
const user: { isMarked?: true } = require('user')
${uses}
// Nobody can be told of this one in time: Node.js finds out what it is when it is too late. It loads all the same.
console.log(typeof require('detected').Thing)`,
    )
    const { stdout, stderr, status } = await run([...preload, join(folder, 'app.cts')])
    assert.deepEqual(
      [status, stdout.trim().split('\n')],
      [
        0,
        [
          `${Array(9).fill('true').join()} true`,
          'function',
          JSON.stringify([
            'detected x',
            'lib 1 cjs',
            'lib 2 cjs',
            'lib 3 cjs',
            'lib 4 esm',
            'lib/deep/part 1 part',
            'lib/mjs-only 1 only',
          ]),
        ],
      ],
      stderr,
    )
  })

  test('also where something was required before', async () => {
    write('early.cjs', "globalThis.early = require('lib').Thing")
    write('late.cjs', 'console.log(new early().isMarked === true)')
    const { stdout, stderr } = await run([
      '--require',
      join(folder, 'early.cjs'),
      ...preload,
      join(folder, 'late.cjs'),
    ])
    assert.equal(stdout, 'true\n["lib 1 cjs"]\n', stderr)
  })

  test('and beside loaders of another kind, which run in a thread of their own', async () => {
    write('loader.mjs', 'export const load = (url, context, next) => next(url, context)')
    write(
      'with-loader.mjs',
      "import { register } from 'node:module'\nregister('./loader.mjs', import.meta.url)",
    )
    write(
      'short.mjs',
      "import { Thing } from 'lib'\nimport user from 'user'\nconsole.log(new Thing().isMarked === true, user.isMarked === true)",
    )
    const loader = ['--import', join(folder, 'with-loader.mjs')]
    for (const flags of [
      [...loader, ...preload],
      [...preload, ...loader],
    ]) {
      const { stdout, stderr } = await run([...flags, join(folder, 'short.mjs')])
      assert.equal(stdout, 'true true\n["lib 1 esm","lib 2 cjs"]\n', stderr)
    }
  })

  test('but not what a bundler copied into the application', async () => {
    write('short.mjs', "import { Thing } from 'lib'\nconsole.log(new Thing().isMarked === true)")
    for (const [packages, told] of [
      ['external', 'true\n["lib 1 esm"]\n'],
      ['bundle', 'false\n[]\n'],
    ] as const) {
      const outfile = join(folder, `${packages}.mjs`)
      const entryPoints = [join(folder, 'short.mjs')]
      await build({ entryPoints, outfile, bundle: true, packages, format: 'esm', platform: 'node' })
      const { stdout, stderr } = await run([...preload, outfile])
      assert.equal(stdout, told, stderr)
    }
  })

  test('what they throw names the lines it always did, through source maps too', async () => {
    const map = {
      version: 3,
      sources: ['src/thrower.ts'],
      names: [],
      mappings: 'AAAA;AACA;AASA',
      sourcesContent: ['x'],
    }
    const comment = `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`
    for (const [root, ending] of [
      ['throws/node_modules/lib', 'mjs'],
      ['throws/node_modules/detected', 'cjs'],
    ] as const) {
      const exported = ending === 'mjs' ? 'export { Thing, copy }' : 'module.exports = { Thing, copy }'
      write(
        `${root}/package.json`,
        JSON.stringify({ name: root.split('/').at(-1), exports: `./main.${ending}` }),
      )
      write(
        `${root}/main.${ending}`,
        `class Thing { fail() {\n\n throw new Error('no') } }; const copy = 'x'; ${exported}\n${comment}`,
      )
    }
    write(
      'throws/app.mjs',
      `import * as lib from 'lib'\nimport detected from 'detected'
for (const { Thing } of [lib, detected]) try { new Thing().fail() } catch (error) { console.log(error.stack) }`,
    )
    for (const flags of [[], ['--enable-source-maps']]) {
      const app = join(folder, 'throws/app.mjs')
      const [plain, hooked] = await Promise.all([
        run([...flags, app]),
        run([...flags, ...preload, app], { TELLS: 'no' }),
      ])
      assert.match(plain.stdout, flags.length === 0 ? /main\.mjs:3:8/ : /thrower\.ts/)
      assert.equal(hooked.stdout, plain.stdout, hooked.stderr)
    }
  })

  test('a Node.js that cannot tell of modules is refused by code', async () => {
    const older =
      "import module from 'node:module'; delete module.registerHooks; module.syncBuiltinESMExports()"
    const { status, stderr } = await run([
      '--import',
      `data:text/javascript,${encodeURIComponent(older)}`,
      ...preload,
      join(folder, 'early.cjs'),
    ])
    assert.equal(status, 1)
    assert.match(stderr, /code: 'REGISTER_UNSUPPORTED'/)
    assert.match(stderr, /22\.15/)
  })
})
