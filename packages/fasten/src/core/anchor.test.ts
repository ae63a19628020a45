// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createAnchor, trustNobody, type Trust } from './anchor.ts'
import { cosign } from './cosignature.ts'
import { ownBootPrefix } from './emission.ts'
import { crypto, seededSigner } from './fixtures/keys.ts'
import { digest } from './fixtures/rows.ts'
import { checkpointNote } from './fixtures/signed-log.ts'
import { openRotation, rotationText } from './log-keys.ts'
import { signNote } from './note.ts'
import { signatureLine } from './signature-line.ts'
import { parseTlogPolicy } from './tlog-policy.ts'
import type { LogVerdict } from './verdict.ts'
import { formatVerifierKey } from './verifier-key.ts'

const log = '_/gateway/edge-1/audit'
const [first, second, mallory] = [1, 2, 9].map((seed) => seededSigner(log, seed)) as [
  ReturnType<typeof seededSigner>,
  ReturnType<typeof seededSigner>,
  ReturnType<typeof seededSigner>,
]
const witness = seededSigner('witness.example/w1', 3, 'cosignature/v1')
const hashes = Array.from({ length: 9 }, (_, index) => digest(new Uint8Array([index])))
const vkey = formatVerifierKey(first.key)

const passed: LogVerdict = {
  verdict: 'PASS',
  log,
  from_index: 0,
  to_index: 9,
  rows_expected: 9,
  rows_checked: 9,
  rows_expired: 0,
  rows_erased: 0,
  rows_missing: 0,
  rows_bad: 0,
  breaks: [],
  breaks_total: 0,
  head_hash: hashes[8] ?? null,
  anchored_to: null,
  unanchored_rows: 9,
  notes: [],
}

interface Found {
  readonly trust?: Partial<Trust>
  readonly stored?: readonly string[]
  readonly rows?: readonly string[]
  readonly keyRows?: Readonly<Record<number, unknown>>
}

function judge({ trust, stored = [], rows = hashes, keyRows = { 0: created(vkey) } }: Found): LogVerdict {
  const notes = stored.map((note) => ({ note, size: 5 }))
  const anchor = createAnchor({ log, trust: { ...trustNobody, ...trust }, stored: notes, crypto })
  for (const [seq, hash] of rows.entries()) {
    anchor.append(seq, hash)
    if (keyRows[seq] !== undefined) anchor.addKeys(seq, keyRows[seq])
  }
  return anchor.finish({ ...passed, to_index: rows.length, rows_checked: rows.length }, rows.length)
}

const own = { boot_id: `${ownBootPrefix}11223344`, stream: 'audit' }
const created = (public_key: string) => ({ ...own, code: 'LOG_CREATED', detail: { public_key } })
const given = { logs: [first.key] }

function rotated(isRevoked = false, signers = [first, second]) {
  const text = rotationText({ log, old: first.key, next: second.key, isRevoked })
  const [one, ...others] = signers
  const lines = others.map((each) => signatureLine(each.key, each.sign(new TextEncoder().encode(text))))
  const statement = signNote(text, one ?? first) + lines.join('')
  const [old_public_key, public_key] = [first, second].map(({ key }) => formatVerifierKey(key))
  return { ...own, code: 'KEY_ROTATED', detail: { old_public_key, public_key, statement } }
}

