// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCodeRegistry, type CodeMeta, type CodeMetaInput } from '../core/code.ts'
import { diffCodes } from './codes-diff.ts'

function codes(metas: Record<string, CodeMetaInput>, domain = 'a'): ReadonlyMap<string, CodeMeta> {
  const registry = createCodeRegistry()
  registry.register(domain, metas)
  return new Map(registry.codes().map((code) => [code, registry.metaOf(code) as CodeMeta]))
}

/** What one code's change is called: `member: verdict` for each. */
function changes(before: CodeMetaInput, after: CodeMetaInput): readonly string[] {
  return diffCodes(codes({ ONE: before }), codes({ ONE: after })).changes.map(
    ({ member, compatibility }) => `${member}: ${compatibility}`,
  )
}

test('the same catalogue has no difference', () => {
  assert.deepEqual(diffCodes(codes({ ONE: {} }), codes({ ONE: {} })), {
    added: [],
    removed: [],
    changes: [],
    verdict: 'none',
  })
})

test('codes come and go', () => {
  const diff = diffCodes(codes({ GONE: {}, SAME: {} }), codes({ NEW: {}, SAME: {} }))
  assert.deepEqual([diff.added, diff.removed, diff.verdict], [['NEW'], ['GONE'], 'breaking'])
  assert.equal(diffCodes(codes({}), codes({ NEW: {} })).verdict, 'compatible')
  assert.equal(diffCodes(codes({ OLD: { declared_unused: true } }), codes({})).verdict, 'compatible')
  assert.equal(diffCodes(codes({ ONE: {} }, 'a'), codes({ ONE: {} }, 'b')).verdict, 'breaking')
})

test('each member is judged for emitters, readers, evidence and privacy', () => {
  const cases: readonly (readonly [CodeMetaInput, CodeMetaInput, readonly string[]])[] = [
    [
      { description: 'a' },
      { description: 'b', emitter: 'x', high_volume: true, declared_unused: true },
      [
        'declared_unused: compatible',
        'description: compatible',
        'emitter: compatible',
        'high_volume: compatible',
      ],
    ],
    [{ severity: 'info' }, { severity: 'error' }, ['severity: compatible']],
    [{ severity: 'error' }, { severity: 'info' }, ['severity: breaking']],
    [{ retention_class: 'short' }, { retention_class: 'permanent' }, ['retention_class: compatible']],
    [{ retention_class: 'regulated' }, { retention_class: 'long' }, ['retention_class: breaking']],
    [{ action: 'a.b' }, { action: 'a.c' }, ['action: breaking']],
    [{ category: 'a' }, { category: 'b' }, ['category: breaking']],
    [{}, { pii_in_detail: true }, ['pii_in_detail: breaking']],
    [{ pii_in_detail: true }, {}, ['pii_in_detail: breaking']],
    [{ pii: ['actor'] }, {}, ['pii: breaking']],
    [{}, { detail_passthrough_keys: ['a'] }, ['detail_passthrough_keys: compatible']],
    [{ detail_passthrough_keys: ['a'] }, {}, ['detail_passthrough_keys: breaking']],
    [{}, { fail_closed: true }, ['fail_closed: breaking']],
    [
      { detail: { properties: { a: 'string' } } },
      { detail: { properties: { a: 'string', b: 'number' } } },
      ['detail.properties.b: compatible'],
    ],
    [
      { detail: { properties: { a: 'string' } } },
      { detail: { properties: {} } },
      ['detail.properties.a: breaking'],
    ],
    [
      { detail: { properties: { a: 'string' } } },
      { detail: { properties: { a: 'number' } } },
      ['detail.properties.a.type: breaking'],
    ],
    [{ detail: { properties: { a: 'string' } } }, { detail: { properties: { a: { type: 'string' } } } }, []],
    [
      { detail: { properties: { a: 'string' } } },
      { detail: { properties: { a: 'string' }, required: ['a'] } },
      ['detail.required: breaking'],
    ],
    [
      { detail: { properties: { a: 'string' }, required: ['a'] } },
      { detail: { properties: { a: 'string' } } },
      ['detail.required: breaking'],
    ],
    [
      { detail: { properties: { a: { enum: ['x'] } } } },
      { detail: { properties: { a: { enum: ['x', 'y'] } } } },
      ['detail.properties.a.enum: compatible'],
    ],
    [
      { detail: { properties: { a: { enum: ['x', 'y'] } } } },
      { detail: { properties: { a: { enum: ['x'] } } } },
      ['detail.properties.a.enum: breaking'],
    ],
    [
      { detail: { properties: { a: { type: 'array', items: 'string' } } } },
      { detail: { properties: { a: { type: 'array', items: 'number' } } } },
      ['detail.properties.a.items.type: breaking'],
    ],
    [{ detail: {} }, { detail: { additionalProperties: false } }, ['detail.additionalProperties: breaking']],
    [
      {},
      { detail: { properties: { a: { type: 'object', properties: { b: 'string' } } } } },
      ['detail.properties.a: compatible'],
    ],
    [
      { detail: { properties: { a: { properties: { b: 'string' } } } } },
      { detail: { properties: { a: { properties: { b: 'null' } } } } },
      ['detail.properties.a.properties.b.type: breaking'],
    ],
  ]
  for (const [before, after, expected] of cases)
    assert.deepEqual(changes(before, after), expected, JSON.stringify([before, after]))
})
