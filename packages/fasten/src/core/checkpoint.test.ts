// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatCheckpoint, openCheckpoint, type TrustedCheckpoint } from './checkpoint.ts'
import { cosign } from './cosignature.ts'
import { crypto, seededSigner } from './fixtures/keys.ts'
import { openNote, signNote } from './note.ts'
import { isIncluded } from './tree-proof.ts'
import { formatVerifierKey, parseVerifierKey } from './verifier-key.ts'

const origin = 'node-7.example.org/audit'
const root = 'd49002fc1cbcc6673e4ed1280e77c4300a9675312267a1e769ea27117da9f19b'
const log = seededSigner(origin, 1)
const w1 = seededSigner('witness.example.org/w1', 2, 'cosignature/v1')
const text = formatCheckpoint({ origin, size: 3, root })
const note = signNote(text, log)
const code = (expected: string) => (error: Error & { code?: string }) => error.code === expected

describe('checkpoints', () => {
  it('has the bytes that two other programs gave', () => {
    assert.equal(
      formatVerifierKey(log.key),
      'node-7.example.org/audit+91016822+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c',
    )
    assert.equal(
      formatVerifierKey(w1.key),
      'witness.example.org/w1+6d7ef907+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU',
    )
    assert.equal(
      note,
      `${origin}\n3\n1JAC/By8xmc+TtEoDnfEMAqWdTEiZ6HnaeonEX2p8Zs=\n\n\u2014 ${origin} kQFoIjc+X06Spye73JLrLKtwlPmcLqK4f/yxzmkxe6GkJ8HqbG/bllpRsa1m0lFnaH7mAdq7A271tzaACtRfDLmhhQA=\n`,
    )
    assert.equal(
      cosign(text, 1_795_327_200, w1),
      '\u2014 witness.example.org/w1 bX75BwAAAABrAoTgt8qLWo01fvXGdQ8S/18EdlnrBN1oA5b/xr/FvOZgsMtLBB9KhK0C86Di9YvXSCu2g6IYTeHtlNUNNcsc5Y79AA==\n',
    )
  })

  it('opens the example of the note specification with the key given there', () => {
    const key = parseVerifierKey(
      'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
      crypto.digest,
    )
    const example =
      'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'
    assert.equal(openNote(example, [key], crypto).text, 'This is an example message.\n')
  })

  it('trusts size and root together, from the key that was given and the witnesses that were named', () => {
    const stranger = seededSigner('witness.example.org/w2', 3, 'cosignature/v1')
    const signed = note + cosign(text, 1_795_327_200, w1) + cosign(text, 1_795_327_201, stranger)
    const opened = openCheckpoint(signed, { logs: [log.key], witnesses: [w1.key] }, crypto)
    assert.deepEqual(
      { ...opened },
      {
        origin,
        size: 3,
        root,
        extensions: [],
        key: log.key,
        cosignatures: [{ key: w1.key, time: 1_795_327_200 }],
        text,
        note: signed,
      },
    )
  })

  it('refuses a note that only a witness signed, a key of another log, and a changed text', () => {
    const keys = { logs: [log.key], witnesses: [w1.key] }
    const cosigned = `${text}\n${cosign(text, 1, w1)}`
    assert.throws(() => openCheckpoint(cosigned, keys, crypto), code('NOTE_UNTRUSTED'))
    const other = seededSigner('node-8.example.org/audit', 4)
    assert.throws(
      () => openCheckpoint(signNote(text, other), { logs: [other.key] }, crypto),
      code('NOTE_UNTRUSTED'),
    )
    assert.throws(() => openCheckpoint(note.replace('\n3\n', '\n4\n'), keys, crypto), code('NOTE_FORGED'))
  })

  it('refuses a checkpoint that nobody opened, even where the compiler was talked over', () => {
    const forged = { ...openCheckpoint(note, { logs: [log.key] }, crypto), size: 4 } as TrustedCheckpoint
    assert.throws(() => isIncluded({ index: 0, leafHash: root, path: [] }, forged, crypto.digest), TypeError)
  })
})
