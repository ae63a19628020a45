// SPDX-License-Identifier: Apache-2.0
import type { ChainInput, Text } from '../../packages/fasten/src/core/fixtures/answer.ts'
import { ordinaryDraft } from '../../packages/fasten/src/core/fixtures/rows.ts'
import { draftText } from '../../packages/fasten/src/core/leaf.ts'
import type { ApiDraft, AuditDraft, Clean, Draft, SysDraft } from '../../packages/fasten/src/core/row.ts'
import type { VectorCases } from './case.ts'

const empty = { log: '_/gateway/node-1/audit', size: 0, head_hash: 'genesis' }
const text = (draft: Draft): string => draftText(draft as Clean)
const audit = (index: number): AuditDraft => ordinaryDraft('audit', index) as AuditDraft
const sys = (index: number): SysDraft => ordinaryDraft('sys', index) as SysDraft
const api = (index: number): ApiDraft => ordinaryDraft('api', index) as ApiDraft

/** A draft whose leaf, at the start of the log `empty`, has `bytes` bytes. */
function draftOfLeafSize(bytes: number): Text {
  const bare = text({ ...audit(0), reason: '' })
  // What the chain adds: three members instead of three U+0000. The degree sign of the detail has two bytes.
  const added =
    `,"log":"${empty.log}"`.length + ',"monotonic_seq":0'.length + ',"prev_hash":"genesis"'.length - 3
  const at = bare.indexOf('"reason":"') + '"reason":"'.length
  return {
    $join: [
      bare.slice(0, at),
      { repeat: 'x', times: bytes - Buffer.byteLength(bare) - added },
      bare.slice(at),
    ],
  }
}

const b12Leaves = [
  '{"code":"LOG_CREATED","log":"node-7.example.org/audit","monotonic_seq":0,"prev_hash":"genesis","ts":"2026-11-22T06:00:00.000000Z"}',
  '{"code":"USER_LOGIN","log":"node-7.example.org/audit","monotonic_seq":1,"prev_hash":"98ec4902b924d19135b2a51691f57e9c46341219fc84d9d27caaa3bb066167ce","ts":"2026-11-22T06:00:01.000001Z","who":"u-1"}',
  '{"code":"USER_LOGOUT","log":"node-7.example.org/audit","monotonic_seq":2,"prev_hash":"285745f1b0da9a547dadcb310f369d713926f06585bacf6bdaf412775200364a","ts":"2026-11-22T06:00:02.000002Z","who":"u-1"}',
]
const b12Hashes = [
  '98ec4902b924d19135b2a51691f57e9c46341219fc84d9d27caaa3bb066167ce',
  '285745f1b0da9a547dadcb310f369d713926f06585bacf6bdaf412775200364a',
  '5ff73e2e82e32c35452587535e7e52d9adea79c42da205688f0edf52c7651c52',
]

