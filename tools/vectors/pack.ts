// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { canonicalize } from '../../packages/fasten/src/core/canonical.ts'
import type { PackInput } from '../../packages/fasten/src/core/fixtures/answer-pack.ts'
import { seededSigner } from '../../packages/fasten/src/core/fixtures/keys.ts'
import {
  draftsOf,
  ownDraft,
  packOf,
  rotationDraft,
  signerOf,
  type PackPart,
} from '../../packages/fasten/src/core/fixtures/packs.ts'
import { ordinaryDraft, storedLog } from '../../packages/fasten/src/core/fixtures/rows.ts'
import type { Draft, JsonObject } from '../../packages/fasten/src/core/row.ts'
import { formatVerifierKey } from '../../packages/fasten/src/core/verifier-key.ts'
import type { VectorCase, VectorCases } from './case.ts'

const log = '_/gateway/node-1/audit'
const signer = signerOf(log)
const key = formatVerifierKey(signer.key)
const witnesses = [2, 3].map((seed) => seededSigner(`witness.example.org/w${seed}`, seed, 'cosignature/v1'))
const [one = '', two = ''] = witnesses.map((witness) => formatVerifierKey(witness.key))
const policy = `log ${key}\nwitness one ${one}\nwitness two ${two}\ngroup both all one two\n`

const whole: PackPart = { log, drafts: draftsOf(6), signer }
const long: PackPart = { log, drafts: draftsOf(11), signer }

type Given = Omit<PackInput, 'files'>
const files = (part: Partial<PackPart> = {}): Record<string, string> => packOf([{ ...whole, ...part }])

function judged(about: string, verdict: string) {
  return (
    checks: readonly {
      files: PackInput['files']
      given?: Partial<Given>
      claim?: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[]
    }[],
  ): VectorCase<PackInput> => ({
    about,
    checks: checks.map((check) => ({
      input: { files: check.files, keys: [key], ...check.given },
      claim: {
        verdict,
        ...(check.claim === undefined
          ? {}
          : { logs: Array.isArray(check.claim) ? check.claim : [check.claim] }),
      },
    })),
  })
}
const passes = (about: string) => judged(about, 'PASS')
const fails = (about: string) => judged(about, 'FAIL')
const isIncomplete = (about: string) => judged(about, 'INCOMPLETE')
const breaks = (...list: readonly (readonly [string, number])[]) => ({
  breaks: list.map(([kind, index]) => ({ kind, from_index: index, to_index: index })),
})

/** The pack with one line of its rows replaced, or removed. */
function withLine(pack: Record<string, string>, at: number, change: (line: string) => string | undefined) {
  const lines = (pack['rows.jsonl'] ?? '').split('\n').slice(0, -1)
  const changed = lines.flatMap((line, index) => (index === at ? (change(line) ?? []) : line))
  return { ...pack, 'rows.jsonl': changed.map((line) => `${line}\n`).join('') }
}

const swept = (from: number, to: number, at: number, more: JsonObject = {}): Draft =>
  ownDraft(at, 'RETENTION_SWEPT', {
    class: 'medium',
    count: to - from + 1,
    from,
    log,
    policy_hash: 'ab'.repeat(32),
    to,
    ...more,
  })
const sweptLog: PackPart = { log, drafts: draftsOf(6, [swept(2, 4, 6)]), signer }

const email = Buffer.from(JSON.stringify(['AAAAAAAAAAAAAAAAAAAAAA', 'email', 'ann@example.org'])).toString(
  'base64url',
)
const commitment = createHash('sha256').update(email).digest('base64url')
const personal = (index: number): Draft =>
  ({ ...ordinaryDraft('audit', index), sd: { '/detail/email': commitment } }) as Draft
const erased = (values: number, at: number): Draft =>
  ownDraft(at, 'SUBJECT_ERASED', {
    basis: 'gdpr-17-1-b',
    erased_at: '2026-11-26T12:00:00.000000Z',
    keys: { k1: values },
    log,
    ranges: [[2, 3]],
    rows: 2,
    subject: 's-1',
    values,
  })
