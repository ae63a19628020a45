// SPDX-License-Identifier: Apache-2.0
import type { LegacyInput } from '../../packages/fasten/src/core/fixtures/answer.ts'
import {
  publishedFloatRow,
  publishedMembers,
  publishedRow,
} from '../../packages/fasten/src/core/fixtures/legacy-rows.ts'
import { digest } from '../../packages/fasten/src/core/fixtures/rows.ts'
import { legacyCommitment, legacyHash, readLegacyRow } from '../../packages/fasten/src/core/legacy.ts'
import { parseTokens } from '../../packages/fasten/src/core/json-tokens.ts'
import type { BreakKind } from '../../packages/fasten/src/core/verdict.ts'
import type { VectorCase, VectorCases } from './case.ts'

type Members = Readonly<Record<string, unknown>>

const salt = '8a475fc37d9afa77d4d958ba88e1ee7230e66ed5d00383253b06a34a4c414cb5'

/** A sealed row, as a line. */
function sealed(seq: number, prev: string, members: Members = {}): { line: string; hash: string } {
  const form2 = members['canonical_form_id'] === '2'
  const row: Members = {
    ...publishedMembers,
    id: `evt-${seq}`,
    origin_id: `evt-${seq}`,
    monotonic_seq: seq,
    prev_hash: prev,
    ...members,
  }
  const committed = form2
    ? {
        ...row,
        detail_salt: salt,
        detail_commitment: legacyCommitment(salt, parseTokens(JSON.stringify(row['detail'])), digest),
      }
    : row
  const hash = legacyHash(readLegacyRow(JSON.stringify(committed)), form2 ? 'form_2' : 'form_1', digest)
  return { line: JSON.stringify({ ...committed, hash }), hash }
}

function chainOf(...members: readonly Members[]): {
  lines: string[]
  hashes: string[]
  tips: Record<string, { monotonic_seq: number; hash: string }>
} {
  const lines: string[] = []
  const hashes: string[] = []
  for (const [index, own] of members.entries()) {
    const { line, hash } = sealed(index + 1, hashes.at(-1) ?? 'genesis', own)
    lines.push(line)
    hashes.push(hash)
  }
  return { lines, hashes, tips: { 'node-1': { monotonic_seq: members.length, hash: hashes.at(-1) ?? '' } } }
}

const one = chainOf({}, {}, {}, {})
const two = chainOf(...Array.from({ length: 4 }, () => ({ canonical_form_id: '2' })))
const changed = (line: string | undefined, members: Members): string =>
  JSON.stringify({ ...(JSON.parse(line ?? '{}') as Members), ...members })

function chains(
  about: string,
  input: LegacyInput,
  verdict: string,
  ...breaks: readonly (readonly [BreakKind, number, number?])[]
): VectorCase<LegacyInput> {
  return {
    about,
    checks: [
      {
        input,
        claim: {
          chains: [
            {
              verdict,
              breaks: breaks.map(([kind, from, to = from]) => ({ kind, from_index: from, to_index: to })),
            },
          ],
        },
      },
    ],
  }
}

