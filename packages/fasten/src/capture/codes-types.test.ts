// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createCodeRegistry, type CodeMeta } from '../core/code.ts'
import { typegen, typegenLanguages } from './codes-typegen.ts'

const here = dirname(fileURLToPath(import.meta.url))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

/** What the compiler says of these files, as lines that begin with their names; of other files nothing. */
function compile(folder: string, names: readonly string[]): readonly string[] {
  const config = {
    extends: join(here, '../../../../tsconfig.base.json'),
    compilerOptions: {
      noEmit: true,
      types: ['node'],
      typeRoots: [join(here, '../../../../node_modules/@types')],
      paths: { fasten: [join(here, 'index.ts')] },
    },
    files: names.map((name) => join(folder, name)),
  }
  const place = mkdtempSync(join(tmpdir(), 'fasten-types-'))
  try {
    writeFileSync(join(place, 'tsconfig.json'), JSON.stringify(config))
    const { stdout, stderr, error } = spawnSync(process.execPath, [tsc, '-p', place, '--pretty', 'false'], {
      encoding: 'utf8',
    })
    assert.equal(error, undefined)
    assert.equal(stderr, '')
    const lines = stdout.split('\n').filter((line) => /: error TS/.test(line))
    return lines.flatMap((line) =>
      names.filter((name) => line.includes(`${name}(`)).map((name) => line.slice(line.indexOf(name))),
    )
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function someCodes(): readonly (readonly [string, CodeMeta])[] {
  const registry = createCodeRegistry()
  registry.register('sales', {
    ORDER_PLACED: {
      description: 'An order arrived. */ Really.',
      severity: 'warn',
      detail: {
        required: ['amount', 'note'],
        properties: {
          amount: { type: 'number', description: 'in cents' },
          currency: { enum: ['EUR', null] },
          'odd-name': 'boolean',
          lines: {
            type: 'array',
            items: { type: 'object', required: ['sku'], properties: { sku: 'string' } },
          },
          either: { type: ['string', 'integer'] },
        },
      },
    },
    CART_LEFT: {},
    CART_SEEN: { detail: { required: ['page'] } },
  })
  return registry.codes().map((code) => [code, registry.metaOf(code) as CodeMeta] as const)
}

test('codes.test-d.ts compiles: right uses do, wrong uses do not', () => {
  assert.deepEqual(compile(here, ['codes.test-d.ts']), [])
})

describe('generated types', () => {
  test('make an unknown code and a wrong detail a compile error', () => {
    const folder = mkdtempSync(join(tmpdir(), 'fasten-typegen-'))
    try {
      writeFileSync(join(folder, 'fasten-codes.d.ts'), typegen(someCodes(), 'ts', ['sales.codes.yaml']))
      const uses = [
        `import fasten, { emit, type CodeName } from 'fasten'`,
        `emit({ code: 'CART_LEFT', target: 'cart/1', detail: { anything: 1 } })`,
        `emit({ code: 'ORDER_PLACED', target: 'order/1', detail: { amount: 5, note: {}, currency: null, lines: [{ sku: 'x' }], either: 1, 'odd-name': true } })`,
        `fasten.emit({ code: 'CART_SEEN', target: 'cart/1', detail: { page: '/', more: 1 } })`,
        `export const all: Record<CodeName, true> = { CART_LEFT: true, CART_SEEN: true, ORDER_PLACED: true }`,
        `// @ts-expect-error`,
        `emit({ code: 'ORDER_PLCED', target: 'order/1' })`,
        `// @ts-expect-error`,
        `emit({ code: 'ORDER_PLACED', target: 'order/1', detail: { amount: '5', note: 1 } })`,
        `// @ts-expect-error`,
        `emit({ code: 'ORDER_PLACED', target: 'order/1', detail: { note: 1 } })`,
        `// @ts-expect-error`,
        `emit({ code: 'ORDER_PLACED', target: 'order/1', detail: { amount: 5, note: 1, curency: 'EUR' } })`,
        `// @ts-expect-error`,
        `emit({ code: 'CART_SEEN', target: 'cart/1', detail: { more: 1 } })`,
      ]
      writeFileSync(join(folder, 'use.mts'), uses.join('\n'))
      assert.deepEqual(compile(folder, ['fasten-codes.d.ts', 'use.mts']), [])
      // And the same file says something when it is wrong, so that the silence above means something.
      writeFileSync(join(folder, 'use.mts'), uses.filter((line) => !line.startsWith('//')).join('\n'))
      assert.equal(compile(folder, ['use.mts']).length, 0, 'without the declaration every code is allowed')
      assert.equal(compile(folder, ['fasten-codes.d.ts', 'use.mts']).length, 5)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('are the same text for the same catalogue, and say where they come from', () => {
    const codes = someCodes()
    for (const language of typegenLanguages) {
      const text = typegen(codes, language, ['sales.codes.yaml'])
      assert.equal(typegen([...codes].reverse(), language, ['sales.codes.yaml']), text)
      assert.match(text, /Generated by `fasten codes typegen` from sales\.codes\.yaml; do not edit\./)
      for (const [code] of codes) assert.ok(text.includes(code), `${language} ${code}`)
    }
  })

  test('read well in each language', () => {
    const one = createCodeRegistry()
    one.register('a', { JOB_DONE: {} })
    const codes = [['JOB_DONE', one.metaOf('JOB_DONE') as CodeMeta]] as const
    assert.equal(
      typegen(codes, 'python').split('\n').slice(1).join('\n'),
      'from typing import Final, Literal\n\nCode = Literal[\n    "JOB_DONE",\n]\n\nJOB_DONE: Final = "JOB_DONE"\n',
    )
    assert.equal(
      typegen(codes, 'go').split('\n').slice(3).join('\n'),
      'package codes\n\ntype Code string\n\nconst (\n\tJobDone Code = "JOB_DONE"\n)\n',
    )
    assert.equal(
      typegen(codes, 'rust').split('\n').slice(2).join('\n'),
      'pub const JOB_DONE: &str = "JOB_DONE";\n\npub const ALL: &[&str] = &[\n    JOB_DONE,\n];\n',
    )
    assert.equal(typegen([], 'python').includes('Code = str'), true)
  })
})

test('the type test of this folder is really read', () => {
  assert.ok(readFileSync(join(here, 'codes.test-d.ts'), 'utf8').includes('@ts-expect-error'))
})
