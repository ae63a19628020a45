// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from '../../packages/fasten/src/core/canonical.ts'
import { leafHash } from '../../packages/fasten/src/core/chain.ts'
import { columnsOf } from '../../packages/fasten/src/core/columns.ts'
import type { VerifyInput } from '../../packages/fasten/src/core/fixtures/answer.ts'
import { digest, ordinaryDraft, storedLog } from '../../packages/fasten/src/core/fixtures/rows.ts'
import type { Draft, JsonValue, Row, StreamName, SysDraft } from '../../packages/fasten/src/core/row.ts'
import type { BreakKind } from '../../packages/fasten/src/core/verdict.ts'
import type { VectorCase, VectorCases } from './case.ts'

type StoredRow = VerifyInput['rows'][number]
type Break = readonly [BreakKind, number, number?]

const log = '_/gateway/node-1/sys'

/** Log lines are the shortest rows; what holds for them holds for all. Row 0 tells of the log's birth, as always. */
function sysDrafts(count: number): Draft[] {
  return Array.from({ length: count }, (_, index): Draft => {
    const draft = ordinaryDraft('sys', index) as SysDraft
    return index === 0
      ? { ...draft, event: 'LOG_CREATED', logger: 'fasten', fields: { software: 'fasten', version: '0.1.0' } }
      : draft
  })
}

function stored(name: string, drafts: readonly Draft[]): VerifyInput {
  const { rows, head } = storedLog(name, drafts)
  return {
    log: name,
    head: { size: head.size, head_hash: head.head_hash },
    columns: true,
    rows: rows.map(({ monotonic_seq, leaf, hash, columns }) => ({
      monotonic_seq,
      leaf: new TextDecoder().decode(leaf ?? undefined),
      hash,
      columns,
    })),
  }
}

const ordinaryLog = (stream: StreamName, count: number): VerifyInput =>
  stored(
    `_/gateway/node-1/${stream}`,
    stream === 'sys'
      ? sysDrafts(count)
      : Array.from({ length: count }, (_, index) => ordinaryDraft(stream, index)),
  )

const whole = ordinaryLog('sys', 5)
const row = (index: number): StoredRow => {
  const found = whole.rows[index]
  if (found === undefined) throw new TypeError(`there is no row ${index}`)
  return found
}
const rows = (...list: readonly StoredRow[]): VerifyInput => ({ ...whole, rows: list })
const withRow = (index: number, change: Partial<StoredRow>): VerifyInput => ({
  ...whole,
  rows: whole.rows.with(index, { ...row(index), ...change }),
})

/** The row with members of its leaf changed, its columns too, and its hash made to fit where asked. */
function edited(index: number, members: Readonly<Record<string, JsonValue>>, isRehashed: boolean): StoredRow {
  const changed = { ...(JSON.parse(row(index).leaf ?? '') as Row), ...members } as Row
  return withLeaf(row(index), canonicalize(changed as unknown as JsonValue), changed, isRehashed)
}

function withLeaf(original: StoredRow, leaf: string, parsed: Row, isRehashed: boolean): StoredRow {
  return {
    ...original,
    leaf,
    columns: columnsOf(parsed),
    ...(isRehashed ? { hash: leafHash(new TextEncoder().encode(leaf), digest) } : {}),
  }
}

function rewritten(change: (leaf: string) => string): VerifyInput {
  const leaf = change(row(2).leaf ?? '')
  const hash = leafHash(new TextEncoder().encode(leaf), digest)
  return { ...rows(row(0), row(1), { ...row(2), leaf, hash }), head: { size: 3, head_hash: hash } }
}

/** Every row from `index` on with another event, links and hashes renewed up to the end. */
function rewrittenFrom(index: number): VerifyInput {
  const list = [...whole.rows]
  for (let at = index; at < list.length; at++) {
    list[at] = edited(at, { event: 'something else', prev_hash: list[at - 1]?.hash ?? 'genesis' }, true)
  }
  return { ...whole, rows: list }
}

function broken(about: string, input: VerifyInput, ...breaks: readonly Break[]): VectorCase<VerifyInput> {
  return {
    about,
    checks: [
      {
        input,
        claim: {
          verdict: 'FAIL',
          breaks: breaks.map(([kind, from, to = from]) => ({ kind, from_index: from, to_index: to })),
          breaks_total: breaks.length,
        },
      },
    ],
  }
}

