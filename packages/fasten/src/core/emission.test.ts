// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createEmissionTally, emissionNotes, gapsListedMax, stretchesListedMax } from './emission.ts'
import { digest, ordinaryDraft, storedLog } from './fixtures/rows.ts'
import type { Emission } from './verdict.ts'
import { combineVerdicts, createLogVerifier } from './verify.ts'

const boot = (index: number): string => `boot-${index}`

/** The same count by the plainest means. */
function counted(rows: readonly (readonly [number, number])[]): Emission {
  const boots = new Map<string, Set<number>>()
  for (const [index, seq] of rows) boots.set(boot(index), (boots.get(boot(index)) ?? new Set()).add(seq))
  const gaps = [...boots]
    .map(([boot_id, seqs]) => {
      const rows_emitted = Math.max(...seqs) + 1
      const absent = Array.from({ length: rows_emitted }, (_, seq) => seq).filter((seq) => !seqs.has(seq))
      const starts = absent.filter((seq) => !absent.includes(seq - 1))
      const stretches = starts.map((from) => {
        let to = from
        while (absent.includes(to + 1)) to++
        return { from_boot_seq: from, to_boot_seq: to }
      })
      return {
        boot_id,
        rows_emitted,
        rows_missing: absent.length,
        stretches: stretches.slice(0, stretchesListedMax),
      }
    })
    .sort((a, b) => b.rows_missing - a.rows_missing || (a.boot_id < b.boot_id ? -1 : 1))
  const holed = gaps.filter(({ rows_missing }) => rows_missing > 0)
  const sum = (count: (gap: (typeof gaps)[0]) => number): number =>
    gaps.reduce((total, gap) => total + count(gap), 0)
  return {
    boots: boots.size,
    rows_emitted: sum((gap) => gap.rows_emitted),
    rows_missing: sum((gap) => gap.rows_missing),
    gaps_total: holed.length,
    gaps: holed.slice(0, gapsListedMax),
  }
}

function tallied(rows: readonly (readonly [number, number])[]): Emission {
  const tally = createEmissionTally()
  for (const [index, seq] of rows) tally.add(boot(index), seq)
  assert.equal(tally.missing(), tally.result().rows_missing)
  return tally.result()
}

describe('emission tally', () => {
  it('counts holes as a set would, in whatever order and however often rows come', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(2_200)), { maxLength: 60 }), (rows) => {
        assert.deepEqual(tallied(rows), counted(rows))
      }),
    )
  })

  it('keeps nothing of stretches that are whole, and still knows what is missing', () => {
    const rows = [0, 1, 2].flatMap((log) =>
      Array.from({ length: 3_000 }, (_, index) => [7, index * 3 + log] as const),
    )
    const lost = new Set([0, 1_023, 1_024, 4_500, 4_501])
    const { gaps, rows_emitted } = tallied(rows.filter(([, seq]) => !lost.has(seq)))
    assert.equal(rows_emitted, 9_000)
    assert.deepEqual(gaps[0]?.stretches, [
      { from_boot_seq: 0, to_boot_seq: 0 },
      { from_boot_seq: 1_023, to_boot_seq: 1_024 },
      { from_boot_seq: 4_500, to_boot_seq: 4_501 },
    ])
    assert.deepEqual(tallied(rows).gaps, [])
  })

  it('lets rows that were stored meanwhile fill holes, and infers nothing from them', () => {
    const tally = createEmissionTally()
    for (const seq of [0, 1, 4]) tally.add(boot(1), seq)
    tally.fill(boot(1), 2)
    tally.fill(boot(1), 9)
    tally.fill(boot(2), 5)
    assert.deepEqual(tally.result().gaps, [
      {
        boot_id: boot(1),
        rows_emitted: 5,
        rows_missing: 1,
        stretches: [{ from_boot_seq: 3, to_boot_seq: 3 }],
      },
    ])
  })

  it('survives numbers that are none, and a number beyond all reason', () => {
    const tally = createEmissionTally()
    for (const seq of [Number.NaN, -1, 0.5, Infinity, 2 ** 53]) tally.add(boot(1), seq)
    assert.equal(tally.result().boots, 0)
    tally.add(boot(1), 2 ** 53 - 2)
    assert.deepEqual(tally.result().gaps[0]?.stretches, [{ from_boot_seq: 0, to_boot_seq: 2 ** 53 - 3 }])
  })

  it('names the worst three processes and counts the others', () => {
    const rows = [1, 2, 3, 4, 5].map((index) => [index, index * 1_000] as const)
    assert.deepEqual(emissionNotes(tallied(rows), false), [
      '5,000 of 5,001 rows that boot boot-5 emitted are not in this store: refused, in quarantine, in a spool, or stored elsewhere',
      '4,000 of 4,001 rows that boot boot-4 emitted are not in this store: refused, in quarantine, in a spool, or stored elsewhere',
      '3,000 of 3,001 rows that boot boot-3 emitted are not in this store: refused, in quarantine, in a spool, or stored elsewhere',
      '3,000 rows of 2 further boots are not in this store either',
    ])
    assert.deepEqual(
      emissionNotes(
        tallied([
          [1, 0],
          [1, 2],
        ]),
        true,
      ),
      [
        '1 of 3 rows that boot boot-1 emitted is not in this store: deleted, damaged, refused, in quarantine, in a spool, or stored elsewhere',
      ],
    )
    assert.deepEqual(emissionNotes(tallied([[1, 0]]), false), [])
  })
})

describe('emission in verdicts', () => {
  const log = '_/gateway/node-1/sys'
  const { rows, head } = storedLog(
    log,
    [0, 1, 2, 4, 5].map((index) => ordinaryDraft('sys', index)),
  )

  function told(damaged: typeof rows): number[] {
    const seqs: number[] = []
    const onEmission = (boot_id: string, boot_seq: number): void => {
      assert.equal(boot_id, '0123456789abcdef')
      seqs.push(boot_seq)
    }
    const verifier = createLogVerifier({ log, head, digest, onEmission })
    for (const row of damaged) verifier.push(row)
    verifier.finish()
    return seqs
  }

  it('the verifier tells of every row that holds, but the first, which the store wrote', () => {
    assert.deepEqual(told(rows), [1, 2, 4, 5])
    const changed = rows.map((row, index) => {
      if (index === 2) return { ...row, hash: '' }
      return index === 3 ? { ...row, columns: { ...row.columns, event: 'x' } } : row
    })
    assert.deepEqual(told(changed), [1, 4, 5], 'a column says nothing against the leaf')
  })

  it('a hole is told and decides nothing', () => {
    const verifier = createLogVerifier({ log, head, digest })
    for (const row of rows) verifier.push(row)
    const verdict = combineVerdicts(
      [verifier.finish()],
      ['first'],
      tallied(told(rows).map((seq) => [1, seq])),
    )
    assert.equal(verdict.verdict, 'PASS')
    assert.deepEqual([verdict.emission?.rows_emitted, verdict.emission?.rows_missing], [6, 2])
    assert.match(
      verdict.notes[1] ?? '',
      /^2 of 6 rows that boot boot-1 emitted are not in this store: refused,/,
    )
    assert.equal('emission' in combineVerdicts([]), false)
  })
})
