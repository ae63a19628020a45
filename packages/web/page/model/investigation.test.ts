// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { streams, type StreamName } from 'fasten/core'
import { columnsFor, moved, readColumns, usualColumns, writeColumns, type Column } from './columns.ts'
import {
  nextPane,
  readInvestigation,
  shownAs,
  withShownAs,
  writeInvestigation,
  type Investigation,
} from './investigation.ts'
import { questionOf } from './question.ts'

const someColumns = (stream: StreamName): fc.Arbitrary<readonly Column[]> =>
  fc
    .shuffledSubarray([...columnsFor(stream)], { minLength: 1 })
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc.option(fc.integer({ min: 40, max: 1200 })).map((width) => ({ name, width })),
        ),
      ),
    )

const anyInvestigation: fc.Arbitrary<Investigation> = fc.record({
  text: fc.string(),
  since: fc.constantFrom('-1h', '-30d', '2026-11-26', '2026-11-26T10:00:00Z'),
  until: fc.option(fc.constantFrom('now', '2026-11-26')),
  pane: fc.constantFrom(...streams),
  isLive: fc.boolean(),
  selected: fc.option(fc.constant('evt-01JZ5T8Q3MZV4W7J8E6KX0D2RA')),
  order: fc.constantFrom('newest', 'oldest'),
  density: fc.option(fc.constantFrom('close', 'roomy')),
  facets: fc.option(fc.boolean()),
  columns: fc
    .record({ audit: someColumns('audit'), sys: someColumns('sys'), api: someColumns('api') })
    .map((each) => ({ ...each })),
})

test('an address says the whole investigation, and the same one always in the same words', () => {
  fc.assert(
    fc.property(anyInvestigation, (given) => {
      const investigation = { ...given }
      const written = writeInvestigation(investigation)
      assert.deepEqual(readInvestigation(written), investigation)
      assert.equal(writeInvestigation(readInvestigation(written)), written)
    }),
  )
})

test('an address that makes no sense is an investigation as usual', () => {
  assert.deepEqual(readInvestigation('?pane=all&live=yes'), readInvestigation(''))
  assert.equal(writeInvestigation(readInvestigation('?pane=all')), '')
})

test('Tab leads through all streams and back', () => {
  const seen = [...streams, ...streams].reduce(
    (path: string[]) => [...path, nextPane(path.at(-1) as 'audit')],
    ['audit'],
  )
  assert.deepEqual(seen.slice(0, 4), ['audit', 'sys', 'api', 'audit'])
})

test('what no row of a stream has is looked for elsewhere, and named', () => {
  const asked = { text: 'level:error actor:ada', since: '-1h', until: null }
  assert.deepEqual(questionOf(asked, 'audit', 0), { kind: 'elsewhere', because: ['level'] })
  assert.deepEqual(questionOf(asked, 'sys', 0), { kind: 'elsewhere', because: ['actor'] })
})

test('a value that cannot be is a problem that names it', () => {
  const question = questionOf({ text: 'status:9000', since: '-1h', until: null }, 'api', 1e15)
  assert.equal(question.kind, 'wrong')
  assert.match(JSON.stringify(question), /status/)
})

test('how rows are shown is kept for another question, which keeps its own words', () => {
  const kept = shownAs('?q=code%3AA&order=oldest&rows=roomy&audit=time%2Cwhat')
  assert.equal(kept, 'order=oldest&rows=roomy&audit=time%2Cwhat')
  assert.equal(
    withShownAs('?q=actor%3Aada', kept),
    '?q=actor%3Aada&order=oldest&rows=roomy&audit=time%2Cwhat',
  )
  assert.equal(withShownAs('?order=oldest', kept), '?order=oldest', 'a link that says how shows it so')
})

test('columns that make no sense are left out, and one moves as far as there are places', () => {
  assert.equal(writeColumns(readColumns('time,level,who.9,what,time,who.5x', 'audit')), 'time,who.40,what')
  assert.deepEqual(readColumns('nothing', 'sys'), usualColumns.sys)
  const columns = readColumns('time,mark,what', 'api')
  assert.equal(writeColumns(moved(columns, 'what', -1)), 'time,what,mark')
  assert.equal(moved(columns, 'time', -1), columns)
})