const passing = (about: string, ...inputs: readonly VerifyInput[]): VectorCase<VerifyInput> => ({
  about,
  checks: inputs.map((input) => ({
    input,
    claim: { verdict: 'PASS', rows_bad: 0, rows_missing: 0, breaks: [] },
  })),
})
const incomplete = (about: string, ...inputs: readonly VerifyInput[]): VectorCase<VerifyInput> => ({
  about,
  checks: inputs.map((input) => ({ input, claim: { verdict: 'INCOMPLETE', breaks: [] } })),
})

const newestForged = edited(4, { monotonic_seq: 5, prev_hash: row(4).hash, event: 'forged' }, true)

export const verifyCases: VectorCases<VerifyInput> = {
  untouched_pass: passing(
    'Untouched logs of the three streams, and one of a single row.',
    whole,
    ordinaryLog('audit', 3),
    ordinaryLog('api', 3),
    ordinaryLog('sys', 1),
  ),
  'exported-leaves_pass': passing('Rows without columns, as an export holds them.', {
    ...whole,
    columns: false,
    rows: whole.rows.map(({ monotonic_seq, leaf, hash }) => ({ monotonic_seq, leaf, hash })),
  }),
  'names-beyond-ascii_pass': passing(
    'Members of `fields` with names beyond ASCII, in UTF-16 order, and with escapes; values beyond ASCII in a column.',
    stored(log, [
      {
        ...(ordinaryDraft('sys', 0) as SysDraft),
        event: 'Ventil "öffnet"',
        fields: { '\n': 1, '"': 2, é: 3, '\u{1f600}': 4, '\uff5e': 5 },
      },
    ]),
  ),
  'member-of-a-later-version_pass': passing(
    'A member that this version does not know, in its place: a later version may write it.',
    {
      ...rows(edited(0, { unknown_member: { a: [1] }, wire_version: '3' }, true)),
      head: {
        size: 1,
        head_hash: edited(0, { unknown_member: { a: [1] }, wire_version: '3' }, true).hash ?? '',
      },
    },
  ),
  'range-from-known-row_pass': passing(
    'A range whose left edge is known, by its hash or by the row before it, which is then read but not counted.',
    { ...rows(row(2), row(3)), from_seq: 2, to_seq: 3, prev_hash: row(1).hash ?? '' },
    { ...rows(row(1), row(2), row(3)), from_seq: 2, to_seq: 3 },
    { ...rows(row(3), row(4)), from_seq: 3, to_seq: 100, prev_hash: row(2).hash ?? '' },
  ),
  'end-rewritten-with-its-head_pass': passing(
    `The limit of a chain without signatures: whoever can write rows and head can rewrite both, and nothing shows. This is why every
row is counted as unanchored until a signed checkpoint covers it.`,
    { ...rewrittenFrom(2), head: { size: 5, head_hash: rewrittenFrom(2).rows[4]?.hash ?? '' } },
  ),
  'nothing-to-check_incomplete': incomplete(
    'An empty log, an empty range and a log nobody knows of prove nothing; "0 rows checked" must never look like success.',
    { ...rows(), head: { size: 0, head_hash: 'genesis' } },
    { ...rows(), head: null },
    { ...rows(), from_seq: 5, prev_hash: row(4).hash ?? '' },
  ),
  'head-unknown_incomplete': incomplete(
    'All rows are fine, but nothing records where the log ends: rows cut off there would not show.',
    {
      ...whole,
      head: null,
    },
  ),
  'left-edge-unknown_incomplete': incomplete(
    'A range whose first row could not be linked to the row before it.',
    { ...rows(row(2), row(3)), from_seq: 2, to_seq: 3 },
  ),
  'all-rows-deleted_broken': broken('The head remembers five rows, and there are none.', rows(), [
    'rows_missing',
    0,
    4,
  ]),
  'prefix-cut_broken': broken(
    'The oldest rows are gone. The first row left cannot pass for the beginning.',
    rows(row(2), row(3), row(4)),
    ['rows_missing', 0, 1],
  ),
  'middle-deleted_broken': broken(
    'One row is gone. That its successor links to a row that is not there is the same damage, not another.',
    rows(row(0), row(1), row(3), row(4)),
    ['rows_missing', 2],
  ),
  'tail-truncated_broken': broken(
    'The newest rows are gone; only the head knows of them.',
    rows(row(0), row(1), row(2)),
    ['rows_missing', 3, 4],
  ),
  'several-holes_broken': broken(
    'Every hole is named, not only the first.',
    rows(row(1), row(3)),
    ['rows_missing', 0],
    ['rows_missing', 2],
    ['rows_missing', 4],
  ),
  'row-edited_broken': broken(
    'A leaf and its columns were changed; the hash was left.',
    { ...whole, rows: whole.rows.with(2, edited(2, { event: 'forged' }, false)) },
    ['hash_mismatch', 2],
  ),
  'row-edited-and-hashed_broken': broken(
    'The hash was renewed as well: now the successor remembers another one.',
    { ...whole, rows: whole.rows.with(2, edited(2, { event: 'forged' }, true)) },
    ['link_mismatch', 3],
  ),
  'newest-row-edited-and-hashed_broken': broken(
    'The newest row has no successor; the head remembers it.',
    { ...whole, rows: whole.rows.with(4, edited(4, { event: 'forged' }, true)) },
    ['head_mismatch', 4],
  ),
  'first-row-not-genesis_broken': broken(
    'Row 0 claims a predecessor.',
    { ...whole, rows: whole.rows.with(0, edited(0, { prev_hash: 'ab'.repeat(32) }, true)) },
    ['link_mismatch', 0],
    ['link_mismatch', 1],
  ),
  'history-rewritten_broken': broken(
    'Every row from 2 on was changed and linked anew; all of it is consistent, but it is not what the head records.',
    rewrittenFrom(2),
    ['head_mismatch', 4],
  ),
  'hash-edited_broken': broken(
    'The hash column alone was changed. The leaf still fits its neighbours.',
    withRow(2, { hash: 'ab'.repeat(32) }),
    ['hash_mismatch', 2],
  ),
  'hash-blanked_broken': broken(
    'A row without hash is not skipped; null and empty are the same.',
    { ...whole, rows: whole.rows.with(1, { ...row(1), hash: null }).with(3, { ...row(3), hash: '' }) },
    ['hash_missing', 1],
    ['hash_missing', 3],
  ),
  'hash-blanked-and-row-edited_broken': broken(
    'Blanking the hash to hide an edit: one damage, one break.',
    { ...whole, rows: whole.rows.with(2, { ...edited(2, { event: 'forged' }, false), hash: null }) },
    ['hash_missing', 2],
  ),
  'every-hash-blanked_broken': broken(
    'Neighbouring breaks of one kind and cause are told as one, with their range.',
    { ...whole, rows: whole.rows.map((each) => ({ ...each, hash: null })) },
    ['hash_missing', 0, 4],
  ),
  'leaf-blanked_broken': broken('The leaf is gone, the hash is left.', withRow(2, { leaf: null }), [
    'leaf_unreadable',
    2,
  ]),
  'leaf-is-no-json_broken': broken(
    'Bytes that hash as recorded but are no JSON.',
    rewritten(() => 'forged'),
    ['leaf_unreadable', 2],
  ),
  'leaf-with-whitespace_broken': broken(
    'The same value in another text, hashed anew.',
    rewritten((leaf) => leaf.replace('{', '{ ')),
    ['leaf_unreadable', 2],
  ),
  'leaf-with-a-name-twice_broken': broken(
    'One parser takes the first of two members, another the last: such a leaf could show two things to two readers.',
    rewritten((leaf) => leaf.replace('"event":', '"event":"shown to some","event":')),
    ['leaf_unreadable', 2],
  ),
  'leaf-in-another-order_broken': broken(
    'Names out of order.',
    rewritten((leaf) => leaf.replace(/"boot_id":"\w+",("boot_seq":\d+)/, '$1,"boot_id":"0123456789abcdef"')),
    ['leaf_unreadable', 2],
  ),
  'leaf-of-another-form_broken': broken(
    'A form that nobody knows cannot be judged; it is not passed over.',
    {
      ...rows(row(0), row(1), edited(2, { canonical_form_id: '4' }, true)),
      head: { size: 3, head_hash: edited(2, { canonical_form_id: '4' }, true).hash ?? '' },
    },
    ['form_unknown', 2],
  ),
  'column-edited_broken': broken(
    'What people see in a query differs from what was hashed.',
    withRow(2, { columns: { ...row(2).columns, event: 'harmless' } }),
    ['column_mismatch', 2],
  ),
  'column-blanked_broken': broken(
    'A column is null although its member is there.',
    withRow(2, { columns: { ...row(2).columns, level: null } }),
    ['column_mismatch', 2],
  ),
  'column-invented_broken': broken(
    'A column holds something although its member is absent.',
    withRow(2, { columns: { ...row(2).columns, tenant_id: 'acme' } }),
    ['column_mismatch', 2],
  ),
  'rows-swapped_broken': broken(
    'Two rows changed places: each is found where the other belongs.',
    rows(row(0), { ...row(3), monotonic_seq: 1 }, row(2), { ...row(1), monotonic_seq: 3 }, row(4)),
    ['place_mismatch', 1],
    ['place_mismatch', 3],
  ),
  'rows-out-of-order_broken': broken(
    'A row that comes late is out of place, not missing.',
    rows(row(0), row(2), row(3), row(1), row(4)),
    ['place_mismatch', 1],
  ),
  'rows-renumbered_broken': broken(
    'A row was deleted and the places of those behind it moved up to close the hole. The leaves remember theirs.',
    rows(row(0), row(1), { ...row(3), monotonic_seq: 2 }, { ...row(4), monotonic_seq: 3 }),
    ['place_mismatch', 2, 3],
    ['rows_missing', 4],
  ),
  'row-of-another-log_broken': broken(
    'A genuine row of another node, put in the place of one.',
    {
      ...whole,
      rows: whole.rows.with(2, edited(2, { log: '_/gateway/node-2/sys', source_node_id: 'node-2' }, true)),
    },
    ['place_mismatch', 2],
  ),
  'row-stored-twice_broken': broken(
    'Two physical rows in one place, even if they are equal.',
    rows(row(0), row(1), row(1), row(2), row(3), row(4)),
    ['duplicate_seq', 1],
  ),
  'row-inserted_broken': broken(
    'A forged row beside a genuine one. Which is which shows in the successor; that there are two is the break.',
    rows(row(0), row(1), edited(2, { event: 'forged' }, true), row(2), row(3), row(4)),
    ['duplicate_seq', 2],
  ),
  'row-appended_broken': broken(
    'A well-made row behind the end that the head records.',
    rows(...whole.rows, { ...newestForged, monotonic_seq: 5 }),
    ['beyond_head', 5],
  ),
  'head-set-back_broken': broken(
    'The head was set back, but the rows are still there.',
    { ...whole, head: { size: 3, head_hash: row(2).hash ?? '' } },
    ['beyond_head', 3, 4],
  ),
  'head-set-back-in-size_broken': broken(
    'Only the size was set back: the hash is still that of the newest row, which is the same damage.',
    { ...whole, head: { size: 3, head_hash: row(4).hash ?? '' } },
    ['beyond_head', 3, 4],
  ),
  'row-of-another-stream_broken': broken(
    'A leaf that names this log, but says that it is of another stream.',
    {
      ...whole,
      rows: whole.rows.with(2, { ...edited(2, { stream: 'audit' }, true), columns: row(2).columns ?? {} }),
    },
    ['place_mismatch', 2],
  ),
  'head-edited_broken': broken(
    'The head names a hash that no row has.',
    { ...whole, head: { size: 5, head_hash: 'ab'.repeat(32) } },
    ['head_mismatch', 4],
  ),
  'place-that-is-none_broken': broken(
    'Rows stored at places before the first and between two.',
    rows(
      { ...row(1), monotonic_seq: -1 },
      row(0),
      row(1),
      { ...row(1), monotonic_seq: 1.5 },
      row(2),
      row(3),
      row(4),
    ),
    ['place_mismatch', -1],
    ['place_mismatch', 2],
  ),
  'left-edge-changed_broken': broken(
    'The row before the range is not the one that was trusted.',
    { ...rows(row(2), row(3)), from_seq: 2, to_seq: 3, prev_hash: 'ab'.repeat(32) },
    ['link_mismatch', 2],
  ),
  'several-kinds_broken': broken(
    'Damage does not hide what comes behind it: each is named, and the rows between are checked.',
    { ...ordinaryLog('sys', 9), rows: ordinaryLog('sys', 9).rows.flatMap((each) => damaged(each)) },
    ['column_mismatch', 1],
    ['rows_missing', 3],
    ['hash_mismatch', 5],
    ['duplicate_seq', 7],
  ),
}

function damaged(each: StoredRow): StoredRow[] {
  if (each.monotonic_seq === 1) return [{ ...each, columns: { ...each.columns, request_id: 'other' } }]
  if (each.monotonic_seq === 3) return []
  if (each.monotonic_seq === 5) return [{ ...each, leaf: each.leaf?.replace('setpoint', 'nothing') ?? null }]
  return each.monotonic_seq === 7 ? [each, each] : [each]
}
