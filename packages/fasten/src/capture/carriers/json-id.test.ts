// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readJson } from '../../core/read-json.ts'
import { jsonBytesMax, readJsonId, writeJsonId } from './json-id.ts'

describe('the request id in a JSON payload', () => {
  test('is written into the text, which otherwise stays as it was', () => {
    const cases: readonly (readonly [given: string, written: string])[] = [
      ['{}', '{"_req":"r-1"}'],
      [' \t\r\n{ \n } \n', ' \t\r\n{"_req":"r-1" \n } \n'],
      ['{"a":12345678901234567890.10}', '{"_req":"r-1","a":12345678901234567890.10}'],
      ['{"2":1,"1":2,"a":1E400,"a":-0}', '{"_req":"r-1","2":1,"1":2,"a":1E400,"a":-0}'],
      ['{"__proto__":{"_req":"x"},"é":"\\ud800"}', '{"_req":"r-1","__proto__":{"_req":"x"},"é":"\\ud800"}'],
    ]
    for (const [given, written] of cases) {
      assert.equal(writeJsonId(given, 'r-1'), written)
      assert.deepEqual(writeJsonId(Buffer.from(given), 'r-1'), Buffer.from(written))
      assert.deepEqual([readJsonId(written), readJsonId(Buffer.from(written))], ['r-1', 'r-1'])
      const view = new Uint8Array([7, ...Buffer.from(given), 7]).subarray(1, -1)
      assert.deepEqual(Buffer.from(writeJsonId(view, 'r-1')), Buffer.from(written))
    }
  })

  test('is not written where one is, whatever its value or spelling', () => {
    for (const given of [
      '{"_req":"theirs"}',
      '{"a":1,"_req":null}',
      '{"\\u005freq":7}',
      '{"_req":"a","_req":"b"}',
    ])
      assert.equal(writeJsonId(given, 'r-1'), given)
    assert.equal(readJsonId('{"\\u005f\\u0072eq":"escaped"}'), 'escaped')
    assert.equal(readJsonId('{"_req":"a","_req":"b"}'), 'b')
  })

  test('what is no JSON object is left alone, byte for byte, and says nothing', () => {
    const long = `{"a":"${'x'.repeat(jsonBytesMax)}"}`
    const others: readonly (string | Uint8Array)[] = [
      '',
      ' ',
      'null',
      '[{"_req":"a"}]',
      '"{}"',
      '\ufeff{"_req":"a"}',
      '{"_req":"a"',
      '{"_req":"a"}x',
      "{'_req':'a'}",
      '{"_req":"a",}',
      '{"a":NaN,"_req":"a"}',
      '{"_req":"a"}\0',
      long,
      Buffer.from(long),
      Buffer.from('\ufeff{"_req":"a"}'),
      Buffer.from('{"_req":"\xe9"}', 'latin1'),
      Buffer.from([0xff, 0x7b, 0x7d]),
      new Uint8Array(),
      `${'['.repeat(60_000)}`,
      `{"a":${'['.repeat(60_000)}}`,
    ]
    for (const given of others) {
      assert.equal(writeJsonId(given, 'r-1'), given)
      assert.equal(readJsonId(given), undefined)
    }
    for (const given of [undefined, null, 7, {}, [], true]) assert.equal(readJsonId(given), undefined)
  })

  test('nesting as deep as the size allows is no trouble', () => {
    const deep = `{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}`
    assert.equal(writeJsonId(deep, 'r-1'), `{"_req":"r-1",${deep.slice(1)}`)
  })

  test('only text is an id', () => {
    for (const value of ['7', 'null', '["a"]', '{"a":1}', 'true'])
      assert.equal(readJsonId(`{"_req":${value}}`), undefined)
  })

  test('any object means the same afterwards, but for its id', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (object, id) => {
        const text = JSON.stringify(object)
        const written = readJson(writeJsonId(text, id)) as Record<string, unknown>
        if (Object.hasOwn(object, '_req')) return assert.deepEqual(written, readJson(text))
        const { _req, ...rest } = written
        assert.equal(_req, id)
        assert.equal(JSON.stringify(rest), text)
      }),
      { numRuns: 500 },
    )
  })
})