export const chainCases: VectorCases<ChainInput> = {
  'leaf-hashes-and-root': {
    about: `The hash of a leaf is SHA-256 over a zero byte and the leaf; the root is that of RFC 6962 over those hashes. The hashes of these three
leaves and their root were computed with two other programs in other languages. Of no leaves, the root is SHA-256 of nothing; of
one, its hash.`,
    checks: [
      {
        input: { leaves: b12Leaves },
        claim: {
          hashes: b12Hashes,
          root: 'd49002fc1cbcc6673e4ed1280e77c4300a9675312267a1e769ea27117da9f19b',
        },
      },
      { input: { leaves: b12Leaves.slice(0, 1) }, claim: { root: b12Hashes[0] } },
      {
        input: { leaves: [] },
        claim: { hashes: [], root: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
      },
      { input: { leaves: [...b12Leaves, ...b12Leaves, b12Leaves[0] ?? ''] }, claim: {} },
    ],
  },
  'first-row': {
    about: 'Row 0 has number 0 and `genesis` for its predecessor, in each stream.',
    checks: [
      { input: { head: empty, drafts: [text(audit(0))] }, claim: { head: { size: 1 } } },
      {
        input: { head: { ...empty, log: '_/gateway/node-1/sys' }, drafts: [text(sys(0))] },
        claim: { head: { size: 1 } },
      },
      {
        input: { head: { ...empty, log: '_/gateway/node-1/api' }, drafts: [text(api(0))] },
        claim: { head: { size: 1 } },
      },
    ],
  },
  'rows-in-a-row': {
    about: 'Each row names the hash of the one before it, and the head moves along.',
    checks: [
      {
        input: { head: empty, drafts: [audit(0), audit(1), audit(2)].map(text) },
        claim: { head: { log: empty.log, size: 3 } },
      },
    ],
  },
  'row-far-on': {
    about:
      "A place with a long number and a log whose parts are percent-encoded; the log's name goes into the leaf as it is.",
    checks: [
      {
        input: {
          head: {
            log: 'acme%2Feurope/gateway/line%204/audit~2',
            size: 9_007_199_254,
            head_hash: 'ab'.repeat(32),
          },
          drafts: [text(audit(3))],
        },
        claim: { head: { size: 9_007_199_255 } },
      },
    ],
  },
  'every-member': {
    about: `Rows with every optional member: the openings lie between \`id\` or \`inbound_request_id\` and what follows, wherever that is, and the three may
stand side by side. Text needs escapes and more than ASCII.`,
    checks: [
      {
        input: {
          head: { ...empty, size: 5, head_hash: 'cd'.repeat(32) },
          drafts: [
            text({
              ...audit(5),
              tenant_id: 'zoë',
              inbound_request_id: 'boot-1',
              trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
              span_id: '00f067aa0ba902b7',
              caused_by: 'evt-01JD9Q2Z3V4X5Y6Z7A80000004',
              on_behalf_of: 'bob',
              auth_method: 'mfa',
              session_id: 's-1',
              target_kind: 'valve',
              reason: 'says "go"\n\u{1f600}',
              change_ref: 'CHG-1',
              request_ref: 'REQ-1',
              call_ref: 'call-1',
              pii_in_detail: true,
              source: { device: 'hmi', ip: '::1', user_agent: 'curl/8' },
              sd: { '/detail/email': 'bIV-s9DKn6KESBKBsTLwyxJLyXstyBSpLrwRUKzn_EM' },
            }),
          ],
        },
        claim: { head: { size: 6 } },
      },
      {
        input: {
          head: { ...empty, log: '_/gateway/node-1/sys' },
          drafts: [text({ ...sys(0), logger: 'db', caused_by: 'evt-01JD9Q2Z3V4X5Y6Z7A80000004' })],
        },
        claim: {},
      },
      {
        input: {
          head: { ...empty, log: '_/gateway/node-1/api' },
          drafts: [
            text({
              ...api(0),
              actor: 'ann',
              bytes_in: 0,
              bytes_out: 512,
              error: 'aborted',
              source: { ip: '10.0.0.7' },
              tenant_id: 'acme',
            }),
          ],
        },
        claim: {},
      },
    ],
  },
  'names-that-look-like-numbers': {
    about:
      'Detail whose names look like numbers: JavaScript lists them first and in numeric order; canonical text does not.',
    checks: [
      {
        input: { head: empty, drafts: [text({ ...audit(0), detail: { '10': 'a', '9': 'b', A: 'c' } })] },
        claim: {},
      },
    ],
  },
  'draft-malformed_refused': {
    about:
      'A draft has exactly three openings, with members before and after them. Anything else was damaged or is no draft.',
    checks: [
      '',
      '{}',
      '{"a":1}',
      '{"a":1\0,"b":2\0,"c":3}',
      '{"a":1\0\0\0\0,"c":3}',
      'x{"a":1\0\0\0,"c":3}',
      '{"a":1\0\0\0,"c":3',
      '{"a":1\0\0\0}',
      '{\0\0\0,"c":3}',
    ].map((draft) => ({ input: { head: empty, drafts: [draft] }, claim: { refused: 'DRAFT_MALFORMED' } })),
  },
  'largest-leaf': {
    about: 'A leaf may have 65,535 bytes and not one more.',
    checks: [
      { input: { head: empty, drafts: [draftOfLeafSize(65_535)] }, claim: { head: { size: 1 } } },
      { input: { head: empty, drafts: [draftOfLeafSize(65_536)] }, claim: { refused: 'ROW_TOO_LARGE' } },
    ],
  },
}
