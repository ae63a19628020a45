// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeUsages } from './code-usages.ts'

const emitted = (source: string): readonly string[] =>
  codeUsages(source)
    .filter(({ isEmitted }) => isEmitted)
    .map(({ code, line, column }) => `${code} ${line}:${column}`)
const named = (source: string): readonly string[] =>
  [...new Set(codeUsages(source).map(({ code }) => code))].sort()

test('an object literal with code and target is an event', () => {
  assert.deepEqual(emitted(`fasten.emit({ code: 'ORDER_PLACED', target: 'order/1' })`), ['ORDER_PLACED 1:21'])
  assert.deepEqual(
    emitted('emit({\n  target,\n  detail: { code: "inner", n: { a: 1 } },\n  code: "ORDER_PLACED",\n})'),
    ['ORDER_PLACED 4:9'],
  )
  assert.deepEqual(emitted('audit({ "code": `ORDER_PLACED`, "target": x })'), ['ORDER_PLACED 1:17'])
  assert.deepEqual(
    emitted('const x = cond ? { code: "A_ONE", target: `t/${f({ code: "B_TWO", target: 1 })}` } : 0'),
    ['B_TWO 1:58', 'A_ONE 1:26'],
  )
})

test('other objects, comments, strings and regular expressions are not', () => {
  assert.deepEqual(emitted(`throw new X({ code: 'ENOENT' }); const t = { target: 1 }`), [])
  assert.deepEqual(
    emitted(`// emit({ code: 'A_ONE', target: 1 })\n/* emit({ code: 'A_ONE', target: 1 }) */`),
    [],
  )
  assert.deepEqual(emitted(`const s = "emit({ code: 'A_ONE', target: 1 })"`), [])
  assert.deepEqual(emitted(`const r = /{ code: 'A_ONE', target: 1 }/; const n = a / b / c`), [])
  assert.deepEqual(emitted(`f({ code: 'A_ONE', nested: { target: 1 } })`), [])
})

test('every other mention counts as a use', () => {
  assert.deepEqual(
    named(`emit({ code: billing.names.INVOICE_PAID, target }); const all = ['A_ONE', \`B_TWO\`]; // C_THREE`),
    ['A_ONE', 'B_TWO', 'INVOICE_PAID'],
  )
})

test('half a file and strange characters are survived', () => {
  for (const source of [
    '',
    '{',
    '}',
    '`${',
    '`${`',
    "'",
    '/',
    '/*',
    '"\\',
    '`${{}',
    '}}}`',
    '😀 { code: "A',
    'a`${b`${c}`}`}',
  ]) {
    assert.doesNotThrow(() => codeUsages(source), source)
  }
})
