// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { homedir, tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { describe, test } from 'node:test'
import { root } from './setup/root.mjs'
import { blank } from './tidy/blank.ts'
import { importsOf } from './tidy/imports.ts'
import { longFiles } from './tidy/rule-spec.ts'
import { rules, tell, treeOf } from './tidy/rules.ts'
import { readTree } from './tidy/tree.ts'

describe('this repository', () => {
  const tree = readTree(root)
  for (const [sentence, rule] of Object.entries(rules({ folders: foldersHere(), hosts: registriesHere() })))
    test(sentence, () => {
      const findings = rule(tree)
      if (findings.length > 0) assert.fail(`\n${tell(findings)}`)
    })

  test('is read whole', (t) => {
    assert.ok(tree.has('tools/tidy.test.ts'), 'the tree holds this file')
    for (const note of longFiles(tree)) t.diagnostic(note)
  })
})

const machine = { folders: ['/home/somebody', '/build/checkout'], hosts: ['registry.example'] }
const spdx = '// SPDX-License-Identifier: Apache-2.0\n'
const src = 'packages/fasten/src'
const manifest = (doors: object): string =>
  JSON.stringify({ exports: doors, bin: { fasten: './dist/cli/main.js' } })
const door = (name: string): object => ({
  'fasten-source': `./src/${name}.ts`,
  types: `./dist/${name}.d.ts`,
  default: `./dist/${name}.js`,
})

/** For each rule: samples that it must refuse, with words of the remedy, and one tree that it must let pass. */
const samples: Readonly<
  Record<string, { bad: readonly [Record<string, string>, RegExp][]; good: Record<string, string> }>
