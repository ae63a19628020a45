// SPDX-License-Identifier: Apache-2.0
import {
  proofAnswers,
  type CheckpointInput,
  type NoteInput,
  type PolicyInput,
  type TilesInput,
  type TlogProofInput,
  type TreeInput,
  type WitnessInput,
} from '../../packages/fasten/src/core/fixtures/answer-proofs.ts'
import { seededSigner } from '../../packages/fasten/src/core/fixtures/keys.ts'
import { digest } from '../../packages/fasten/src/core/fixtures/rows.ts'
import { formatCheckpoint } from '../../packages/fasten/src/core/checkpoint.ts'
import { cosign } from '../../packages/fasten/src/core/cosignature.ts'
import { signNote } from '../../packages/fasten/src/core/note.ts'
import { formatTlogProof } from '../../packages/fasten/src/core/tlog-proof.ts'
import { formatVerifierKey } from '../../packages/fasten/src/core/verifier-key.ts'
import { formatCheckpointRequest } from '../../packages/fasten/src/core/witness.ts'
import type { VectorCases } from './case.ts'

// What two programs in two languages agreed on before this one existed.
const origin = 'node-7.example.org/audit'
const hashes = [
  '98ec4902b924d19135b2a51691f57e9c46341219fc84d9d27caaa3bb066167ce',
  '285745f1b0da9a547dadcb310f369d713926f06585bacf6bdaf412775200364a',
  '5ff73e2e82e32c35452587535e7e52d9adea79c42da205688f0edf52c7651c52',
]
const root = 'd49002fc1cbcc6673e4ed1280e77c4300a9675312267a1e769ea27117da9f19b'
const logKey = 'node-7.example.org/audit+91016822+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c'
const witnessName = 'witness.example.org/w1'
const witnessKey = 'witness.example.org/w1+6d7ef907+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU'
const time = 1_795_327_200
const body = `${origin}\n3\n1JAC/By8xmc+TtEoDnfEMAqWdTEiZ6HnaeonEX2p8Zs=\n`
const logLine =
  '\u2014 node-7.example.org/audit kQFoIjc+X06Spye73JLrLKtwlPmcLqK4f/yxzmkxe6GkJ8HqbG/bllpRsa1m0lFnaH7mAdq7A271tzaACtRfDLmhhQA=\n'
const witnessLine =
  '\u2014 witness.example.org/w1 bX75BwAAAABrAoTgt8qLWo01fvXGdQ8S/18EdlnrBN1oA5b/xr/FvOZgsMtLBB9KhK0C86Di9YvXSCu2g6IYTeHtlNUNNcsc5Y79AA==\n'
const note = `${body}\n${logLine}`

const exampleKey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const exampleNote =
  'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'

const log = seededSigner(origin, 1)
const w = [2, 3, 4].map((seed, at) => seededSigner(`witness.example.org/w${at + 1}`, seed, 'cosignature/v1'))
const vkeys = w.map(({ key }) => formatVerifierKey(key))
const cosignedBy = (...which: readonly number[]): string =>
  note + which.map((at) => cosign(body, time + at, w[at] ?? log)).join('')

const many = Array.from({ length: 11 }, (_, index) => digest(Uint8Array.of(0, index)))
const rootOf = (count: number): string =>
  (proofAnswers.tree({ hashes: many.slice(0, count) }) as { root: string }).root
const pathOf = (input: TreeInput): string[] => (proofAnswers.tree(input) as { path: string[] }).path
const checkpointOf = (size: number, text = formatCheckpoint({ origin, size, root: rootOf(size) })): string =>
  signNote(text, log)

const refusesNote = (broken: string, refused: string): { input: NoteInput; claim: unknown } => ({
  input: { note: broken, keys: [logKey] },
  claim: { refused },
})

