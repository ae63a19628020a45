// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogVerdict, Verdict } from '../../core/verdict.ts'
import type { ReaderRow } from '../../reader/reader.ts'
import { assertGolden } from '../fixtures/golden.ts'
import { parcelStory, refundStory, row, setpointStory, strangeRows, threadOf } from '../fixtures/story.ts'
import { painter, plainLook, type Look } from './paint.ts'
import { rowPrinter } from './row-line.ts'
import { threadTree, type ThreadNode } from '../../reader/thread-tree.ts'
import { threadView } from './thread-view.ts'
import { verdictView } from './verdict-view.ts'
import { width } from './width.ts'

const terminal = (columns: number): Look => ({ paint: painter(true), columns })
const bare = (columns: number): Look => ({ paint: painter(false), columns })
const list = (rows: readonly ReaderRow[], look: Look): readonly string[] => rows.flatMap(rowPrinter(look))

test('rows in a pipe: whole, plain, one line each', () => {
  const lines = list([...refundStory(), ...strangeRows()], plainLook)
  assert.equal(lines.length, refundStory().length + strangeRows().length)
  assertGolden('rows-pipe', lines)
})

test('rows on terminals of 160, 100 and 72 columns', () => {
  const rows = [...refundStory(), ...strangeRows()]
  assertGolden('rows-160', list(rows, bare(160)))
  assertGolden('rows-100', list(rows, bare(100)))
  assertGolden('rows-72', list(rows, bare(72)))
})

test('rows with citations and colours', () => {
  assertGolden('rows-colour', refundStory().flatMap(rowPrinter(terminal(160), { hasCitation: true })))
})

test('a line never outgrows a usual terminal, and the request id is never cut', () => {
  for (const columns of [80, 100, 120, 200]) {
    for (const text of list([...refundStory(), ...strangeRows()], bare(columns))) {
      if (text.startsWith('──')) continue
      assert.ok(width(text) <= columns, `${width(text)} > ${columns}: ${text}`)
      assert.match(text, /4f1c2a9be07d$/)
    }
  }
})

test('a long request id gets a line of its own where there is no room beside the rest', () => {
  const id = '9f86d081-884c-4d63-a159-c0ffee123456'
  const long = [row({ stream: 'audit', reason: 'customer called' }, { request_id: id })]
  assertGolden('rows-long-id-80', list(long, bare(80)))
  assert.equal(list(long, bare(160)).length, 1)
  assert.equal(list(long, plainLook).length, 1)
})

test('nothing a row says reaches the terminal as a control, an escape or a bidirectional mark', () => {
  const screens = [...list(strangeRows(), plainLook), ...threadView(threadOf(strangeRows()), plainLook)]
  for (const text of screens)
    assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
})

test('a thread as a tree, wide, narrow and alone', () => {
  assertGolden('thread-160', threadView(threadOf(refundStory()), bare(160)))
  assertGolden('thread-80', threadView(threadOf(refundStory()), bare(80)))
  const alone = [row({ stream: 'audit' }, { request_id: 'boot-aa11', verification: 'ring' })]
  const cut = {
    truncated: { audit: true, sys: false, api: false },
    completeness: { audit: 'ring', sys: 'ring', api: 'ring' },
  } as const
  assertGolden('thread-alone', threadView(threadOf(alone, cut), bare(100)))
})

test('a thread through messages, a run of its own and an agent: each row below what it came of', () => {
  const rows = setpointStory()
  const followed = ['scheduler-sweep-c0ffee000002']
  assertGolden('thread-processes-160', threadView(threadOf(rows, { followed }), bare(160)))
  const flat = (node: ThreadNode): readonly ReaderRow[] => [node.row, ...node.children.flatMap(flat)]
  assert.deepEqual(new Set(threadTree(rows).flatMap(flat)), new Set(rows))
})