> = {
  'imports point down the ladder': {
    bad: [
      [
        { [`${src}/core/a.ts`]: "import { b } from '../store/b.ts'", [`${src}/store/b.ts`]: '' },
        /core may not import store/,
      ],
      [
        { [`${src}/reader/a.ts`]: "import type { B } from '../capture/b.ts'", [`${src}/capture/b.ts`]: '' },
        /reader may not import capture/,
      ],
      [
        { [`${src}/capture/a.ts`]: "export { b } from '../reader/b.ts'", [`${src}/reader/b.ts`]: '' },
        /capture may not import reader/,
      ],
      [
        { [`${src}/store/a.ts`]: "const b = await import('../cli/b.ts')", [`${src}/cli/b.ts`]: '' },
        /store may not import cli/,
      ],
      [{ [`${src}/core/a.ts`]: "import { createHash } from 'node:crypto'" }, /runs in a browser/],
      [
        {
          'packages/fleet/src/database/a.ts': "import { b } from '../server/b.ts'",
          'packages/fleet/src/server/b.ts': '',
        },
        /database may not import server/,
      ],
      [
        {
          'packages/fleet/src/server/a.ts': "import { b } from '../../../fasten/src/core/b.ts'",
          [`${src}/core/b.ts`]: '',
        },
        /import from a door of the package/,
      ],
      [{ [`${src}/capture/a.ts`]: "import express from 'express'" }, /a dependency of every user/],
      [
        { [`${src}/core/a.ts`]: "import { b } from './b'", [`${src}/core/b.ts`]: '' },
        /write the path with its ending/,
      ],
      [
        { [`${src}/core/a.ts`]: "import { b } from './b.test.ts'", [`${src}/core/b.test.ts`]: '' },
        /move it out/,
      ],
      [
        {
          'examples/x/main.ts': "import { a } from '../../packages/fasten/src/core/a.ts'",
          [`${src}/core/a.ts`]: '',
        },
        /import from 'fasten'/,
      ],
    ],
    good: {
      [`${src}/core/a.ts`]: '',
      [`${src}/store/b.ts`]: "import { a } from '../core/a.ts'\nimport { open } from 'node:fs'",
      [`${src}/capture/c.ts`]: "import type { Request } from 'express'\nimport { b } from '../store/b.ts'",
      [`${src}/capture/d.ts`]:
        "import {\n  type Request,\n  type Response,\n} from 'express'\n// import { x } from '../reader/x.ts'",
      [`${src}/capture/c.test.ts`]: "import express from 'express'\nimport { r } from '../reader/r.ts'",
      [`${src}/reader/r.ts`]: "import { parse } from '#yaml'\nconst load = () => import('better-sqlite3')",
    },
  },
  'no file needs itself': {
    bad: [
      [
        {
          [`${src}/core/a.ts`]: "import { b } from './b.ts'",
          [`${src}/core/b.ts`]: "import { c } from './c.ts'",
          [`${src}/core/c.ts`]: "import { a } from './a.ts'",
        },
        /core\/a\.ts → core\/b\.ts → core\/c\.ts → core\/a\.ts/,
      ],
    ],
    good: {
      [`${src}/core/a.ts`]: "import { b } from './b.ts'",
      [`${src}/core/b.ts`]: "import type { A } from './a.ts'\nconst late = () => import('./a.ts')",
    },
  },
  'every file is reachable': {
    bad: [
      [
        { 'packages/fasten/package.json': manifest({}), [`${src}/core/a.ts`]: '' },
        /nothing imports this file/,
      ],
      [
        {
          'packages/fasten/package.json': manifest({}),
          [`${src}/core/a.ts`]: '',
          [`${src}/core/a.test.ts`]: "import './a.ts'",
        },
        /only tests use this file/,
      ],
      [{ 'tools/orphan.ts': '' }, /wire it into tools\/run\.mjs/],
    ],
    good: {
      'packages/fasten/package.json': manifest({ './core': door('core/index') }),
      [`${src}/core/index.ts`]: "export { a } from './a.ts'",
      [`${src}/core/a.ts`]: "new Worker(new URL('./w.ts', import.meta.url))",
      [`${src}/core/w.ts`]: '',
      [`${src}/cli/main.ts`]: "const command = () => import('./dump.ts')",
      [`${src}/cli/dump.ts`]: '',
      'tools/run.mjs': "import './step.mjs'",
      'tools/step.mjs': '',
      'package.json': '{"scripts":{"start":"node tools/run.mjs"}}',
    },
  },
  'time, chance, environment and output are handed in': {
    bad: [
      [{ [`${src}/core/a.ts`]: 'const now = Date.now()' }, /:1 `Date\.now\(`: time is handed in/],
      [{ [`${src}/store/a.ts`]: '\n\nconst now = new Date()' }, /a\.ts:3 .*time is handed in/],
      [{ [`${src}/core/a.ts`]: 'const x = Math.random()' }, /IdSource/],
      [{ [`${src}/capture/a.ts`]: 'const x = process.env.HOME' }, /only capture\/config\.ts/],
      [{ [`${src}/capture/a.ts`]: "const x = `${process.env['HOME']}`" }, /only capture\/config\.ts/],
      [{ [`${src}/core/a.ts`]: "throw new Error('no')" }, /FastenError/],
      [{ [`${src}/core/a.ts`]: "console.log('x')" }, /does not talk on its own/],
      [{ [`${src}/core/a.ts`]: 'const row = JSON.parse(leaf)' }, /take readJson/],
      [{ [`${src}/store/a.ts`]: 'const row = await response.json()' }, /take readJson/],
      [{ [`${src}/core/a.ts`]: 'const x = y as any' }, /say what is known/],
      [{ [`${src}/core/a.ts`]: 'function f(x: any) {}' }, /say what is known/],
      [{ [`${src}/core/a.ts`]: 'export default function f() {}' }, /give it a name/],
      [{ [`${src}/core/a.ts`]: 'try { f() } catch { }' }, /a swallowed error says why/],
      [{ [`${src}/core/a.ts`]: 'const h = createHash(x).update(JSON.stringify(y))' }, /canonical\(\)/],
    ],
    good: {
      [`${src}/core/a.ts`]:
        "// Date.now() is banned\nconst s = 'Math.random() and process.env'\nconst r = /console.log/\n" +
        'try { f() } catch {\n  // gone already\n}\nthrow new TypeError(s)\nthrow new FastenError(s, s)\nconst company = 1',
      [`${src}/store/platform.ts`]: 'export const clock = { nowMicros: () => Date.now() * 1000 }',
      [`${src}/capture/config.ts`]: 'const x = process.env',
      [`${src}/cli/main.ts`]: 'const x = process.env',
      [`${src}/capture/index.ts`]: 'export default fasten',
      [`${src}/core/read-json.ts`]: '// JSON.parse(text)\nconst value = JSON.parse(text)',
      [`${src}/core/a.test.ts`]: "throw new Error('in a test')",
      'tools/x.ts': "console.log(Date.now()); throw new Error('x')",
    },
  },
  'nothing is left half done': {
    bad: [
      [{ 'docs/a.md': ['one', 'TODO: write this'].join('\n') }, /a\.md:2 .*do it now/],
      [{ [`${src}/core/a.ts`]: '// FIXME later' }, /do it now/],
      [{ [`${src}/core/a.ts`]: 'debugger' }, /delete it/],
      [{ [`${src}/core/a.ts`]: '// @ts-ignore\nx' }, /mend the types/],
      [{ [`${src}/core/a.test.ts`]: "test.only('x', () => {})" }, /hides every other test/],
      [{ [`${src}/core/a.test.ts`]: "test('x', { only: true }, () => {})" }, /hides every other test/],
      [{ [`${src}/core/a.test.ts`]: "test.skip('x', () => {})" }, /say why/],
      [{ [`${src}/core/a.test.ts`]: "test('x', { skip: true }, () => {})" }, /say why/],
      [{ 'docs/a.md': `${'<'.repeat(7)} HEAD` }, /merge/],
      [{ '.fasten-keys/a/node.key': 'x' }, /may be a key/],
    ],
    good: {
      [`${src}/core/a.test.ts`]:
        "test('x', { skip: 'needs a disk that can be filled' }, () => {})\nt.skip('no strace here')",
      [`${src}/core/a.ts`]: "const mastodon = 'a todo list'",
    },
  },
  'tests wait for what others hold': {
    bad: [
      [{ [`${src}/core/a.test.ts`]: '\nconst d = new DatabaseSync(path)' }, /a\.test\.ts:2 .*openBeside/],
    ],
    good: {
      [`${src}/core/a.test.ts`]:
        "// new DatabaseSync(path)\nnew DatabaseSync(':memory:')\nnew DatabaseSync(path, { timeout: 5 })",
      [`${src}/core/a.ts`]: 'new DatabaseSync(path)',
    },
  },
  'every file of code names its licence': {
    bad: [[{ 'tools/a.ts': 'const x = 1' }, /the first line is/]],
    good: {
      'tools/a.ts': spdx,
      'tools/b.mjs': `#!/usr/bin/env node\n${spdx}`,
      'README.md': 'no licence line here',
    },
  },
  'names say what a thing knows': {
    bad: [
      [{ [`${src}/core/utils/a.ts`]: '' }, /'utils' is a drawer/],
      [{ [`${src}/core/helpers.ts`]: '' }, /'helpers' is a drawer/],
      [{ [`${src}/core/rowHash.ts`]: '' }, /kebab-case/],
    ],
    good: { [`${src}/core/row-hash.test.ts`]: '', 'README.md': '', [`${src}/core/library.ts`]: '' },
  },
  'nothing tells of the machine it was written on': {
    bad: [
      [{ 'docs/a.md': 'see /home/somebody/notes' }, /make it relative/],
      [{ 'tools/a.ts': "const root = '/build/checkout/x'" }, /make it relative/],
      [{ 'package-lock.json': '"resolved": "https://registry.example/x.tgz"' }, /package registry/],
    ],
    good: { 'docs/a.md': 'see /home/somebodyelse, ./build/checkout and example.org' },
  },
  'every vector says why it exists': {
    bad: [
      [{ 'spec/vectors/redact/a/case.json': '{}' }, /has no README\.md/],
      [{ 'spec/vectors/redact/a/README.md': '' }, /has no case\.json/],
    ],
    good: {
      'spec/vectors/redact/a/case.json': '{}',
      'spec/vectors/redact/a/README.md': '',
      'spec/vectors/README.md': '',
    },
  },
  'every error code is explained, and every explained code thrown': {
    bad: [
      [
        { [`${src}/core/a.ts`]: "throw new FastenError('DISK_FULL', 'x')" },
        /DISK_FULL is thrown and explained nowhere/,
      ],
      [{ 'spec/errors.yaml': 'DISK_FULL: {}' }, /thrown nowhere/],
    ],
    good: {
      [`${src}/core/a.ts`]:
        "throw new FastenError(\n  'DISK_FULL',\n  'x')\nconst r = { code: 'ROW_TOO_LARGE' }",
      'spec/errors.yaml': 'DISK_FULL: {}\nROW_TOO_LARGE: {}',
    },
  },
  'every variable is described, and every described variable read': {
    bad: [
      [{ [`${src}/capture/config.ts`]: "env['FASTEN_NODE_ID']" }, /FASTEN_NODE_ID is not in spec\/env\.yaml/],
      [{ 'spec/env.yaml': 'FASTEN_NODE_ID: {}' }, /nothing reads it/],
    ],
    good: {
      [`${src}/capture/config.ts`]: "env['FASTEN_NODE_ID'] // not FASTEN_OTHER",
      'spec/env.yaml': 'FASTEN_NODE_ID: {}',
    },
  },
  'the variables of a fleet are described, and every described one is read': {
    bad: [
      [{ 'packages/fleet/src/config/config.ts': '  FLEET_NAME: text(64),' }, /FLEET_NAME is not in/],
      [{ 'spec/fleet-env.yaml': 'FLEET_NAME: {}' }, /nothing reads it/],
    ],
    good: {
      'packages/fleet/src/config/config.ts': '  FLEET_NAME: text(64), // not FLEET_OTHER',
      'spec/fleet-env.yaml': 'FLEET_NAME: {}',
    },
  },
  'every door of the package leads somewhere': {
    bad: [
      [
        { 'packages/fasten/package.json': manifest({ './core': door('core/index') }) },
        /which does not exist/,
      ],
      [
        {
          'packages/fasten/package.json': manifest({
            './core': { ...door('core/index'), default: './dist/other.js' },
          }),
          [`${src}/core/index.ts`]: '',
        },
        /should name/,
      ],
      [
        {
          'packages/fasten/package.json': manifest({
            './core': { default: './dist/core/index.js', ...door('core/index') },
          }),
          [`${src}/core/index.ts`]: '',
        },
        /the order is/,
      ],
    ],
    good: {
      'packages/fasten/package.json': manifest({
        './core': door('core/index'),
        './package.json': './package.json',
      }),
      [`${src}/core/index.ts`]: '',
    },
  },
  'every link leads somewhere': {
    bad: [
      [{ 'docs/a.md': 'see [b](b.md)' }, /leads nowhere/],
      [{ 'README.md': '<img src="docs/pictures/x.svg">' }, /leads nowhere/],
    ],
    good: {
      'docs/a.md':
        '[b](../b.md#part) [c](https://example.org) [d](#here) [dir](../docs)\n```\n[no](no.md)\n```\n',
      'b.md': '',
    },
  },
}