export const noteCases: VectorCases<NoteInput> = {
  keys: {
    about:
      'Keys of logs and witnesses in their text form. The id is checked: it is made of name, kind and public key, so a key that was renamed or cut is noticed.',
    checks: [
      { input: { vkey: logKey }, claim: { name: origin, id: '91016822', kind: 'ed25519' } },
      { input: { vkey: witnessKey }, claim: { name: witnessName, id: '6d7ef907', kind: 'cosignature/v1' } },
      { input: { vkey: exampleKey }, claim: { name: 'example.com/foo', id: '530d903a' } },
    ],
  },
  'keys-that-are-none': {
    about:
      'Another id, another name, upper-case hex, a public key too short, an unknown kind, parts missing, base64 with spare bits set.',
    checks: [
      logKey.replace('91016822', '91016823'),
      logKey.replace('node-7', 'node-8'),
      witnessKey.replace('6d7ef907', '6D7EF907'),
      'a b+91016822+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c',
      'example.com/foo+530d903a',
      'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l',
      'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0',
      'example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
      '',
    ].map((vkey) => ({ input: { vkey }, claim: { refused: 'BAD_VERIFIER_KEY' } })),
  },
  signing: {
    about: 'Ed25519 signs the same text with the same bytes everywhere; the seeds are 32 times one byte.',
    checks: [
      { input: { name: origin, seed: 1, text: body }, claim: { note, vkey: logKey } },
      { input: { name: 'n', seed: 255, text: '\n\u00e9\n\n' }, claim: {} },
    ],
  },
  opening: {
    about: `The example of the specification, a text with blank lines of its own (the last one parts text and signatures), a second signature by
an unknown key (ignored), and the same signature twice (one signer).`,
    checks: [
      {
        input: { note: exampleNote, keys: [exampleKey] },
        claim: { text: 'This is an example message.\n', signed_by: [{ key: 'example.com/foo+530d903a' }] },
      },
      {
        input: { note: signNote('one\n\n\ntwo\n', log), keys: [logKey, exampleKey] },
        claim: { text: 'one\n\n\ntwo\n' },
      },
      {
        input: { note: note + witnessLine, keys: [logKey] },
        claim: { text: body, signed_by: [{ key: `${origin}+91016822` }] },
      },
      {
        input: { note: note + witnessLine, keys: [witnessKey, logKey] },
        claim: { signed_by: [{ key: `${origin}+91016822` }, { key: `${witnessName}+6d7ef907`, time }] },
      },
      {
        input: { note: note + logLine, keys: [logKey] },
        claim: { signed_by: [{ key: `${origin}+91016822` }] },
      },
    ],
  },
  untrusted_refused: {
    about:
      'Nobody whose key was given has signed: another key, no key, or a key with the same name and another id.',
    checks: [
      { input: { note, keys: [exampleKey] }, claim: { refused: 'NOTE_UNTRUSTED' } },
      { input: { note, keys: [] }, claim: { refused: 'NOTE_UNTRUSTED' } },
      {
        input: { note, keys: [formatVerifierKey(seededSigner(origin, 5).key)] },
        claim: { refused: 'NOTE_UNTRUSTED' },
      },
    ],
  },
  forged_refused: {
    about: `A line under the name and id of a given key that does not hold refuses the whole note, whether the text or the signature was changed, and
even when another line of a given key does hold.`,
    checks: [
      refusesNote(note.replace('\n3\n', '\n4\n'), 'NOTE_FORGED'),
      refusesNote(note.replace('kQFoIjc+', 'kQFoIjc/'), 'NOTE_FORGED'),
      refusesNote(note + logLine.replace('kQFoIjc+', 'kQFoIjc/'), 'NOTE_FORGED'),
      {
        input: { note: note + witnessLine.replace('AAABrAoTg', 'AAABrAoTh'), keys: [logKey, witnessKey] },
        claim: { refused: 'NOTE_FORGED' },
      },
      {
        input: { note: `${note}\u2014 ${origin} kQFoIgAA\n`, keys: [logKey] },
        claim: { refused: 'NOTE_FORGED' },
      },
    ],
  },
  malformed_refused: {
    about: `No blank line, no signature, no last newline, a carriage return, a tab, a signature line with other dashes, spaces or base64, with nothing
behind the id, a blank line behind the signatures, half of a surrogate pair.`,
    checks: [
      refusesNote('', 'NOTE_MALFORMED'),
      refusesNote(body, 'NOTE_MALFORMED'),
      refusesNote(`${body}\n`, 'NOTE_MALFORMED'),
      refusesNote(body + logLine, 'NOTE_MALFORMED'),
      refusesNote(note.slice(0, -1), 'NOTE_MALFORMED'),
      refusesNote(note.replaceAll('\n', '\r\n'), 'NOTE_MALFORMED'),
      refusesNote(note.replace('node-7', 'node\t7'), 'NOTE_MALFORMED'),
      refusesNote(note.replace('\u2014', '-'), 'NOTE_MALFORMED'),
      refusesNote(note.replace('\u2014 ', '\u2014  '), 'NOTE_MALFORMED'),
      refusesNote(note.replace('hhQA=\n', 'hhQA\n'), 'NOTE_MALFORMED'),
      refusesNote(note.replace('hhQA=\n', 'hhQB=\n'), 'NOTE_MALFORMED'),
      refusesNote(note.replace('hhQA=\n', 'hhQA= x\n'), 'NOTE_MALFORMED'),
      refusesNote(`${body}\n\u2014 ${origin} kQFoIg==\n`, 'NOTE_MALFORMED'),
      refusesNote(`${note}\n`, 'NOTE_MALFORMED'),
      refusesNote(`\ud800${note}`, 'NOTE_MALFORMED'),
    ],
  },
}

