// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from '../../packages/fasten/src/core/canonical.ts'
import { leafHash } from '../../packages/fasten/src/core/chain.ts'
import { columnsOf } from '../../packages/fasten/src/core/columns.ts'
import type { VerifyInput } from '../../packages/fasten/src/core/fixtures/answer.ts'
import { digest, ordinaryDraft, storedLog } from '../../packages/fasten/src/core/fixtures/rows.ts'
import type { Draft, JsonValue, Row, StreamName, SysDraft } from '../../packages/fasten/src/core/row.ts'
import { runsOf, sweptFacts } from '../../packages/fasten/src/core/swept.ts'
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

interface Sweep {
  readonly places: readonly number[]
  /** What the row of the sweep says instead of the truth. */
  readonly said?: Readonly<Record<string, JsonValue>>
  readonly boot_id?: string
}

/** A log of 8 rows and the rows of sweeps, with the leaves of `gone` taken away. */
function swept(stream: StreamName, gone: readonly number[], ...sweeps: readonly Sweep[]): VerifyInput {
  const home = `_/gateway/node-1/${stream}`
  const ordinary =
    stream === 'sys' ? sysDrafts(8) : Array.from({ length: 8 }, (_, index) => ordinaryDraft(stream, index))
  const drafts = sweeps.map(({ places, said, boot_id = 'fa57e40001020304' }, index): Draft => {
    const facts = {
      ...sweptFacts({
        log: home,
        from: places[0] ?? 0,
        to: places.at(-1) ?? 0,
        class: stream === 'audit' ? 'short' : stream,
        count: places.length,
        policy_hash: 'cd'.repeat(32),
        runs: runsOf(places),
      }),
      ...said,
    }
    const base = { ...ordinaryDraft(stream, 8 + index), boot_id }
    if (base.stream === 'sys') return { ...base, event: 'RETENTION_SWEPT', logger: 'fasten', fields: facts }
    if (base.stream === 'api')
      return { ...base, method: 'POST', path: '/RETENTION_SWEPT', status: 201, detail: facts }
    return { ...base, code: 'RETENTION_SWEPT', domain: 'fasten', detail: facts }
  })
  const input = stored(home, [...ordinary, ...drafts])
  return {
    ...input,
    rows: input.rows.map((each) =>
      gone.includes(each.monotonic_seq)
        ? { monotonic_seq: each.monotonic_seq, leaf: null, hash: each.hash, columns: {} }
        : each,
    ),
  }
}

const expired = (
  about: string,
  count: number,
  ...inputs: readonly VerifyInput[]
): VectorCase<VerifyInput> => ({
  about,
  checks: inputs.map((input) => ({
    input,
    claim: { verdict: 'PASS', rows_expired: count, rows_bad: 0, rows_missing: 0, breaks: [] },
  })),
})

export const verifyCases: VectorCases<VerifyInput> = {
  swept_pass: expired(
    'Rows that expired: their hashes are kept and still link, and a later row of the store says which they were.',
    4,
    swept('audit', [1, 2, 3, 4], { places: [1, 2, 3, 4] }),
    swept('sys', [1, 2, 3, 4], { places: [1, 2, 3, 4] }),
    swept('api', [1, 2, 3, 4], { places: [1, 2, 3, 4] }),
  ),
  'swept-in-turns_pass': expired(
    'Rows of several classes lie between each other and expire in turns; `places` names those of each turn.',
    5,
    swept('sys', [1, 2, 3, 5, 6], { places: [1, 3, 5] }, { places: [2, 6] }),
  ),
  'sweep-claims-more_pass': expired(
    'A row that a sweep names and that is there all the same (an older copy was put back) is checked like any other.',
    2,
    swept('sys', [1, 3], { places: [1, 2, 3] }),
  ),
  'range-of-expired-rows_incomplete': incomplete(
    'A range in which every row has expired proves nothing. The row behind it explains it, and is not in the range.',
    { ...swept('sys', [1, 2], { places: [1, 2] }), from_seq: 1, to_seq: 2 },
  ),
  'sweep-withheld_broken': broken(
    'The row that would explain the sweep was taken away as well: there is no end to that.',
    swept('sys', [1, 2, 8], { places: [1, 2] }),
    ['leaf_unreadable', 1, 2],
    ['leaf_unreadable', 8],
  ),
  'more-gone-than-swept_broken': broken(
    'One more row is gone than any sweep has named.',
    swept('sys', [1, 2, 3, 4], { places: [1, 2, 4] }),
    ['leaf_unreadable', 3],
  ),
  'sweep-counts-wrong_broken': broken(
    'A sweep whose count is not that of its places says nothing.',
    swept('sys', [1, 2], { places: [1, 2], said: { count: 1 } }),
    ['leaf_unreadable', 1, 2],
  ),
  'sweep-of-another-log_broken': broken(
    'A sweep speaks of its own log only.',
    swept('sys', [1, 2], { places: [1, 2], said: { log: '_/gateway/node-2/sys' } }),
    ['leaf_unreadable', 1, 2],
  ),
  'sweep-of-an-application_broken': broken(
    'A row that looks like one of a sweep, but was emitted by an application: only the store may say that rows are gone.',
    swept('sys', [1, 2], { places: [1, 2], boot_id: '0123456789abcdef' }),
    ['leaf_unreadable', 1, 2],
  ),
  'sweep-of-rows-behind-it_broken': broken(
    'A sweep explains rows before it. Row 9 was not there to be swept when row 8 said so.',
    swept('sys', [9], { places: [9] }, { places: [1] }),
    ['leaf_unreadable', 9],
  ),
  'kept-hash-changed_broken': broken(
    'The hash that an expired row left behind was changed: the row that follows it remembers another one.',
    changedHash(swept('sys', [1, 2, 3], { places: [1, 2, 3] }), 3),
    ['link_mismatch', 4],
  ),
  'row-behind-expired-edited_broken': broken(
    'A survivor is checked as ever.',
    withLeafOf(swept('sys', [1, 2, 3], { places: [1, 2, 3] }), 4, 'setpoint', 'nothing'),
    ['hash_mismatch', 4],
  ),
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

function changedHash(input: VerifyInput, seq: number): VerifyInput {
  return {
    ...input,
    rows: input.rows.map((each) => (each.monotonic_seq === seq ? { ...each, hash: 'ab'.repeat(32) } : each)),
  }
}

function withLeafOf(input: VerifyInput, seq: number, from: string, to: string): VerifyInput {
  const change = (each: StoredRow): StoredRow =>
    each.monotonic_seq === seq ? { ...each, leaf: each.leaf?.replace(from, to) ?? null } : each
  return { ...input, rows: input.rows.map(change) }
}

function damaged(each: StoredRow): StoredRow[] {
  if (each.monotonic_seq === 1) return [{ ...each, columns: { ...each.columns, request_id: 'other' } }]
  if (each.monotonic_seq === 3) return []
  if (each.monotonic_seq === 5) return [{ ...each, leaf: each.leaf?.replace('setpoint', 'nothing') ?? null }]
  return each.monotonic_seq === 7 ? [each, each] : [each]
}
