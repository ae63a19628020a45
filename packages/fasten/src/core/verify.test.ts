// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { genesis, leafHash } from './chain.ts'
import type { ColumnValue } from './columns.ts'
import { damages, edit, replace } from './fixtures/damages.ts'
import { apiDraft, auditDraft, sysDraft } from './fixtures/random-rows.ts'
import { digest, ordinaryDraft, storedLog } from './fixtures/rows.ts'
import type { Break, LogVerdict } from './verdict.ts'
import {
  combineVerdicts,
  createLogVerifier,
  verifierVersion,
  type Evidence,
  type LogVerifierOptions,
} from './verify.ts'

const log = '_/gateway/node-1/audit'
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

function verify(
  rows: readonly Evidence[],
  options: Partial<LogVerifierOptions> & Pick<LogVerifierOptions, 'head'>,
): LogVerdict {
  const verifier = createLogVerifier({ log, digest, ...options })
  for (const row of rows) verifier.push(row)
  return verifier.finish()
}

const places = ({ breaks }: LogVerdict): (string | number)[][] =>
  breaks.map(({ kind, from_index, to_index }) => [kind, from_index, to_index])

describe('log verifier', () => {
  const streams = [
    storedLog(log, fc.sample(auditDraft, { numRuns: 300, seed: 7 })),
    storedLog('_/gateway/node-1/sys', fc.sample(sysDraft, { numRuns: 60, seed: 7 })),
    storedLog('_/gateway/node-1/api', fc.sample(apiDraft, { numRuns: 60, seed: 7 })),
  ]
  const { rows, head } = streams[0] as (typeof streams)[0]

  it('passes untouched logs of every stream, and says what it cannot show', () => {
    for (const stored of streams) {
      const verdict = verify(stored.rows, { log: stored.head.log, head: stored.head })
      assert.deepEqual(verdict, {
        verdict: 'PASS',
        log: stored.head.log,
        from_index: 0,
        to_index: stored.rows.length,
        rows_expected: stored.rows.length,
        rows_checked: stored.rows.length,
        rows_expired: 0,
        rows_erased: 0,
        rows_missing: 0,
        rows_bad: 0,
        breaks: [],
        breaks_total: 0,
        head_hash: stored.head.head_hash,
        anchored_to: null,
        unanchored_rows: stored.rows.length,
        notes: [
          'no signed checkpoint covers these rows: somebody who can write the whole store could have rewritten them',
        ],
      })
    }
  })

  for (const [name, damage] of Object.entries(damages)) {
    it(`names ${name}, and nothing else`, () => {
      fc.assert(
        fc.property(fc.nat(rows.length - 1), fc.nat(rows.length - 1), (at, seed) => {
          const other = seed === at ? (at + 1) % rows.length : seed
          const verdict = verify(damage.do([...rows], at, other), { head })
          assert.equal(verdict.verdict, 'FAIL')
          assert.deepEqual(places(verdict), damage.breaks(at, other, rows.length))
          assert.equal(verdict.breaks_total, verdict.breaks.length)
        }),
        {
          numRuns: 8,
          examples: [
            [0, 1],
            [rows.length - 1, 0],
            [5, 6],
          ],
        },
      )
    })
  }

  it('names the row whatever single damage is done to a log of 10,000 rows', () => {
    const large = storedLog(
      log,
      Array.from({ length: 10_000 }, (_, index) => ordinaryDraft('audit', index)),
    )
    assert.equal(verify(large.rows, { head: large.head }).verdict, 'PASS')
    const [kinds, indices] = [Object.values(damages), fc.sample(fc.nat(9_998), { numRuns: 20, seed: 11 })]
    indices.forEach((at, run) => {
      const damage = kinds[run % kinds.length] ?? assert.fail()
      const verdict = verify(damage.do([...large.rows], at, at + 1), { head: large.head })
      assert.equal(verdict.verdict, 'FAIL')
      assert.deepEqual(places(verdict), damage.breaks(at, at + 1, large.rows.length))
    })
  })

  it('goes on after damage and reports every further break in order', () => {
    const damaged = replace(
      replace([...rows], 20, (row) => ({ ...row, hash: null })),
      40,
      (row) => ({ ...row, columns: { ...row.columns, actor: 'x' } }),
    )
    const verdict = verify(edited(damaged.toSpliced(60, 2), 80), { head })
    assert.deepEqual(places(verdict), [
      ['hash_missing', 20, 20],
      ['column_mismatch', 40, 40],
      ['rows_missing', 60, 61],
      ['hash_mismatch', 80, 80],
    ])
    assert.deepEqual(
      [verdict.rows_bad, verdict.rows_missing, verdict.rows_checked, verdict.rows_expected],
      [3, 2, 298, 300],
    )
  })

  function edited(list: Evidence[], seq: number): Evidence[] {
    return list.map((row) => (row.monotonic_seq === seq ? edit(row, { actor: 'mallory' }) : row))
  }

  it('tells one damage once, however many rows it spans', () => {
    const blanked = rows.map((row) => (row.monotonic_seq >= 100 ? { ...row, hash: null } : row))
    assert.deepEqual(places(verify(blanked, { head })), [['hash_missing', 100, 299]])
    const emptied = rows.map((row) => ({
      ...row,
      columns: Object.fromEntries(
        Object.keys(row.columns).map((name): [string, ColumnValue] => [
          name,
          name === 'action' ? null : (row.columns[name] ?? null),
        ]),
      ),
    }))
    assert.deepEqual(places(verify(emptied, { head })), [['column_mismatch', 0, 299]])
    const shifted = rows.toSpliced(50, 1).map((row, index) => ({ ...row, monotonic_seq: index }))
    assert.deepEqual(places(verify(shifted, { head })), [
      ['place_mismatch', 50, 298],
      ['rows_missing', 299, 299],
    ])
  })

  it('notices a history rewritten up to the end by the head it does not fit', () => {
    const rewritten = [...rows]
    let prev = rows[9]?.hash ?? null
    for (let index = 10; index < rows.length; index++) {
      const row = edit(
        rows[index] as Evidence,
        { actor: 'mallory', prev_hash: prev },
        { columns: true, hash: true },
      )
      rewritten[index] = row
      prev = row.hash
    }
    assert.deepEqual(places(verify(rewritten, { head })), [['head_mismatch', 299, 299]])
  })

  it('is INCOMPLETE, never PASS, where nothing was there to check or to check against', () => {
    for (const [verdict, note] of [
      [verify([], { head: { size: 0, head_hash: genesis } }), /proves nothing/],
      [verify([], { head: null }), /proves nothing/],
      [verify(rows, { head: null }), /no head is recorded/],
      [verify(rows.slice(10), { head, from_seq: 10 }), /row before 10 is not known/],
      [verify(rows, { head, from_seq: 300 }), /proves nothing/],
    ] as const) {
      assert.equal(verdict.verdict, 'INCOMPLETE')
      assert.match(verdict.notes.join('\n'), note)
    }
    assert.deepEqual(places(verify([], { head })), [['rows_missing', 0, 299]])
  })

  it('checks a range from a trusted left edge', () => {
    const range = { head, from_seq: 10, to_seq: 19 }
    const byRow = verify(rows.slice(9, 25), range)
    assert.deepEqual(
      [byRow.verdict, byRow.rows_checked, byRow.from_index, byRow.to_index],
      ['PASS', 10, 10, 20],
    )
    assert.deepEqual(byRow.notes.slice(0, 2), [
      'rows before 10 were not checked',
      'rows from 20 on were not checked',
    ])
    assert.equal(verify(rows.slice(10, 20), { ...range, prevHash: rows[9]?.hash ?? '' }).verdict, 'PASS')
    assert.deepEqual(places(verify(rows.slice(10, 20), { ...range, prevHash: 'ab'.repeat(32) })), [
      ['link_mismatch', 10, 10],
    ])
    assert.deepEqual(places(verify(rows.slice(12, 20), { ...range, prevHash: rows[9]?.hash ?? '' })), [
      ['rows_missing', 10, 11],
    ])
    assert.equal(
      verify(rows, { head, from_seq: 290, to_seq: 1_000, prevHash: rows[289]?.hash ?? '' }).verdict,
      'PASS',
    )
  })

  it('refuses leaves that are not canonical even where hash, head and columns say yes', () => {
    for (const change of [
      (text: string) => text.replace('{', '{ '),
      (text: string) => text.replace('"action":', '"\\u0061ction":'),
      (text: string) => text.replace(/"actor":("(?:[^"\\]|\\.)*")/, '"actor":"x","actor":$1'),
      (text: string) => text.replace(/"monotonic_seq":(\d+)/, '"monotonic_seq":$1.0'),
    ]) {
      const leaf = encode(change(new TextDecoder().decode(rows[0]?.leaf ?? undefined)))
      const hash = leafHash(leaf, digest)
      const verdict = verify([{ ...(rows[0] as Evidence), leaf, hash }], {
        head: { size: 1, head_hash: hash },
      })
      assert.deepEqual(places(verdict), [['leaf_unreadable', 0, 0]])
    }
  })

  it('names rows that come out of order, and does not call them missing', () => {
    const moved = rows.toSpliced(7, 1).toSpliced(9, 0, rows[7] as Evidence)
    assert.deepEqual(places(verify(moved, { head })), [['place_mismatch', 7, 7]])
  })

  it('survives evidence of any kind', () => {
    const junk = {
      monotonic_seq: Number.NaN,
      leaf: encode('\u0000'),
      hash: 'x'.repeat(1e6),
      columns: {},
    } as Evidence
    for (const row of [
      junk,
      { ...junk, monotonic_seq: 0 },
      { ...junk, monotonic_seq: -1 },
      { ...junk, monotonic_seq: 0.5 },
      { ...junk, monotonic_seq: 0, leaf: new Uint8Array(70_000) },
    ]) {
      const verdict = verify([row], { head: { size: 1, head_hash: '' } })
      assert.equal(verdict.verdict, 'FAIL')
      for (const { message } of verdict.breaks) assert.ok(message.length < 300)
    }
    assert.equal(
      verify(rows.slice(0, 1), { log: 'no log of ours', head: { size: 1, head_hash: rows[0]?.hash ?? '' } })
        .verdict,
      'FAIL',
    )
  })

  it('lists a thousand breaks and counts the rest', () => {
    const many = Array.from({ length: 3_000 }, (_, index): Evidence => ({
      ...(rows[0] as Evidence),
      monotonic_seq: index * 2,
      hash: null,
    }))
    const verdict = verify(many, { head: { size: 6_000, head_hash: '' } })
    assert.deepEqual(
      [verdict.breaks.length, verdict.breaks_total, verdict.rows_bad, verdict.rows_missing],
      [1_000, 6_000, 3_000, 3_000],
    )
    const first: Break | undefined = verdict.breaks[0]
    assert.equal(first?.from_index, 0)
  })

  it('leaves columns alone when told to', () => {
    assert.equal(
      verify(
        rows.map((row) => ({ ...row, columns: {} })),
        { head, columns: false },
      ).verdict,
      'PASS',
    )
    assert.equal(
      verify(
        rows.map((row) => ({ ...row, columns: {} })),
        { head },
      ).verdict,
      'FAIL',
    )
  })
})

describe('combineVerdicts', () => {
  const { rows, head } = storedLog(log, fc.sample(auditDraft, { numRuns: 3, seed: 7 }))
  const pass = verify(rows, { head })
  const fail = verify(rows.slice(1), { head })
  const incomplete = verify([], { head: null })

  it('is as bad as the worst log, and INCOMPLETE over none', () => {
    assert.equal(combineVerdicts([pass, pass]).verdict, 'PASS')
    assert.equal(combineVerdicts([pass, incomplete]).verdict, 'INCOMPLETE')
    assert.equal(combineVerdicts([incomplete, fail, pass]).verdict, 'FAIL')
    assert.equal(combineVerdicts([]).verdict, 'INCOMPLETE')
  })

  it('adds the counts up and repeats each note once', () => {
    const { rows_checked, rows_bad, rows_missing, verifier_version, notes } = combineVerdicts(
      [pass, fail],
      ['asked for all'],
    )
    assert.deepEqual([rows_checked, rows_bad, rows_missing, verifier_version], [5, 0, 1, verifierVersion])
    assert.deepEqual(notes, ['asked for all', ...pass.notes])
  })
})