export const checkpointCases: VectorCases<CheckpointInput> = {
  cosignature: {
    about:
      'A witness signs its time and the text of the checkpoint; the line begins with the id, then the time in eight bytes.',
    checks: [
      {
        input: { name: witnessName, seed: 2, text: body, time },
        claim: { line: witnessLine, vkey: witnessKey },
      },
    ],
  },
  opening: {
    about:
      'Size and root, once the log itself has signed; the witnesses that were named, and no others; further lines are kept, because they are signed.',
    checks: [
      {
        input: { note: note + witnessLine, logs: [logKey] },
        claim: { origin, size: 3, root, extensions: [], cosigned_by: [] },
      },
      {
        input: { note: cosignedBy(0, 1), logs: [logKey], witnesses: [witnessKey] },
        claim: { size: 3, cosigned_by: [{ key: `${witnessName}+6d7ef907`, time }] },
      },
      {
        input: {
          note: note + cosign(body, time, w[0] ?? log) + cosign(body, time + 60, w[0] ?? log),
          logs: [logKey],
          witnesses: [witnessKey],
        },
        claim: { cosigned_by: [{ key: `${witnessName}+6d7ef907`, time: time + 60 }] },
      },
      {
        input: { note: checkpointOf(0), logs: [logKey] },
        claim: { size: 0, root: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
      },
      {
        input: { note: signNote(`${body}one\ntwo\n`, log), logs: [logKey] },
        claim: { size: 3, extensions: ['one', 'two'] },
      },
    ],
  },
  'not-of-its-log_refused': {
    about: `Signed, but not by the log that it speaks of: only a witness signed; the key is that of another log; the same public key signed under the
name of another log.`,
    checks: [
      {
        input: { note: `${body}\n${witnessLine}`, logs: [logKey], witnesses: [witnessKey] },
        claim: { refused: 'NOTE_UNTRUSTED' },
      },
      {
        input: {
          note: signNote(body, seededSigner('node-8.example.org/audit', 4)),
          logs: [formatVerifierKey(seededSigner('node-8.example.org/audit', 4).key)],
        },
        claim: { refused: 'NOTE_UNTRUSTED' },
      },
      {
        input: {
          note: signNote(body, seededSigner(`${origin}~2`, 1)),
          logs: [logKey, formatVerifierKey(seededSigner(`${origin}~2`, 1).key)],
        },
        claim: { refused: 'NOTE_UNTRUSTED' },
      },
    ],
  },
  malformed_refused: {
    about:
      'Properly signed by the log, and no checkpoint: lines missing, a size with a leading zero, a sign, an exponent or beyond 2^53 - 1, a root of another length, an empty line.',
    checks: [
      `${origin}\n`,
      `${origin}\n3\n`,
      body.replace('\n3\n', '\n03\n'),
      body.replace('\n3\n', '\n+3\n'),
      body.replace('\n3\n', '\n3e0\n'),
      body.replace('\n3\n', '\n 3\n'),
      body.replace('\n3\n', '\n9007199254740992\n'),
      body.replace('p8Zs=', 'p8Q=='),
      body.replace('p8Zs=', 'p8Zt='),
      `${body}\none\n`,
      `\n${body}`,
    ].map((text) => ({
      input: { note: signNote(text, log), logs: [logKey] },
      claim: { refused: 'CHECKPOINT_MALFORMED' },
    })),
  },
}

export const treeCases: VectorCases<TreeInput> = {
  frontiers: {
    about:
      'Root and frontier of logs of 0 to 11 rows. The frontier has one hash for each binary 1 of the size, the largest subtree first; with the size it is all that is needed to go on.',
    checks: [
      {
        input: { hashes },
        claim: { root, frontier: [pathOf({ hashes: hashes.slice(0, 3), index: 2 })[0], hashes[2]] },
      },
      ...Array.from({ length: 12 }, (_, count) => ({ input: { hashes: many.slice(0, count) }, claim: {} })),
    ],
  },
  inclusion: {
    about:
      'The path of every row of logs with 1 to 8 rows and with 11, from its sibling up (RFC 6962 section 2.1.1).',
    checks: [1, 2, 3, 4, 5, 6, 7, 8, 11].flatMap((count) =>
      Array.from({ length: count }, (_, index) => ({
        input: { hashes: many.slice(0, count), index },
        claim: {},
      })),
    ),
  },
  consistency: {
    about:
      'The path from every shorter log to logs with 1 to 8 rows and with 11 (RFC 6962 section 2.1.2). Between a log and itself, and from nothing, it is empty.',
    checks: [1, 2, 3, 4, 5, 6, 7, 8, 11].flatMap((count) =>
      Array.from({ length: count + 1 }, (_, older) => ({
        input: { hashes: many.slice(0, count), older },
        claim: {},
      })),
    ),
  },
  'inclusion-verified': {
    about:
      'Paths that hold, and the nearest that do not: the index next to it, the size next to it with its own root, a hash too few and too many, upper-case hex.',
    checks: [
      ...Array.from({ length: 11 }, (_, index) => ({
        input: {
          index,
          size: 11,
          root: rootOf(11),
          hash: many[index] ?? '',
          path: pathOf({ hashes: many, index }),
        },
        claim: { included: true },
      })),
      ...[
        { index: 4 },
        { index: 11 },
        { size: 10, root: rootOf(10) },
        { path: pathOf({ hashes: many, index: 5 }).slice(1) },
        { path: [...pathOf({ hashes: many, index: 5 }), many[0] ?? ''] },
        { path: pathOf({ hashes: many, index: 5 }).map((hash) => hash.toUpperCase()) },
        { hash: many[6] ?? '' },
      ].map((change) => ({
        input: {
          index: 5,
          size: 11,
          root: rootOf(11),
          hash: many[5] ?? '',
          path: pathOf({ hashes: many, index: 5 }),
          ...change,
        },
        claim: { included: false },
      })),
    ],
  },
  'consistency-verified': {
    about:
      'Logs that continue others, and some that do not: another older root, one that shrinks, a path where none is needed, none where one is, an empty log with a root of its own.',
    checks: [
      ...[0, 1, 2, 3, 4, 7, 8, 10, 11].map((older) => ({
        input: {
          older: { size: older, root: rootOf(older) },
          newer: { size: 11, root: rootOf(11) },
          path: pathOf({ hashes: many, older }),
        },
        claim: { consistent: true },
      })),
      ...(
        [
          [7, rootOf(6), 11, pathOf({ hashes: many, older: 7 })],
          [8, rootOf(7), 11, pathOf({ hashes: many, older: 8 })],
          [11, rootOf(11), 8, pathOf({ hashes: many, older: 8 })],
          [11, rootOf(11), 11, [many[0] ?? '']],
          [11, rootOf(10), 11, []],
          [8, rootOf(8), 11, []],
          [0, rootOf(1), 11, []],
          [0, rootOf(0), 11, [many[0] ?? '']],
        ] as const
      ).map(([size, olderRoot, newerSize, path]) => ({
        input: {
          older: { size, root: olderRoot },
          newer: { size: newerSize, root: rootOf(newerSize) },
          path,
        },
        claim: { consistent: false },
      })),
    ],
  },
}

const proofFile = formatTlogProof({
  index: 5,
  path: pathOf({ hashes: many, index: 5 }),
  checkpoint: checkpointOf(11),
})
const opensProof = (file: string, claim: unknown) => ({
  input: { file, hash: many[5] ?? '', logs: [logKey] },
  claim,
})

export const tlogProofCases: VectorCases<TlogProofInput> = {
  opening: {
    about:
      'A row in its log, in one file (c2sp.org/tlog-proof): with and without extra data, and a log of one row, whose path is empty.',
    checks: [
      opensProof(proofFile, { index: 5, size: 11, root: rootOf(11) }),
      opensProof(proofFile.replace('\nindex', '\nextra eyJhIjoxfQ==\nindex'), { index: 5, extra: '{"a":1}' }),
      {
        input: {
          file: formatTlogProof({ index: 0, path: [], checkpoint: checkpointOf(1) }),
          hash: many[0] ?? '',
          logs: [logKey],
        },
        claim: { index: 0, size: 1 },
      },
    ],
  },
  wrong_refused: {
    about:
      'Well formed and not true: of another row, at another index, with the checkpoint of another size, with one hash changed.',
    checks: [
      { input: { file: proofFile, hash: many[4] ?? '', logs: [logKey] }, claim: { refused: 'PROOF_WRONG' } },
      opensProof(proofFile.replace('index 5', 'index 4'), { refused: 'PROOF_WRONG' }),
      opensProof(
        formatTlogProof({ index: 5, path: pathOf({ hashes: many, index: 5 }), checkpoint: checkpointOf(10) }),
        { refused: 'PROOF_WRONG' },
      ),
      opensProof(
        formatTlogProof({
          index: 5,
          path: [many[0] ?? '', ...pathOf({ hashes: many, index: 5 }).slice(1)],
          checkpoint: checkpointOf(11),
        }),
        { refused: 'PROOF_WRONG' },
      ),
    ],
  },
  untrusted_refused: {
    about: 'The checkpoint of a proof is judged like any other.',
    checks: [
      {
        input: { file: proofFile, hash: many[5] ?? '', logs: [exampleKey] },
        claim: { refused: 'NOTE_UNTRUSTED' },
      },
      opensProof(proofFile.replace('\n11\n', '\n12\n'), { refused: 'NOTE_FORGED' }),
    ],
  },
  malformed_refused: {
    about:
      'Another version, an index with a leading zero or none, hashes of another length, extra data behind the index, no blank line, 64 hashes.',
    checks: [
      proofFile.replace('@v1', '@v2'),
      proofFile.replace('index 5', 'index 05'),
      proofFile.replace('index 5\n', ''),
      proofFile.replace(/index 5\n...../, 'index 5\n'),
      proofFile.replace('index 5\n', 'index 5\nextra eyJhIjoxfQ==\n'),
      proofFile.replace('\nindex', '\nextra eyJhIjoxfQ\nindex'),
      proofFile.replaceAll('\n\n', '\n'),
      proofFile.replace('index 5\n', `index 5\n${`${'A'.repeat(43)}=\n`.repeat(60)}`),
      '',
    ].map((file) => opensProof(file, { refused: 'PROOF_MALFORMED' })),
  },
}

const [v1 = '', v2 = '', v3 = ''] = vkeys
const three = `log ${logKey}\nwitness a ${v1}\nwitness b ${v2} https://w2.example.org/\nwitness c ${v3}\n`
const quorumOf = (policy: string, signers: readonly number[], quorum: boolean) => ({
  input: { policy, note: cosignedBy(...signers) },
  claim: { quorum },
})

export const policyCases: VectorCases<PolicyInput> = {
  reading: {
    about:
      'Comments, blank lines, tabs, addresses, groups of groups; `any` is one, `all` is all. Names mean something within the file only.',
    checks: [
      {
        input: {
          policy: `# ours\n\n  log\t${logKey}   https://log.example.org/\n${three.replace(/^log.*\n/, '')}group two 2 a b\ngroup g all two c\nquorum g\n`,
        },
        claim: {
          logs: [origin],
          witnesses: ['a', 'b', 'c'],
          groups: [
            { name: 'two', threshold: 2, members: ['a', 'b'] },
            { name: 'g', threshold: 2, members: ['two', 'c'] },
          ],
          quorum: 'g',
        },
      },
      { input: { policy: 'quorum none' }, claim: { logs: [], witnesses: [], quorum: null } },
      {
        input: {
          policy: `log ${logKey}\nlog ${formatVerifierKey(seededSigner(`${origin}~2`, 1).key)}\nquorum none\n`,
        },
        claim: { logs: [origin, `${origin}~2`] },
      },
    ],
  },
  quorums: {
    about:
      'Which cosignatures are enough: none, one certain witness, any, two of three, all, a group with a witness beside it.',
    checks: [
      quorumOf(`${three}quorum none\n`, [], true),
      quorumOf(`${three}quorum b\n`, [1], true),
      quorumOf(`${three}quorum b\n`, [0, 2], false),
      quorumOf(`${three}group g any a b c\nquorum g\n`, [2], true),
      quorumOf(`${three}group g any a b c\nquorum g\n`, [], false),
      quorumOf(`${three}group g 2 a b c\nquorum g\n`, [0, 2], true),
      quorumOf(`${three}group g 2 a b c\nquorum g\n`, [1], false),
      quorumOf(`${three}group g all a b c\nquorum g\n`, [0, 1], false),
      quorumOf(`${three}group g all a b c\nquorum g\n`, [0, 1, 2], true),
      quorumOf(`${three}group two any a b\ngroup g all two c\nquorum g\n`, [1, 2], true),
      quorumOf(`${three}group two any a b\ngroup g all two c\nquorum g\n`, [0, 1], false),
      {
        input: {
          policy: `${three}group g 2 a b c\nquorum g\n`,
          note: note + cosign(body, time, w[0] ?? log) + cosign(body, time + 1, w[0] ?? log),
        },
        claim: { quorum: false },
      },
    ],
  },
  refused: {
    about: `No quorum, two of them, a name that is used before it is defined or twice, a member twice (in one group or in two), a threshold of nothing or beyond
the members, one key under two names, a key in the other role, an unknown word, a carriage return.`,
    checks: [
      `log ${logKey}\n`,
      'quorum none\nquorum none\n',
      `quorum a\nwitness a ${v1}\n`,
      `${three}group a any b\nquorum none\n`,
      `${three}group none any b\nquorum none\n`,
      `${three}group g any a a\nquorum g\n`,
      `${three}group g any a b\ngroup h any b c\nquorum none\n`,
      `${three}group g 0 a b\nquorum g\n`,
      `${three}group g 3 a b\nquorum g\n`,
      `${three}group g 01 a b\nquorum g\n`,
      `${three}group g any\nquorum g\n`,
      `${three}group g any none\nquorum g\n`,
      `witness a ${v1}\nwitness b ${v1}\nquorum none\n`,
      `log ${logKey}\nlog ${logKey}\nquorum none\n`,
      `log ${v1}\nquorum none\n`,
      `witness a ${logKey}\nquorum none\n`,
      'trust everybody\nquorum none\n',
      'quorum none\r\n',
      'quorum\n',
      '',
    ].map((policy) => ({ input: { policy }, claim: { refused: 'BAD_POLICY' } })),
  },
}

export const tilesCases: VectorCases<TilesInput> = {
  paths: {
    about:
      'Groups of three digits, all but the last with an x, and the width of a partial tile (c2sp.org/tlog-tiles).',
    checks: [
      {
        input: { tile: { level: 0, index: 1_234_067, width: 256 } },
        claim: { path: 'tile/0/x001/x234/067' },
      },
      { input: { tile: { level: 'entries', index: 0, width: 7 } }, claim: { path: 'tile/entries/000.p/7' } },
      { input: { tile: { level: 63, index: 999, width: 255 } }, claim: { path: 'tile/63/999.p/255' } },
      { input: { path: 'tile/1/x001/000' }, claim: { tile: { level: 1, index: 1000, width: 256 } } },
      ...[
        'tile/64/000',
        'tile/00/000',
        'tile/0/000.p/256',
        'tile/0/000.p/0',
        'tile/0/x000/001',
        'tile/0/1',
        'tile/x/000',
      ].map((path) => ({ input: { path }, claim: { tile: null } })),
    ],
  },
  growth: {
    about:
      'Which tiles a log of one size has that one of another size has not. A full tile is an entry of the level above; 70,000 rows are the example of the specification.',
    checks: [
      { input: { known: 0, size: 0 }, claim: { paths: [] } },
      { input: { known: 0, size: 1 }, claim: { paths: ['tile/0/000.p/1'] } },
      { input: { known: 0, size: 256 }, claim: { paths: ['tile/0/000', 'tile/1/000.p/1'] } },
      {
        input: { known: 255, size: 257 },
        claim: { paths: ['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1'] },
      },
      { input: { known: 256, size: 256 }, claim: { paths: [] } },
      {
        input: { known: 69_999, size: 70_000 },
        claim: { paths: ['tile/0/273.p/112'] },
      },
      {
        input: { known: 69_887, size: 70_000 },
        claim: { paths: ['tile/0/272', 'tile/0/273.p/112', 'tile/1/001.p/17'] },
      },
      {
        input: { known: 65_535, size: 65_536 },
        claim: { paths: ['tile/0/255', 'tile/1/000', 'tile/2/000.p/1'] },
      },
    ],
  },
  entries: {
    about: 'Each leaf behind its length in two bytes.',
    checks: [
      { input: { leaves: ['{}', '', '{"a":"é"}'] }, claim: { bundle: 'AAJ7fQAAAAp7ImEiOiLDqSJ9' } },
      { input: { leaves: ['x'.repeat(300)] }, claim: {} },
    ],
  },
}

const ask = (old: number, size: number, path = pathOf({ hashes: many.slice(0, size), older: old })): string =>
  formatCheckpointRequest({ old, path, checkpoint: checkpointOf(size) })
const other = many.toReversed()
const forkOf = (size: number): string => {
  const { root: forkedRoot } = proofAnswers.tree({ hashes: other.slice(0, size) }) as { root: string }
  return signNote(formatCheckpoint({ origin, size, root: forkedRoot }), log)
}
const asksWitness = (requests: readonly string[], statuses: readonly number[]) => ({
  input: { name: witnessName, seed: 2, now: time, logs: [logKey], requests },
  claim: { answers: statuses.map((status) => ({ status })) },
})

export const witnessCases: VectorCases<WitnessInput> = {
  'a-log-that-grows': {
    about:
      'A witness cosigns what continues the last checkpoint it cosigned: the first one whatever its size, the same one again, and each that is proven to continue it.',
    checks: [
      asksWitness([ask(0, 4), ask(4, 4), ask(4, 7), ask(7, 11)], [200, 200, 200, 200]),
      asksWitness([ask(0, 0), ask(0, 1)], [200, 200]),
    ],
  },
  'a-log-that-forks_refused': {
    about:
      'Another history of the same size, of a larger size, and a smaller log: none is cosigned, and the true one still is afterwards.',
    checks: [
      asksWitness(
        [
          ask(0, 4),
          formatCheckpointRequest({ old: 4, path: [], checkpoint: forkOf(4) }),
          formatCheckpointRequest({
            old: 4,
            path: pathOf({ hashes: other.slice(0, 7), older: 4 }),
            checkpoint: forkOf(7),
          }),
          formatCheckpointRequest({ old: 3, path: [], checkpoint: checkpointOf(3) }),
          ask(4, 7),
        ],
        [200, 422, 422, 409, 200],
      ),
    ],
  },
  'a-client-that-is-behind': {
    about:
      'Another old size than the one that is remembered is answered with that one (409), so that a client which lost its memory can go on.',
    checks: [
      {
        ...asksWitness([ask(0, 7), ask(0, 11, []), ask(4, 11)], [200, 409, 409]),
        claim: { answers: [{ status: 200 }, { status: 409, body: '7\n' }, { status: 409, body: '7\n' }] },
      },
      { ...asksWitness([ask(3, 7)], [409]), claim: { answers: [{ status: 409, body: '0\n' }] } },
    ],
  },
  refused: {
    about: `A log that is not known (404), a checkpoint that its log did not sign or whose signature does not hold (403), an old size above the new one or a body that is
none (400), a proof where none is needed or a wrong one, an empty log with a root of its own (422).`,
    checks: [
      asksWitness(
        [
          formatCheckpointRequest({ old: 0, path: [], checkpoint: exampleNote }),
          formatCheckpointRequest({
            old: 0,
            path: [],
            checkpoint: signNote(
              body.replace('node-7', 'node-8'),
              seededSigner('node-8.example.org/audit', 4),
            ),
          }),
          formatCheckpointRequest({ old: 0, path: [], checkpoint: signNote(body, seededSigner(origin, 5)) }),
          ask(0, 4).replace('\n4\n', '\n5\n'),
          formatCheckpointRequest({ old: 5, path: [], checkpoint: checkpointOf(4) }),
          ask(0, 4).replace('old 0', 'old 00'),
          'old 0\n',
          ask(0, 4, [many[0] ?? '']),
          formatCheckpointRequest({
            old: 0,
            path: [],
            checkpoint: signNote(formatCheckpoint({ origin, size: 0, root: rootOf(1) }), log),
          }),
        ],
        [400, 404, 403, 403, 400, 400, 400, 422, 422],
      ),
      asksWitness([ask(0, 4), ask(4, 11, pathOf({ hashes: many, older: 5 }))], [200, 422]),
    ],
  },
}