describe('anchoring', () => {
  test('a checkpoint that holds and agrees anchors what it covers, and says what it does not', () => {
    const verdict = judge({
      trust: given,
      stored: [checkpointNote(hashes, 5, first), checkpointNote(hashes, 7, first)],
    })
    assert.deepEqual([verdict.verdict, verdict.unanchored_rows], ['PASS', 2])
    assert.deepEqual(
      [verdict.anchored_to?.size, verdict.anchored_to?.key, verdict.anchored_to?.key_source],
      [7, vkey, 'given'],
    )
    assert.deepEqual(verdict.notes, ['rows from 7 on lie behind the newest signed checkpoint'])
  })

  test('without a key the one that row 0 names is used, and the verdict says so', () => {
    const verdict = judge({ stored: [checkpointNote(hashes, 9, first)] })
    assert.equal(verdict.anchored_to?.key_source, 'log')
    assert.match(verdict.notes.join(), /the key was taken from the log itself/)
    assert.equal(judge({ stored: [checkpointNote(hashes, 9, mallory)] }).anchored_to, null)
    const node = judge({
      trust: { own: [first.key.publicKey] },
      stored: [checkpointNote(hashes, 9, first)],
      keyRows: {},
    })
    assert.equal(node.anchored_to?.key_source, 'node')
  })

  test('another root than the one that was signed is a break, of stored and of kept checkpoints', () => {
    const other = checkpointNote([...hashes].reverse(), 5, first)
    for (const found of [
      { trust: given, stored: [other] },
      { trust: { ...given, kept: [{ note: other, from: 'a file' }] } },
    ]) {
      const verdict = judge(found)
      assert.deepEqual([verdict.verdict, verdict.breaks[0]?.kind], ['FAIL', 'checkpoint_mismatch'])
    }
  })

  test('a log that is shorter than what was signed names the rows that are gone', () => {
    const note = checkpointNote(hashes, 9, first)
    for (const rows of [hashes.slice(0, 6), []]) {
      const verdict = judge({ trust: { ...given, kept: [{ note, from: 'a file' }] }, rows })
      assert.equal(verdict.verdict, 'FAIL')
      assert.deepEqual(
        verdict.breaks.map(({ kind, from_index, to_index }) => [kind, from_index, to_index]),
        [['log_shorter_than_checkpoint', rows.length, 8]],
      )
      assert.equal(verdict.rows_missing, 9 - rows.length)
    }
  })

  test('a key that was given counts for its own log, and for those that continue it, only', () => {
    const foreign = seededSigner('_/other/edge-1/audit', 1)
    const verdict = judge({ trust: { logs: [foreign.key] }, stored: [checkpointNote(hashes, 9, first)] })
    assert.deepEqual([verdict.verdict, verdict.anchored_to], ['INCOMPLETE', null])
    assert.match(verdict.notes.join(), /none of the keys that were given is named after this log/)
    const before = seededSigner(`${log}~2`, 1)
    assert.equal(
      judge({ trust: { logs: [before.key] }, stored: [checkpointNote(hashes, 9, first)] }).verdict,
      'PASS',
    )
  })

  test('whoever trusts the old key follows a rotation that both keys signed', () => {
    const stored = [checkpointNote(hashes, 3, first), checkpointNote(hashes, 9, second)]
    const verdict = judge({ trust: given, stored, keyRows: { 4: rotated() } })
    assert.deepEqual([verdict.verdict, verdict.anchored_to?.size], ['PASS', 9])
    assert.match(verdict.notes.join(), /the key was rotated at row 4/)
    const newKeyOnly = judge({ trust: { logs: [second.key] }, stored, keyRows: { 4: rotated() } })
    assert.deepEqual([newKeyOnly.verdict, newKeyOnly.anchored_to?.size], ['PASS', 9])
  })

  test('nobody follows a rotation that one key alone signed, of another log, or declared by a row', () => {
    const stored = [checkpointNote(hashes, 9, second)]
    const elsewhere = {
      ...rotated(),
      detail: { ...rotated().detail, statement: rotated().detail.statement.replaceAll('edge-1', 'edge-2') },
    }
    for (const row of [
      rotated(false, [first]),
      rotated(false, [second]),
      elsewhere,
      { ...own, code: 'KEY_DECLARED', detail: { public_key: formatVerifierKey(second.key) } },
      { ...rotated(), boot_id: '1111111122223333' },
    ])
      assert.equal(judge({ trust: given, stored, keyRows: { 4: row } }).anchored_to, null)
    assert.throws(() => openRotation(rotated(false, [first]).detail.statement, log, crypto), {
      code: 'NOTE_UNTRUSTED',
    })
  })

  test('behind its rotation the old key signs nothing any more', () => {
    const forged = [checkpointNote([...hashes].reverse(), 9, first)]
    const verdict = judge({ trust: given, stored: forged, keyRows: { 4: rotated(true) } })
    assert.deepEqual([verdict.verdict, verdict.anchored_to], ['INCOMPLETE', null])
    assert.match(verdict.notes.join(), /was revoked at row 4/)
  })

  test('a checkpoint that was damaged or forged is a break, one of a stranger a note', () => {
    const note = checkpointNote(hashes, 5, first)
    const damaged = note.replace(
      /(— \S+ \S{20})(.)/,
      (_, head: string, one: string) => head + (one === 'A' ? 'B' : 'A'),
    )
    assert.deepEqual(
      judge({ trust: given, stored: [damaged] }).breaks.map(({ kind }) => kind),
      ['checkpoint_invalid'],
    )
    assert.deepEqual(
      judge({ trust: given, stored: ['nonsense'] }).breaks.map(({ kind }) => kind),
      ['checkpoint_invalid'],
    )
    const strange = judge({ trust: given, stored: [checkpointNote(hashes, 5, mallory)] })
    assert.deepEqual([strange.verdict, strange.breaks], ['INCOMPLETE', []])
    assert.match(strange.notes.join(), /a checkpoint is not signed by a key that is trusted here/)
  })

  test('with a policy only what enough witnesses saw counts', () => {
    const policy = parseTlogPolicy(
      `log ${vkey}\nwitness w1 ${formatVerifierKey(witness.key)}\nquorum w1\n`,
      digest,
    )
    const trust = { ...given, witnesses: [witness.key], policy }
    const alone = checkpointNote(hashes, 7, first)
    assert.equal(judge({ trust, stored: [alone] }).verdict, 'INCOMPLETE')
    const seen = checkpointNote(hashes, 5, first)
    const text = seen.slice(0, seen.indexOf('\n\n') + 1)
    const verdict = judge({ trust, stored: [alone, seen + cosign(text, 1_795_327_200, witness)] })
    assert.deepEqual([verdict.verdict, verdict.anchored_to?.size], ['PASS', 5])
    assert.deepEqual(verdict.anchored_to?.witnesses, { signed: 1, known: 1 })
  })

  test('rows that are named already are not named again by the root that they no longer make', () => {
    const broken = { kind: 'hash_mismatch', from_index: 2, to_index: 2, message: 'edited' } as const
    const anchor = createAnchor({
      log,
      trust: { ...trustNobody, ...given },
      stored: [{ note: checkpointNote([...hashes].reverse(), 5, first), size: 5 }],
      crypto,
    })
    for (const [seq, hash] of hashes.entries()) anchor.append(seq, hash)
    const verdict = anchor.finish({ ...passed, verdict: 'FAIL', breaks: [broken], breaks_total: 1 }, 9)
    assert.deepEqual([verdict.verdict, verdict.breaks_total], ['FAIL', 1])
  })
})
