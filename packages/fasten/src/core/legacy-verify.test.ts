// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { digest } from './fixtures/rows.ts'
import { parseTokens, type TokenValue } from './json-tokens.ts'
import { legacyCommitment, legacyHash, readLegacyRow, type LegacyRow } from './legacy.ts'
import { legacyVerify, type LegacyVerifyOptions } from './legacy-verify.ts'
import type { LogVerdict } from './verdict.ts'

const salt = '8a475fc37d9afa77d4d958ba88e1ee7230e66ed5d00383253b06a34a4c414cb5'

function draft(seq: number, members: Record<string, unknown>): LegacyRow {
  return readLegacyRow(
    JSON.stringify({
      id: `evt-${seq}`,
      origin_id: `evt-${seq}`,
      monotonic_seq: seq,
      timestamp: '2026-06-15T10:30:45.123456Z',
      code: 'ORDER_PLACED',
      action: 'create',
      severity: 'info',
      service_id: 'gateway',
      source_node_id: 'node-1',
      tenant_id: null,
      actor: 'alice',
      actor_kind: 'user',
      target: 'order/42',
      category: 'order',
      domain: 'sales',
      method: 'http',
      request_id: 'req-xyz',
      detail: { qty: 3 },
      wire_version: '1',
      shipped_at: null,
      ...members,
    }),
  )
}

const having = (row: LegacyRow, members: Record<string, TokenValue>): LegacyRow =>
  new Map([...row, ...Object.entries(members)])

function sealed(row: LegacyRow, prev: string): LegacyRow {
  const isForm2 = row.get('canonical_form_id') === '2'
  const linked = having(row, {
    prev_hash: prev,
    ...(isForm2
      ? { detail_salt: salt, detail_commitment: legacyCommitment(salt, row.get('detail') ?? null, digest) }
      : {}),
  })
  return having(linked, { hash: legacyHash(linked, isForm2 ? 'form_2' : 'form_1', digest) })
}

function chainOf(
  count: number,
  members: (seq: number) => Record<string, unknown> = () => ({ canonical_form_id: '1' }),
): LegacyRow[] {
  let prev = 'genesis'
  return Array.from({ length: count }, (_, index) => {
    const row = sealed(draft(index + 1, members(index + 1)), prev)
    prev = row.get('hash') as string
    return row
  })
}

const tipOf = (rows: readonly LegacyRow[]): NonNullable<LegacyVerifyOptions['tips']> => ({
  'node-1': { monotonic_seq: rows.length, hash: rows.at(-1)?.get('hash') as string },
})

function verify(rows: readonly LegacyRow[], tips?: LegacyVerifyOptions['tips']): LogVerdict {
  const [verdict, ...rest] = legacyVerify(rows, { digest, ...(tips === undefined ? {} : { tips }) })
  assert.equal(rest.length, 0)
  return verdict ?? assert.fail('no verdict')
}

const places = ({ breaks }: LogVerdict): unknown[][] =>
  breaks.map(({ kind, from_index, to_index }) => [kind, from_index, to_index])