const beside = (seq: number, rest: JsonObject): JsonObject => ({
  key_id: 'k1',
  log,
  monotonic_seq: seq,
  pointer: '/detail/email',
  ...rest,
})
const opened = { disclosure: email, state: 'opened' }
const gone = { state: 'gone' }
const personalLog = (...more: readonly Draft[]): PackPart => ({
  log,
  drafts: [...draftsOf(2), personal(2), personal(3), ...more],
  signer,
})

const detailed = (index: number, more: Partial<Draft> = {}): Draft =>
  ({ ...personal(index), pii_in_detail: true, ...more }) as Draft
const detailsSwept = (from: number, to: number, at: number): Draft =>
  ownDraft(at, 'DISCLOSURES_SWEPT', {
    class: 'short',
    count: to - from + 1,
    from,
    log,
    policy_hash: 'ab'.repeat(32),
    to,
  })
const detailedLog = (...more: readonly Draft[]): PackPart => ({
  log,
  drafts: [...draftsOf(2), detailed(2), detailed(3), ...more],
  signer,
})

const forked = draftsOf(6).map((draft, at) =>
  at === 4 ? ({ ...draft, actor: 'somebody-else' } as Draft) : draft,
)
const forkedNote = packOf([{ ...whole, drafts: forked }])['checkpoints/0-6.checkpoint'] ?? ''
const olderFork = packOf([{ ...whole, drafts: forked, signed: [5] }])['checkpoints/0-5.checkpoint'] ?? ''

const successor: PackPart = {
  log: `${log}~2`,
  drafts: [
    ownDraft(0, 'LOG_CREATED', {
      previous_log: { head_hash: 'cd'.repeat(32), log, reason: 'rolled_back', size: 9 },
      software: 'fasten',
      version: '0.1.0',
    }),
    ordinaryDraft('audit', 1),
  ],
  signer: signerOf(`${log}~2`),
}

/** Rows 0 to 5, the rotation at 6, and one more; the first key signed 4 rows of it, the second all 8. */
const [old, next, thief] = [signer, signerOf(log, 4), signerOf(log, 9)]
type Rotation = Parameters<typeof rotationDraft>[2]
const rotated = (rotation: Partial<Rotation> = {}, part: Partial<PackPart> = {}): Record<string, string> =>
  packOf([
    {
      log,
      drafts: draftsOf(6, [rotationDraft(6, log, { old, next, ...rotation }), ordinaryDraft('audit', 7)]),
      signer: rotation.next ?? next,
      signers: { 4: old },
      signed: [4, 8],
      ...part,
    },
  ])
const nextKey = formatVerifierKey(next.key)
const otherLog = '_/gateway/node-2/audit'

/** A log of 6 rows, and its successor that accounts for values of it, or says how long it was. */
const successorOf = (first: Draft, second = ordinaryDraft('audit', 1)): PackPart => ({
  ...successor,
  drafts: [first, second],
})
const wasOf = (size: number, head_hash: string): Draft =>
  ownDraft(0, 'LOG_CREATED', { previous_log: { head_hash, log, reason: 'rolled_back', size } })
const headOf = (size: number, { drafts } = whole): string => storedLog(log, drafts).rows[size - 1]?.hash ?? ''

/** A row that was edited, and the hashes from it on made to fit; the checkpoint cannot be. */
function rewritten(): Record<string, string> {
  const { rows } = storedLog(log, forked)
  const honest = files()
  return {
    ...honest,
    'rows.jsonl': rows.map(({ leaf }) => `${new TextDecoder().decode(leaf ?? undefined)}\n`).join(''),
    'hashes/0.json': `${canonicalize({ hashes: rows.map(({ hash }) => hash ?? ''), left: [], right: [] })}\n`,
  }
}