describe('the rules themselves', () => {
  const all = rules(machine)
  test('each has samples', () => assert.deepEqual(Object.keys(samples), Object.keys(all)))
  for (const [sentence, { bad, good }] of Object.entries(samples)) {
    const rule = all[sentence]
    assert.ok(rule, sentence)
    for (const [index, [files, remedy]] of bad.entries())
      test(`${sentence}: refuses sample ${index + 1}`, () => assert.match(tell(rule(treeOf(files))), remedy))
    test(`${sentence}: lets the good sample pass`, () => assert.equal(tell(rule(treeOf(good))), ''))
  }
})

test('comments and strings are blanked without moving anything', () => {
  const source =
    "const a = 'it\\'s' // x\nconst b = `t ${f('y', `${z}`)} u` /* c\n */ / 2\nconst r = /[/'\"]/.test(s)\n"
  assert.equal(
    blank(source, ['comments', 'strings']),
    "const a = '     '     \nconst b = `  ${f(' ', `${z}`)}  `     \n    / 2\nconst r = /     /.test(s)\n",
  )
  assert.equal(blank(source, ['comments']).length, source.length)
})

test('imports are told apart by when they load', () => {
  const tree = treeOf({
    'a.ts': [
      "import b, { type C } from './b.ts'",
      "import type { D } from './b.ts'",
      "import { type D, type E } from './b.ts'",
      "export * from './b.ts'",
      "import './b.ts'",
      "const lazy = await import('./b.ts')",
      "type F = import('./b.ts').F",
      "new Worker(new URL('./b.ts', import.meta.url))",
      "new URL(\n  import.meta.url.endsWith('.ts') ? './b.ts' : './b.js',\n  import.meta.url,\n)",
      'const text = \'import x from "./b.ts"\'',
    ].join('\n'),
    'b.ts': '',
  })
  assert.deepEqual(
    importsOf('a.ts', tree)
      .toSorted((x, y) => x.index - y.index)
      .map(({ kind }) => kind),
    ['value', 'type', 'type', 'value', 'value', 'lazy', 'type', 'lazy', 'lazy'],
  )
})

function foldersHere(): string[] {
  const parent = dirname(root)
  // The folder for temporary files is everybody's, and so is the root of the file system.
  return [root, parent, homedir()].filter((folder) => folder.length > 1 && folder !== tmpdir())
}

function registriesHere(): string[] {
  const registry = process.env['npm_config_registry']
  return registry === undefined ? [] : [new URL(registry).host]
}