describe('legacyVerify', () => {
  const rows = chainOf(6)
  const form2 = chainOf(6, () => ({ canonical_form_id: '2', timestamp: '2026-06-15T10:30:45.000000Z' }))
  const at = (list: readonly LegacyRow[], index: number): LegacyRow => list[index] ?? assert.fail()

  it('passes chains of either form, in any order, when somebody vouches for the tip', () => {
    for (const list of [rows, form2]) {
      const verdict = verify(list.toReversed(), tipOf(list))
      assert.deepEqual(
        [verdict.verdict, verdict.log, verdict.rows_checked, verdict.from_index, verdict.to_index],
        ['PASS', 'node-1', 6, 1, 7],
      )
    }
  })

  it('is INCOMPLETE when nobody vouches for the tip, or when there is nothing', () => {
    assert.equal(verify(rows).verdict, 'INCOMPLETE')
    assert.equal(verify(rows, tipOf(rows.slice(0, 4))).verdict, 'INCOMPLETE')
    assert.deepEqual(legacyVerify([], { digest }), [])
    assert.deepEqual(places(verify([], tipOf(rows))), [['rows_missing', 1, 6]])
  })

  for (const [name, damaged, expected] of [
    ['an edit', rows.with(2, having(at(rows, 2), { actor: 'mallory' })), [['hash_mismatch', 3, 3]]],
    [
      'a number written another way',
      rows.with(2, having(at(rows, 2), { detail: parseTokens('{"qty":3.0}') })),
      [['hash_mismatch', 3, 3]],
    ],
    [
      'an edit under a new hash',
      rows.with(2, sealed(having(at(rows, 2), { actor: 'mallory' }), at(rows, 1).get('hash') as string)),
      [['link_mismatch', 4, 4]],
    ],
    [
      'a new hash on the newest row',
      rows.with(5, sealed(having(at(rows, 5), { actor: 'mallory' }), at(rows, 4).get('hash') as string)),
      [['head_mismatch', 6, 6]],
    ],
    [
      'a blanked hash',
      rows.with(2, having(at(rows, 2), { hash: '', actor: 'mallory' })),
      [['hash_missing', 3, 3]],
    ],
    [
      'a changed hash',
      rows.with(2, having(at(rows, 2), { hash: 'ab'.repeat(32) })),
      [['hash_mismatch', 3, 3]],
    ],
    [
      'hashes blanked from the start',
      rows.map((row, index) => (index < 3 ? having(row, { hash: '' }) : row)),
      [['link_mismatch', 4, 4]],
    ],
    ['a deleted row', rows.toSpliced(2, 1), [['rows_missing', 3, 3]]],
    ['a cut beginning', rows.slice(2), [['rows_missing', 1, 2]]],
    ['a cut end', rows.slice(0, 4), [['rows_missing', 5, 6]]],
    [
      'two rows with one number',
      [...rows, having(at(rows, 2), { id: 'evt-other' })],
      [['duplicate_seq', 3, 3]],
    ],
    [
      'an unknown form',
      rows.with(2, having(at(rows, 2), { canonical_form_id: '7' })),
      [['form_unknown', 3, 3]],
    ],
    [
      'a place that is none',
      [...rows, having(at(rows, 2), { monotonic_seq: 'three' })],
      [['place_mismatch', 6, 6]],
    ],
    [
      'a detail exchanged behind its commitment',
      form2.with(2, having(at(form2, 2), { detail: parseTokens('{"qty":4}') })),
      [['commitment_mismatch', 3, 3]],
    ],
    [
      'a detail without its salt',
      form2.with(2, having(at(form2, 2), { detail_salt: null })),
      [['commitment_mismatch', 3, 3]],
    ],
    [
      'a detail that is gone unexplained',
      form2.with(2, having(at(form2, 2), { detail: null, detail_salt: null })),
      [['commitment_mismatch', 3, 3]],
    ],
  ] as const) {
    it(`names ${name}, and nothing else`, () => {
      const verdict = verify(
        damaged,
        tipOf(damaged.some((row) => row.get('canonical_form_id') === '2') ? form2 : rows),
      )
      assert.equal(verdict.verdict, 'FAIL')
      assert.deepEqual(places(verdict), expected)
    })
  }

  it('takes a detail that is gone for erased when a row says so', () => {
    const list = chainOf(4, (seq) =>
      seq === 4
        ? { canonical_form_id: '2', code: 'AUDIT_ROW_REDACTED', detail: { rows: ['evt-2'] } }
        : { canonical_form_id: '2' },
    )
    const verdict = verify(
      list.with(1, having(at(list, 1), { detail: null, detail_salt: null })),
      tipOf(list),
    )
    assert.deepEqual([verdict.verdict, verdict.rows_erased], ['PASS', 1])
  })

  it('does not take a mark of shipping, a repeated delivery or a preliminary line for damage', () => {
    const shipped = rows.map((row) =>
      having(row, { shipped_at: '2026-06-16T00:00:00.000000Z', pii_in_detail: false }),
    )
    assert.equal(verify(shipped, tipOf(rows)).verdict, 'PASS')
    const preliminary = having(at(rows, 0), { monotonic_seq: { token: '0' }, hash: '', prev_hash: '' })
    const verdict = verify([preliminary, ...rows, at(rows, 3)], tipOf(rows))
    assert.deepEqual([verdict.verdict, verdict.rows_checked], ['PASS', 6])
    assert.match(verdict.notes.join('\n'), /left out: 1\nrows that were there twice, word for word: 1/)
  })

  it('says which rows verify only under an older rule', () => {
    const old = draft(1, {})
    const linked = having(old, { prev_hash: 'genesis' })
    const row = having(linked, { hash: legacyHash(linked, 'before_forms', digest) })
    const verdict = verify([row], tipOf([row]))
    assert.equal(verdict.verdict, 'PASS')
    assert.match(verdict.notes.join('\n'), /legacy rule before_forms: 1/)
  })

  it('counts rows from before sealing, which prove nothing', () => {
    const verdict = verify([
      having(draft(1, { prev_hash: 'genesis' }), { hash: '' }),
      ...chainOf(2).map((row, index) => sealedAs(row, index + 2)),
    ])
    assert.equal(verdict.verdict, 'INCOMPLETE')
    assert.match(verdict.notes.join('\n'), /from before sealing.*: 1/)
  })

  function sealedAs(row: LegacyRow, seq: number): LegacyRow {
    const moved = having(row, {
      monotonic_seq: { token: String(seq) },
      id: `evt-${seq}`,
      origin_id: `evt-${seq}`,
    })
    return seq === 2
      ? sealed(moved, 'genesis')
      : sealed(moved, sealedAs(chainOf(1)[0] ?? assert.fail(), 2).get('hash') as string)
  }

  it('gives each node its own verdict, or each service of a node under the older rule', () => {
    const two = [...rows, ...chainOf(2, () => ({ source_node_id: 'node-2', service_id: 'edge' }))]
    assert.deepEqual(
      legacyVerify(two, { digest }).map(({ log, rows_checked }) => [log, rows_checked]),
      [
        ['node-1', 6],
        ['node-2', 2],
      ],
    )
    assert.deepEqual(
      legacyVerify(two, { digest, chainOf: 'service_and_node' }).map(({ log }) => log),
      ['edge/node-2', 'gateway/node-1'],
    )
  })
})