test('runs of jobs: which, which attempt, how long and what went wrong, wide and narrow', () => {
  const rows = parcelStory()
  assertGolden('jobs-160', list(rows, bare(160)))
  assertGolden('jobs-80', list(rows, bare(80)))
  assertGolden('jobs-pipe', list(rows, plainLook))
  assertGolden('jobs-thread-160', threadView(threadOf(rows.slice(0, -1)), bare(160)))
  assertGolden('jobs-thread-80', threadView(threadOf(rows.slice(0, -1)), bare(80)))
  for (const columns of [80, 100, 120])
    for (const text of list(rows, bare(columns))) assert.ok(width(text) <= columns, text)
  const borrowed = [
    row({ stream: 'sys', event: 'job_run_failed', fields: { job: 7, duration_ms: 'long' } }),
    row({
      stream: 'sys',
      event: 'job_run_failed',
      fields: { job: 'x', duration_ms: 'long', attempt: {}, err: 'no' },
    }),
  ]
  assertGolden('jobs-borrowed', list(borrowed, plainLook))
})

test('a tree holds every row exactly once, whatever the rows claim about each other', () => {
  const a = row({ stream: 'audit' }, { seq: 1, caused_by: row({ stream: 'audit' }, { seq: 2 }).id })
  const b = row({ stream: 'audit' }, { seq: 2, caused_by: a.id })
  const self = row({ stream: 'sys' }, { seq: 3, caused_by: row({ stream: 'sys' }, { seq: 3 }).id })
  const rows = [a, b, self, ...refundStory()]
  const flat = (node: ThreadNode): readonly ReaderRow[] => [node.row, ...node.children.flatMap(flat)]
  const found = threadTree(rows).flatMap(flat)
  assert.equal(found.length, rows.length)
  assert.deepEqual(new Set(found), new Set(rows))
})

test('a verdict that passes, one that fails and one that cannot say', () => {
  assertGolden('verdict-pass', verdictView(verdictOf([logOf({})]), bare(120)))
  const failed = verdictOf([logOf({}), damagedLog()])
  assertGolden('verdict-fail-120', verdictView(failed, bare(120)))
  assertGolden('verdict-fail-80', verdictView(failed, bare(80)))
  assertGolden('verdict-fail-pipe', verdictView(failed, plainLook))
  const empty: Verdict = {
    ...verdictOf([]),
    verdict: 'INCOMPLETE',
    notes: ['no row was checked: the store has no logs'],
  }
  assertGolden('verdict-incomplete', verdictView(empty, bare(100)))
})

function logOf(members: Partial<LogVerdict>): LogVerdict {
  return {
    verdict: 'PASS',
    log: '_/shop/edge-07/api',
    from_index: 0,
    to_index: 120,
    rows_expected: 120,
    rows_checked: 120,
    rows_expired: 0,
    rows_erased: 0,
    rows_missing: 0,
    rows_bad: 0,
    breaks: [],
    breaks_total: 0,
    head_hash: '5ff73e2e82e32c35452587535e7e52d9adea79c42da205688f0edf52c7651c52',
    anchored_to: null,
    unanchored_rows: 120,
    notes: [],
    ...members,
  }
}

function damagedLog(): LogVerdict {
  return logOf({
    verdict: 'FAIL',
    log: '_/shop/edge-07/audit',
    to_index: 8415,
    rows_expected: 8415,
    rows_checked: 8412,
    rows_missing: 3,
    rows_bad: 2,
    anchored_to: null,
    unanchored_rows: 8415,
    breaks_total: 15,
    breaks: [
      {
        kind: 'hash_mismatch',
        from_index: 311,
        to_index: 311,
        message: 'the leaf of row 311 hashes to 5ff73e2e82e32c35, and 99feab0012cd34ef is stored beside it',
      },
      { kind: 'rows_missing', from_index: 900, to_index: 902, message: '3 rows are missing' },
      {
        kind: 'column_mismatch',
        from_index: 4000,
        to_index: 4000,
        message: 'column actor is "mallory\u001b[0m" and the leaf says "alice"',
      },
    ],
    notes: ['13 more breaks were counted'],
  })
}

function verdictOf(logs: readonly LogVerdict[]): Verdict {
  const sum = (member: 'rows_checked' | 'rows_bad' | 'rows_missing'): number =>
    logs.reduce((all, log) => all + log[member], 0)
  return {
    verdict: logs.some((log) => log.verdict === 'FAIL') ? 'FAIL' : 'PASS',
    logs,
    rows_checked: sum('rows_checked'),
    rows_bad: sum('rows_bad'),
    rows_missing: sum('rows_missing'),
    verifier_version: 'fasten 0.1.0',
    notes: [],
  }
}