export const legacyCases: VectorCases<LegacyInput> = {
  'form-1-published': {
    about: `The published hashes of form 1: a time with microseconds, one on a whole second (hashed without fraction), one a microsecond later,
and a detail with a float that is whole, whose \`75.0\` must survive reading.`,
    checks: [
      {
        input: { row: publishedRow(), variant: 'form_1' },
        claim: { hash: 'cbf5a1ee4bb7baeb0b433bedfa60434bdea42627b9671183895970bbff02f9ac' },
      },
      {
        input: { row: publishedRow({ timestamp: '2026-06-15T10:30:45.000000Z' }), variant: 'form_1' },
        claim: { hash: 'a46fa853141de1927faca8316e1f705c31c29a6e322e649d57013b6e45cff6c5' },
      },
      {
        input: { row: publishedRow({ timestamp: '2026-06-15T10:30:45.000001Z' }), variant: 'form_1' },
        claim: { hash: '1a3f6b7e56dd8df8191562789f02494509c589379f5b34eb6c42893fac3b6012' },
      },
      {
        input: { row: publishedFloatRow, variant: 'form_1' },
        claim: { hash: '512021c690ddfd2077192cb6d75921ea36d35b3270a12fdf91888d5ffabcf54b' },
      },
    ],
  },
  'form-1-times': {
    about:
      "Whatever the wire says of an instant, form 1 hashes it as UTC with `+00:00`; the older rule hashes the wire's text.",
    checks: [
      {
        input: { row: publishedRow({ timestamp: '2026-06-15T16:00:45.123456+05:30' }), variant: 'form_1' },
        claim: { hash: 'cbf5a1ee4bb7baeb0b433bedfa60434bdea42627b9671183895970bbff02f9ac' },
      },
      {
        input: { row: publishedRow({ timestamp: '2026-06-15T10:30:45Z' }), variant: 'form_1' },
        claim: { hash: 'a46fa853141de1927faca8316e1f705c31c29a6e322e649d57013b6e45cff6c5' },
      },
      { input: { row: publishedRow(), variant: 'form_1_wire_time' }, claim: {} },
    ],
  },
  'before-forms-published': {
    about:
      'Rows sealed before forms had names: the member `canonical_form_id` is not hashed. Stores give such rows form 1 by default.',
    checks: [
      {
        input: { row: publishedRow(), variant: 'before_forms' },
        claim: { hash: '561b6028cac9d69c9ae0b7f814bf99dadbe6eef558ec68481ed71e32bcfb08e2' },
      },
    ],
  },
  'form-2': {
    about: 'Form 2 hashes the commitment in place of the detail, and the time as on the wire.',
    checks: [
      {
        input: {
          row: publishedRow({
            canonical_form_id: '2',
            detail_salt: salt,
            detail_commitment: '0fc16a9691d2197a1909682fbc063f8b437949543618c8db9990337b2c5c476b',
          }),
          variant: 'form_2',
        },
        claim: {},
      },
    ],
  },
  'commitments-published': {
    about: 'The published commitments: SHA-256 over the hex text of the salt, not its bytes, and the detail.',
    checks: [
      {
        input: { salt, detail: '{"qty":3,"sku":"WIDGET"}' },
        claim: { commitment: '0fc16a9691d2197a1909682fbc063f8b437949543618c8db9990337b2c5c476b' },
      },
      {
        input: {
          salt: 'ebcf1d74b84a30b5d5cd1215049062a8a1022281a1b21ad4509f2625ccafbf46',
          detail: '{"sku":"WIDGET","qty":3}',
        },
        claim: { commitment: '7bed5ab6d6d3508dec181fb16f4413247d6895bf3942228c13f99b71637dc3f6' },
      },
      {
        input: {
          salt: '84e6db47bc0ade4f93c9408184e37471356b4c2f411f7466f722dcc8bdac101c',
          detail: ' { "qty" : 3 , "sku" : "WIDGET" } ',
        },
        claim: { commitment: 'bc0f49efa3ba71fccaf78c7d0e3252df9e218821ac0abfab0b16f79349a8bb2a' },
      },
    ],
  },
  'python-text': {
    about: `Text as CPython prints it: names by code point (not by UTF-16 unit: U+FF5E before the emoji), everything outside printable ASCII
escaped, DEL too, the slash not; numbers as they were written.`,
    checks: [
      {
        input: {
          salt,
          detail:
            '{"\uff5e":1.50,"\u{1f600}":1e-05,"a\u007f/<":"\\u0001\\n\\"\u00e9","n":[-0.0,1e+20,12345678901234567890,null,true,false]}',
        },
        claim: {
          text: '{"a\\u007f/<":"\\u0001\\n\\"\\u00e9","n":[-0.0,1e+20,12345678901234567890,null,true,false],"\\uff5e":1.50,"\\ud83d\\ude00":1e-05}',
        },
      },
    ],
  },
  'chain-form-1_pass': chains(
    'A chain whose newest row somebody outside remembers.',
    { rows: one.lines, tips: one.tips },
    'PASS',
  ),
  'chain-form-2_pass': chains('The same under form 2.', { rows: two.lines, tips: two.tips }, 'PASS'),
  'chain-unordered_pass': chains(
    'Rows come in any order and some twice; `shipped_at` was set after sealing.',
    {
      rows: [
        ...one.lines.toReversed().map((line) => changed(line, { shipped_at: '2026-06-16T00:00:00.000000Z' })),
        changed(one.lines[1], { shipped_at: '2026-06-16T00:00:00.000000Z' }),
      ],
      tips: one.tips,
    },
    'PASS',
  ),
  'detail-redacted_pass': chains(
    'A detail is gone, and a later row says that it was taken out.',
    redacted(),
    'PASS',
  ),
  'tip-unknown_incomplete': chains(
    'Nobody remembers the newest row: rows cut off at the end would not show.',
    { rows: one.lines },
    'INCOMPLETE',
  ),
  'unsealed-beginning_incomplete': chains(
    'Rows from before sealing carry no hash and prove nothing.',
    unsealedBeginning(),
    'INCOMPLETE',
  ),
  'hash-blanked_broken': chains(
    'The published verifier skips a row without hash, and the link behind it: blanking hides any edit. Not here.',
    { rows: one.lines.with(1, changed(one.lines[1], { hash: '', actor: 'mallory' })), tips: one.tips },
    'FAIL',
    ['hash_missing', 2],
  ),
  'row-edited_broken': chains(
    'An edit, its hash left.',
    { rows: one.lines.with(1, changed(one.lines[1], { actor: 'mallory' })), tips: one.tips },
    'FAIL',
    ['hash_mismatch', 2],
  ),
  'row-edited-and-hashed_broken': chains(
    'An edit under a new hash: the successor remembers.',
    { rows: one.lines.with(1, sealed(2, one.hashes[0] ?? '', { actor: 'mallory' }).line), tips: one.tips },
    'FAIL',
    ['link_mismatch', 3],
  ),
  'float-rewritten_broken': chains(
    'A number that was written `3` became `3.0`.',
    { rows: one.lines.with(1, (one.lines[1] ?? '').replace('"qty":3', '"qty":3.0')), tips: one.tips },
    'FAIL',
    ['hash_mismatch', 2],
  ),
  'prefix-cut_broken': chains(
    'The published verifier does not look at where a chain begins.',
    { rows: one.lines.slice(2), tips: one.tips },
    'FAIL',
    ['rows_missing', 1, 2],
  ),
  'middle-deleted_broken': chains(
    'A hole in the numbers.',
    { rows: one.lines.toSpliced(1, 1), tips: one.tips },
    'FAIL',
    ['rows_missing', 2],
  ),
  'tail-truncated_broken': chains(
    'The remembered tip is gone.',
    { rows: one.lines.slice(0, 2), tips: one.tips },
    'FAIL',
    ['rows_missing', 3, 4],
  ),
  'number-used-twice_broken': chains(
    'Two processes, each counting for itself.',
    { rows: [...one.lines, changed(one.lines[1], { id: 'evt-other' })], tips: one.tips },
    'FAIL',
    ['duplicate_seq', 2],
  ),
  'form-unknown_broken': chains(
    'A form that nobody knows.',
    { rows: one.lines.with(1, changed(one.lines[1], { canonical_form_id: '9' })), tips: one.tips },
    'FAIL',
    ['form_unknown', 2],
  ),
  'detail-exchanged_broken': chains(
    "The detail is not the one committed to; the row's hash still holds.",
    { rows: two.lines.with(1, changed(two.lines[1], { detail: { qty: 4 } })), tips: two.tips },
    'FAIL',
    ['commitment_mismatch', 2],
  ),
  'detail-gone_broken': chains(
    'The detail is gone and no row says why.',
    { rows: two.lines.with(1, changed(two.lines[1], { detail: null, detail_salt: null })), tips: two.tips },
    'FAIL',
    ['commitment_mismatch', 2],
  ),
}

function redacted(): LegacyInput {
  const list = chainOf(
    { canonical_form_id: '2' },
    { canonical_form_id: '2' },
    { canonical_form_id: '2', code: 'AUDIT_ROW_REDACTED', target: 'evt-2', detail: {} },
  )
  return {
    rows: list.lines.with(1, changed(list.lines[1], { detail: null, detail_salt: null })),
    tips: list.tips,
  }
}

function unsealedBeginning(): LegacyInput {
  const first = sealed(2, 'genesis')
  const second = sealed(3, first.hash)
  return {
    rows: [changed(sealed(1, 'genesis').line, { hash: '' }), first.line, second.line],
    tips: { 'node-1': { monotonic_seq: 3, hash: second.hash } },
  }
}
