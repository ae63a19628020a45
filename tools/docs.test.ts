// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { posix } from 'node:path'
import { describe, test } from 'node:test'
import { commandTable } from '../packages/fasten/src/cli/command-table.ts'
import { settings } from '../packages/fasten/src/capture/settings.ts'
import { carrierTests } from './reference/carrier-page.ts'
import { crowds, crowdTable } from './reference/crowds.ts'
import { embeddedCode } from './reference/embedded-code.ts'
import { variablesOf } from './reference/env-page.ts'
import { exportsOf } from './reference/exports-page.ts'
import { root } from './setup/root.mjs'
import { treeOf } from './tidy/rules.ts'
import { isCode, isShipped, readTree } from './tidy/tree.ts'

const tree = readTree(root)
const handWritten = [...tree].filter(
  ([path]) =>
    path.endsWith('.md') && /^(docs\/|[A-Z]+\.md$)/.test(path) && !path.startsWith('docs/reference/'),
)

test('generated pages and shown code are what `npm run generate` would write', () => {
  const result = spawnSync(process.execPath, ['--conditions=fasten-source', 'tools/generate.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(result.status, 0, `${result.stdout}${result.stderr}`)
})

test('spec/env.yaml and the code agree on variables, options and defaults of limits', () => {
  const specified = Object.entries(variablesOf(tree))
    .filter(
      ([name, { option }]) => option !== undefined && option !== 'env_file' && name !== 'FASTEN_ENV_FILE',
    )
    .map(([name, { option }]) => `${name} ${option}`)
  const coded = Object.entries(settings).flatMap(([option, { env }]) =>
    env.map((name) => `${name} ${option}`),
  )
  assert.deepEqual(specified.toSorted(), coded.toSorted())
  for (const [name, { type }] of Object.entries(variablesOf(tree))) {
    const expects = Object.values(settings).find(({ env }) =>
      (env as readonly string[]).includes(name),
    )?.expects
    // Where the code states a range, the specification states the same.
    for (const [, low, high] of (expects ?? '').matchAll(/(\d+) to (\d+)/g))
      assert.match(type, new RegExp(`${low} to ${high}`), name)
  }
})

test('docs/carriers.md names every transport that is held against the contract', () => {
  const page = tree.get('docs/carriers.md') ?? ''
  const missing = carrierTests().flatMap((path) =>
    [...(tree.get(path) ?? '').matchAll(/describeCarrier(?:<.*>)?\(\s*['`]([^'`$]+)/g)]
      .map(([, name = '']) => name)
      .filter((name) => !page.includes(name)),
  )
  assert.deepEqual(missing, [], 'run npm run carriers')
})

test('docs/carriers.md says of every transport where twenty thousand are held apart, and each such test is there', () => {
  const page = tree.get('docs/carriers.md') ?? ''
  const [contract = '', twentyThousand = ''] = page.split('## Twenty thousand')
  assert.ok(twentyThousand.includes(crowdTable()), 'docs/carriers.md is older than tools/reference/crowds.ts')
  const held = [...contract.matchAll(/^\| ([^|]+) \| ✓/gm)].map(([, name = '']) =>
    name.replace(/, SDK v\d$/, ''),
  )
  assert.deepEqual(
    held.filter((name) => !crowds.some(({ transport }) => transport.startsWith(name))),
    [],
  )
  for (const { job, files } of crowds)
    for (const word of files) {
      const found = [...tree].filter(([path]) => path.includes(word) && path.endsWith(`.${job}.ts`))
      assert.equal(found.length, 1, `${word}: ${found.map(([path]) => path).join(', ')}`)
      assert.match(found[0]?.[1] ?? '', /20[_,]000/, word)
    }
})

test('every file that a page names exists', () => {
  const missing: string[] = []
  for (const [path, text] of handWritten)
    for (const [, name = ''] of text.matchAll(
      /`((?:core|store|capture|reader|cli|testing|tools|spec|src|examples|bench|docs)\/[\w./*-]*\.[a-z]+)`/g,
    )) {
      if (name.includes('*')) continue
      const places = [name, posix.join('packages/fasten/src', name), posix.join('packages/fasten', name)]
      if (!places.some((place) => tree.has(place))) missing.push(`${path}: ${name}`)
    }
  assert.deepEqual(missing, [])
})

test('every variable and command that a page names exists', () => {
  const variables = Object.keys(variablesOf(tree))
  const commands = Object.keys(commandTable)
  // Codes of process warnings look like variables, and users meet them as well.
  const warnings = [...tree]
    .filter(([path]) => isShipped(path))
    .flatMap(([, text]) => [...text.matchAll(/(?:emitWarning\([^()]*|code: )'(FASTEN_[A-Z_]+)'/g)])
    .map(([, name]) => name)
  const wrong: string[] = []
  for (const [path, text] of handWritten) {
    for (const [name] of text.matchAll(/\bFASTEN_[A-Z_]+\b/g))
      if (
        !variables.includes(name) &&
        !warnings.includes(name) &&
        name !== 'FASTEN_DEV_NODE' &&
        name !== 'FASTEN_'
      )
        wrong.push(`${path}: ${name}`)
    for (const [, words = ''] of text.matchAll(/(?:npx fasten|`fasten) ([a-z]+(?: [a-z]+)?)/g))
      if (
        !commands.some(
          (command) =>
            words === command ||
            words.split(' ')[0] === command ||
            command.startsWith(`${words} `) ||
            (command.includes(' ') && words.startsWith(command)),
        )
      )
        wrong.push(`${path}: fasten ${words}`)
  }
  assert.deepEqual(wrong, [])
})

test('every npm command that a page names exists', () => {
  const { scripts } = JSON.parse(tree.get('package.json') ?? '') as { scripts: Record<string, string> }
  const wrong = handWritten.flatMap(([path, text]) =>
    [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)]
      .map(([, run, short]) => run ?? short ?? '')
      .filter((name) => !(name in scripts))
      .map((name) => `${path}: npm run ${name}`),
  )
  assert.deepEqual(wrong, [])
})

test('words that a page gives to `npm test` choose at least one file', () => {
  const tests = [...tree.keys()].filter((path) => isCode(path) && /\.(test|torture)\.ts$/.test(path))
  const wrong = handWritten.flatMap(([path, text]) =>
    [...text.matchAll(/`npm (?:test|run torture) -- ([^`]+)`/g)].flatMap(([, words = '']) =>
      words
        .split(' ')
        .filter((word) => !word.startsWith('-') && !tests.some((file) => file.includes(word)))
        .map((word) => `${path}: npm test -- ${word}`),
    ),
  )
  assert.deepEqual(wrong, [])
})

describe('the generator', () => {
  test('fills code blocks and leaves the rest alone', () => {
    const page = 'a\n\n<!-- x/y.ts -->\n```ts\nold\n```\n\n```ts\nkept\n```\n'
    const source = "// SPDX-License-Identifier: Apache-2.0\nimport x from 'x'\n"
    assert.equal(embeddedCode(page, treeOf({ 'x/y.ts': source })), page.replace('old', "import x from 'x'"))
    assert.throws(() => embeddedCode(page, treeOf({})), /which does not exist/)
  })

  test('follows exports to where they are written', () => {
    const files = treeOf({
      'a/index.ts':
        "export { one, type Two } from './b.ts'\nexport type { Three as Drei } from './b.ts'\nconst x = { y: 1 }\nexport default x",
      'a/b.ts': [
        '/** Says one. And more. */',
        'export function one(): void {}',
        '/**',
        ' * Is two:',
        ' * - a list',
        ' */',
        'export interface Two {}',
        'export type Three = 3',
      ].join('\n'),
    })
    assert.deepEqual(exportsOf('a/index.ts', files), [
      { name: 'one', kind: 'function', summary: 'Says one.' },
      { name: 'Drei', kind: 'type', summary: '' },
      { name: 'Two', kind: 'type', summary: 'Is two: - a list' },
    ])
  })
})