export const packCases: VectorCases<PackInput> = {
  'whole-log_pass': passes('Every row of a log, a log of one row, and two logs of one node.')([
    { files: files(), claim: { rows_expected: 6, rows_checked: 6, notes: [] } },
    { files: files({ drafts: draftsOf(1) }), claim: { rows_checked: 1 } },
    {
      files: packOf([whole, { ...whole, log: `${log}~2`, signer: signerOf(`${log}~2`) }]),
    },
  ]),
  'part-of-a-log_pass': passes(
    'A range is proven by its own hashes and the roots of the complete subtrees before and behind it; none can be left out of it.',
  )(
    (
      [
        [0, 5],
        [3, 7],
        [8, 11],
        [10, 11],
        [1, 2],
      ] as const
    ).map((range) => ({
      files: packOf([{ ...long, range }]),
      claim: {
        rows_expected: range[1] - range[0],
        rows_checked: range[1] - range[0],
        notes: ['part_of_the_log'],
      },
    })),
  ),
  'selected-rows_pass': passes('Single rows, each with its path; and a range with one row from outside.')([
    {
      files: packOf([{ ...long, range: null, proven: [2, 7, 10] }]),
      claim: { rows_expected: 3, rows_checked: 3, notes: ['selected_rows_only'] },
    },
    { files: packOf([{ ...long, range: [2, 4], proven: [9] }]), claim: { rows_expected: 3 } },
  ]),
  witnesses_pass: passes(
    'A policy that is met. The verdict says how many of its witnesses signed, and which policy it was.',
  )([
    {
      files: files({ witnesses }),
      given: { keys: [], policy: `${policy}quorum both\n` },
      claim: { anchored_to: { size: 6, witnesses: '2/2' } },
    },
    {
      files: files({ witnesses: witnesses.slice(0, 1) }),
      given: { policy: `${policy}quorum one\n` },
      claim: { anchored_to: { witnesses: '1/2' } },
    },
  ]),
  'older-checkpoints_pass': passes(
    'Checkpoints of one log, each of which continues the one before, and one that the reader remembers.',
  )([
    { files: files({ signed: [2, 5, 6] }) },
    {
      files: files(),
      given: { remembered: [files({ signed: [4] })['checkpoints/0-4.checkpoint'] ?? ''] },
    },
  ]),
  'rotated-key_pass': passes(
    'The log was handed on from one key to another, and revoked. Whoever was given the first follows, as the row says that both signed; whoever was given the second is not asked to believe the first.',
  )([
    { files: rotated(), claim: { notes: ['key_rotated'], anchored_to: { size: 8 } } },
    { files: rotated({ isRevoked: true }), claim: { notes: ['key_revoked'] } },
    { files: rotated(), given: { keys: [nextKey] }, claim: { notes: ['signed_by_a_former_key'] } },
    { files: rotated(), given: { keys: [key, nextKey] }, claim: { notes: ['key_rotated'] } },
    {
      files: rotated({}, { range: [1, 3], proven: [6], continued: [4] }),
      claim: { notes: ['key_rotated', 'part_of_the_log'] },
    },
    {
      files: rotated({}, { signed: [8] }),
      given: { remembered: [files({ signed: [4] })['checkpoints/0-4.checkpoint'] ?? ''] },
    },
    {
      files: packOf([
        {
          log,
          signer: thief,
          drafts: draftsOf(6, [
            rotationDraft(6, log, { old, next }),
            rotationDraft(7, log, { old: next, next: thief }),
          ]),
          signers: { 4: old, 7: next },
          signed: [4, 7, 8],
        },
      ]),
      given: { keys: [formatVerifierKey(thief.key)] },
      claim: { notes: ['signed_by_a_former_key'] },
    },
  ]),
  'rotated-key_broken': fails(
    'A key that signs on behind the row that ended it; and rotations that nobody follows: signed by the new key alone, by the old alone, of another log, written by somebody else than the store, or by a key that was ended before.',
  )([
    {
      files: rotated({ isRevoked: true }, { signers: { 8: old } }),
      claim: breaks(['checkpoint_untrusted', 0]),
    },
    { files: rotated({}, { signed: [4, 7], signers: { 4: old, 7: old } }), claim: { verdict: 'FAIL' } },
    { files: rotated({ next: thief, signers: [thief] }), claim: breaks(['checkpoint_untrusted', 0]) },
    { files: rotated({ signers: [old] }), claim: breaks(['checkpoint_untrusted', 0]) },
    {
      files: rotated(
        {},
        {
          drafts: draftsOf(6, [
            rotationDraft(6, otherLog, { old: signerOf(otherLog), next: signerOf(otherLog, 4) }),
            ordinaryDraft('audit', 7),
          ]),
        },
      ),
      claim: breaks(['checkpoint_untrusted', 0]),
    },
    {
      files: rotated(
        {},
        {
          drafts: draftsOf(6, [
            { ...rotationDraft(6, log, { old, next }), boot_id: '0123456789abcdef' },
            ordinaryDraft('audit', 7),
          ]),
        },
      ),
      claim: breaks(['checkpoint_untrusted', 0]),
    },
    {
      files: packOf([
        {
          log,
          signer: thief,
          drafts: draftsOf(6, [
            rotationDraft(6, log, { old, next, isRevoked: true }),
            rotationDraft(7, log, { old, next: thief }),
          ]),
        },
      ]),
      claim: breaks(['checkpoint_untrusted', 0]),
    },
  ]),
  continued_pass: passes(
    'Of parts of a log and of selected rows: older checkpoints with the paths from them, and one that the reader remembers and that the pack does not hold.',
  )([
    { files: packOf([{ ...long, range: [6, 9], signed: [3, 7, 11], continued: [3, 7] }]) },
    { files: packOf([{ ...long, range: null, proven: [2], signed: [3, 11], continued: [3] }]) },
    {
      files: packOf([{ ...long, range: [6, 9], signed: [3, 11], continued: [3, 5] }]),
      given: { remembered: [packOf([{ ...long, signed: [5] }])['checkpoints/0-5.checkpoint'] ?? ''] },
    },
    {
      files: packOf([{ ...long, range: [6, 9] }]),
      given: {
        remembered: [6, 7].map(
          (size) => packOf([{ ...long, signed: [size] }])[`checkpoints/0-${size}.checkpoint`] ?? '',
        ),
      },
    },
  ]),
  continued_broken: fails(
    'A path that leads elsewhere, and a history that the remembered one does not begin.',
  )([
    {
      files: {
        ...packOf([{ ...long, range: [6, 9], signed: [3, 11], continued: [3] }]),
        'proofs/0-3.consistency':
          packOf([{ ...long, signed: [3, 10], continued: [3] }])['proofs/0-3.consistency'] ?? '',
      },
      claim: breaks(['log_forked', 3]),
    },
    {
      files: packOf([{ ...long, range: null, proven: [2], signed: [5, 11], continued: [5] }]),
      given: { remembered: [olderFork] },
      claim: breaks(['log_forked', 5]),
    },
  ]),
  'not-compared_incomplete': isIncomplete(
    'A remembered checkpoint that nothing is compared with: of a log that the pack does not have, of a key that was not given, of a key behind its end, and text that is none.',
  )(
    [
      packOf([{ ...whole, log: otherLog, signer: signerOf(otherLog) }])['checkpoints/0-6.checkpoint'] ?? '',
      files({ signer: thief })['checkpoints/0-6.checkpoint'] ?? '',
      (files({ signed: [4] })['checkpoints/0-4.checkpoint'] ?? '').replaceAll('\n', '\r\n'),
      '',
    ].map((note) => ({
      files: files(),
      given: { remembered: [note] },
      claim: { verdict: 'PASS', notes: [] },
    })),
  ),
  'expired-explained_pass': passes(
    'Rows of which only the hash is left, and a later row of the log that says they were swept; it may lie outside of the range.',
  )([
    { files: packOf([{ ...sweptLog, expired: [2, 3, 4] }]), claim: { rows_expired: 3, rows_checked: 4 } },
    {
      files: packOf([{ ...sweptLog, range: [1, 4], expired: [2, 3], proven: [6] }]),
      claim: { rows_expired: 2, rows_checked: 2 },
    },
    {
      files: packOf([
        { log, signer, drafts: draftsOf(6, [swept(2, 4, 6, { count: 2, places: '2,4' })]), expired: [2, 4] },
      ]),
      claim: { rows_expired: 2 },
    },
  ]),
  'erased-explained_pass': passes(
    'Personal values that are there and what their rows commit to, and values that a row accounts for.',
  )([
    {
      files: packOf([personalLog()], [beside(2, opened), beside(3, opened)]),
      claim: { rows_erased: 0 },
    },
    {
      files: packOf([personalLog(erased(2, 4))], [beside(2, gone), beside(3, gone)]),
      claim: { rows_erased: 2 },
    },
    { files: packOf([personalLog()]), claim: { rows_erased: 0 } },
    {
      files: packOf(
        [personalLog(), successorOf(wasOf(4, headOf(4, personalLog())), erased(2, 1))],
        [beside(2, gone), beside(3, gone)],
      ),
      claim: [{ rows_erased: 2 }, {}],
    },
  ]),
  'details-expired_pass': passes(
    'Personal values of details that went on the clock of the class short, and a later row that says so. The rows themselves stay; values that were erased before are gone with the others, and the row about them accounts for more than is gone.',
  )([
    {
      files: packOf([detailedLog(detailsSwept(2, 3, 4))], []),
      claim: {
        rows_expected: 5,
        rows_checked: 5,
        rows_expired: 0,
        rows_erased: 0,
        notes: ['details_expired'],
      },
    },
    {
      files: packOf([detailedLog(detailsSwept(2, 2, 4))], [beside(3, opened)]),
      claim: { notes: ['details_expired'] },
    },
    { files: packOf([detailedLog(erased(2, 4), detailsSwept(2, 3, 5))], []), claim: { rows_erased: 0 } },
    {
      files: packOf([{ ...detailedLog(detailsSwept(2, 3, 4)), range: [1, 3], proven: [4] }], []),
      claim: { notes: ['details_expired', 'part_of_the_log'] },
    },
  ]),
  'no-checkpoint_incomplete': isIncomplete(
    'Rows that nobody signed for, or whose log has no given key: nothing is wrong with them, and nothing is proven.',
  )([
    { files: files({ signed: [] }), claim: { anchored_to: null, notes: ['no_checkpoint'], breaks: [] } },
    { files: files(), given: { keys: [] }, claim: { notes: ['no_checkpoint', 'no_key'] } },
    {
      files: files(),
      given: { keys: [formatVerifierKey(signerOf('_/gateway/node-1/sys').key)] },
      claim: { notes: ['no_checkpoint', 'no_key'] },
    },
  ]),
  'no-quorum_incomplete': isIncomplete('A checkpoint without the witnesses that the reader asks for.')([
    {
      files: files({ witnesses: witnesses.slice(1) }),
      given: { policy: `${policy}quorum both\n` },
      claim: { anchored_to: null, notes: ['no_quorum'] },
    },
  ]),
  tail_incomplete: isIncomplete('Rows behind the checkpoint.')([
    { files: files({ signed: [4] }), claim: { unanchored_tail: { rows: 2 }, notes: ['unanchored_tail'] } },
  ]),
  'continuity-unproven_incomplete': isIncomplete(
    'A remembered checkpoint that the pack is not shown to continue.',
  )([
    {
      files: packOf([{ ...long, range: [6, 11] }]),
      given: { remembered: [files({ signed: [3] })['checkpoints/0-3.checkpoint'] ?? ''] },
      claim: { notes: ['continuity_unproven', 'part_of_the_log'] },
    },
  ]),
  empty_incomplete: isIncomplete('Nothing checked is never success: no log, and a range of no rows.')([
    { files: packOf([]) },
    { files: files({ range: [3, 3] }), claim: { rows_expected: 0, rows_checked: 0 } },
  ]),
  'tampered-leaf_broken': fails(
    'A changed value; a changed value with all hashes made to fit, which only the root remembers; a leaf that says the same in other words.',
  )([
    {
      files: withLine(files(), 3, (line) => line.replace('operator-0', 'operator-1')),
      claim: breaks(['hash_mismatch', 3]),
    },
    { files: rewritten(), claim: breaks(['root_mismatch', 0]) },
    {
      files: withLine(files(), 3, (line) =>
        canonicalize({
          leaf_base64: Buffer.from(line.replace('{', '{ ')).toString('base64'),
          log,
          monotonic_seq: 3,
        }),
      ),
      claim: breaks(['hash_mismatch', 3]),
    },
  ]),
  'withheld-row_broken': fails(
    'A row that is not there; one whose hash is not there either; one that was put in; one that stands there twice.',
  )([
    { files: withLine(files(), 2, () => undefined), claim: breaks(['rows_missing', 2]) },
    {
      files: { ...files(), 'hashes/0.json': files({ range: [0, 5] })['hashes/0.json'] ?? '' },
      claim: breaks(['hashes_malformed', 0]),
    },
    {
      files: {
        ...packOf([long]),
        ...pick(packOf([{ ...long, range: [2, 4] }]), ['logs.json', 'hashes/0.json']),
      },
      claim: { verdict: 'FAIL' },
    },
    { files: withLine(files(), 2, (line) => `${line}\n${line}`) },
  ]),
  'proof-wrong_broken': fails('A single row without its path, and with the path of another.')([
    {
      files: without(packOf([{ ...long, range: null, proven: [2, 7] }]), 'proofs/0-2.tlog-proof'),
      claim: breaks(['row_unproven', 2]),
    },
    {
      files: {
        ...packOf([{ ...long, range: null, proven: [2, 7] }]),
        'proofs/0-2.tlog-proof':
          packOf([{ ...long, range: null, proven: [7] }])['proofs/0-7.tlog-proof'] ?? '',
      },
      claim: breaks(['proof_wrong', 2]),
    },
  ]),
  'wrong-key_broken': fails(
    'A checkpoint that another key signed, and one that was changed after it was signed.',
  )([
    {
      files: files(),
      given: { keys: [formatVerifierKey(signerOf(log, 7).key)] },
      claim: breaks(['checkpoint_untrusted', 0]),
    },
    {
      files: replaced(files(), 'checkpoints/0-6.checkpoint', '\n6\n', '\n7\n'),
      claim: breaks(['checkpoint_forged', 0]),
    },
    {
      files: replaced(files(), 'checkpoints/0-6.checkpoint', '\u2014', '-'),
      claim: breaks(['checkpoint_malformed', 0]),
    },
  ]),
  'rolled-back_broken': fails(
    'The log signed for more rows than its store has now, or than the newest checkpoint of the pack says while the reader remembers more. The successor that a store opens after a rollback tells of it and excuses nothing.',
  )([
    {
      files: {
        ...files(),
        'checkpoints/0-11.checkpoint': packOf([long])['checkpoints/0-11.checkpoint'] ?? '',
      },
    },
    {
      files: files(),
      given: { remembered: [packOf([long])['checkpoints/0-11.checkpoint'] ?? ''] },
    },
    {
      files: packOf([{ ...whole, signed: [6], size: 4, range: [0, 4] }, successor]),
    },
    { files: packOf([whole, successorOf(wasOf(7, headOf(6)))]), claim: [breaks(['rolled_back', 6]), {}] },
  ]),
  fork_broken: fails(
    'A log whose successor says that it was another one. Two checkpoints of one size with two roots, both signed; and an older one that the log does not continue.',
  )([
    {
      files: files(),
      given: { remembered: [forkedNote] },
      claim: breaks(['log_forked', 6]),
    },
    { files: packOf([whole, successorOf(wasOf(5, headOf(6)))]), claim: [breaks(['log_forked', 4]), {}] },
    { files: { ...files(), 'checkpoints/0-5.checkpoint': olderFork }, claim: breaks(['log_forked', 5]) },
  ]),
  'expired-unexplained_broken': fails(
    'A row without a leaf that no sweep names: no sweep at all, one that names others, one that another writer than the store wrote, one that counts more than it names, and a sweep before the row itself.',
  )([
    { files: files({ expired: [3] }), claim: { ...breaks(['expired_unexplained', 3]), rows_expired: 0 } },
    { files: packOf([{ ...sweptLog, expired: [4, 5] }]), claim: breaks(['expired_unexplained', 5]) },
    {
      files: packOf([
        {
          log,
          signer,
          drafts: draftsOf(6, [{ ...swept(2, 4, 6), boot_id: '0123456789abcdef' }]),
          expired: [3],
        },
      ]),
      claim: breaks(['expired_unexplained', 3]),
    },
    {
      files: packOf([{ log, signer, drafts: draftsOf(6, [swept(2, 4, 6, { count: 4 })]), expired: [3] }]),
      claim: breaks(['expired_unexplained', 3]),
    },
    {
      files: packOf([
        { log, signer, drafts: [...draftsOf(3), swept(1, 4, 3), ...draftsOf(3).slice(1)], expired: [4] },
      ]),
      claim: breaks(['expired_unexplained', 4]),
    },
  ]),
  'erased-missing_broken': fails(
    'A personal value that is gone from a row that the account does not name. One that is not there although values are part of the pack; that is gone and nobody accounts for; of which more are gone than were accounted for; that is another one.',
  )([
    { files: packOf([personalLog()], [beside(2, opened)]), claim: breaks(['disclosure_missing', 3]) },
    {
      files: packOf([personalLog()], [beside(2, gone), beside(3, opened)]),
      claim: breaks(['disclosure_missing', 2]),
    },
    {
      files: packOf(
        [personalLog(personal(4), erased(2, 5))],
        [beside(2, opened), beside(3, gone), beside(4, gone)],
      ),
      claim: { ...breaks(['disclosure_missing', 4]), rows_erased: 1 },
    },
    {
      files: packOf(
        [personalLog({ ...erased(2, 4), boot_id: '0123456789abcdef' })],
        [beside(2, gone), beside(3, gone)],
      ),
      claim: { rows_erased: 0 },
    },
    {
      files: packOf([personalLog(erased(1, 4))], [beside(2, gone), beside(3, gone)]),
      claim: { rows_erased: 0, rows_bad: 2 },
    },
    {
      files: packOf([personalLog()], [beside(2, opened), beside(3, { ...opened, disclosure: `${email}A` })]),
      claim: breaks(['disclosure_mismatch', 3]),
    },
    { files: packOf([personalLog()], [beside(1, opened), beside(2, opened), beside(3, opened)]) },
  ]),
  'details-expired-unexplained_broken': fails(
    'A value of a detail that is not there: a sweep that names another row, one that another writer than the store wrote, one of rows and not of values; a row whose detail is not personal as a whole; a value that is not of the detail.',
  )([
    {
      files: packOf([detailedLog(detailsSwept(2, 2, 4))], []),
      claim: breaks(['disclosure_missing', 3]),
    },
    {
      files: packOf(
        [detailedLog({ ...detailsSwept(2, 3, 4), boot_id: '0123456789abcdef' })],
        [beside(3, opened)],
      ),
      claim: breaks(['disclosure_missing', 2]),
    },
    {
      files: packOf([detailedLog(swept(2, 3, 4))], [beside(3, opened)]),
      claim: breaks(['disclosure_missing', 2]),
    },
    {
      files: packOf([personalLog(detailsSwept(2, 3, 4))], [beside(3, opened)]),
      claim: breaks(['disclosure_missing', 2]),
    },
    {
      files: packOf(
        [
          {
            ...detailedLog(detailsSwept(2, 3, 4)),
            drafts: [
              ...draftsOf(2),
              detailed(2, { sd: { '/actor': commitment } }),
              detailed(3),
              detailsSwept(2, 3, 4),
            ],
          },
        ],
        [],
      ),
      claim: breaks(['disclosure_missing', 2]),
    },
  ]),
  malformed_broken: fails(
    'Lists that are no canonical JSON, lines that are no rows, rows of a log that the pack does not list.',
  )([
    { files: replaced(files(), 'logs.json', '{', '{ ') },
    { files: without(files(), 'logs.json') },
    { files: replaced(files(), 'logs.json', '"to":6', '"to":7') },
    { files: without(files(), 'hashes/0.json'), claim: breaks(['hashes_malformed', 0]) },
    { files: withLine(files(), 2, () => 'no row') },
    { files: { ...files(), 'rows.jsonl': packOf([whole, successor])['rows.jsonl'] ?? '' } },
    {
      files: withLine(files(), 2, (line) => `${line}\r`),
    },
  ]),
}

function pick(from: Record<string, string>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, from[name] ?? '']))
}

function without(from: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(from).filter(([path]) => path !== name))
}

function replaced(
  from: Record<string, string>,
  name: string,
  found: string,
  text: string,
): Record<string, string> {
  const content = from[name]
  if (content?.includes(found) !== true) throw new TypeError(`${name} has no ${JSON.stringify(found)}`)
  return { ...from, [name]: content.replace(found, text) }
}
