#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Checks an evidence pack: one file, no dependency, no network, Node.js 20 or newer.
 *
 *     node verify.mjs PACK --key KEY [--key KEY …] [--policy FILE] [--checkpoint FILE …] [--json]
 *
 * KEY is a verifier key as `fasten key show` prints it, or a file with one on each line.
 *
 * Get this file, the keys and the policy from somebody you trust, and by another way than the pack: whoever made the pack
 * could have put friendly copies into it. The formats are told in pack.md, proofs.md, chain.md and canonical.md.
 *
 * What is believed: your keys and your policy. What is not: everything in the pack. In short:
 *
 *   1. A checkpoint is a log's name, size and root, signed by the log's key. It is believed when your key signed it, or one that your
 *      key has handed the log on to.
 *   2. The hashes of a range of rows, with a few hashes of the rows around it, must give that very root.
 *   3. Every row of the range must be there and hash to its hash, or be explained as expired by a row that is proven.
 *   4. A single row is proven by a path of hashes from it to that very root.
 *   5. Personal values must be what their rows commit to, or be explained as erased by a row that is proven.
 *
 * Answers: PASS (exit 0), FAIL (3): something is wrong, INCOMPLETE (4): nothing is wrong, and not enough is proven.
 */
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const verifierVersion = 'fasten-pack-verify/1'
const breaksListedMax = 1000

/* ------------------------------------------------------------------------------------------- the pack as a whole */

/**
 * The verdict on the pack in a folder. `keys` are verifier keys as text, `policy` the text of a policy file, `remembered`
 * the texts of checkpoints that you accepted earlier. Throws `Refused` when one of those three cannot be used.
 */
export function verifyPack(folder, { keys = [], policy: policyText, remembered = [] } = {}) {
  const policy = policyText === undefined ? undefined : parsePolicy(policyText)
  const trust = { logs: [...keys.map(parseKey), ...(policy?.logs ?? [])], policy }
  const breaks = []
  const { manifest, rows, disclosures } = readPack(folder, breaks)
  const logs = manifest.logs.map((claim, at) => {
    const own = { claim, rows: rows.get(claim.log) ?? new Map(), files: filesOf(folder, at) }
    rows.delete(claim.log)
    return checkLog(own, trust, remembered)
  })
  for (const log of rows.keys()) breaks.push({ kind: 'log_unknown', at: log })
  checkErasures(logs, disclosures, manifest.disclosures === true, breaks)
  checkGenerations(logs)
  const verdicts = logs.map(verdictOf)
  // Whoever remembers a checkpoint asks whether it still holds; silence would be taken for yes.
  const isAnswered = remembered.every((note) => logs.some(({ compared }) => compared.has(note)))
  const worst = ['FAIL', 'INCOMPLETE'].find((kind) => verdicts.some(({ verdict }) => verdict === kind))
  return {
    verdict:
      breaks.length > 0 ? 'FAIL' : (worst ?? (isAnswered && verdicts.length > 0 ? 'PASS' : 'INCOMPLETE')),
    logs: verdicts,
    breaks,
    notes: isAnswered ? [] : ['checkpoint_not_compared'],
    policy_sha256: policyText === undefined ? null : sha256(Buffer.from(policyText)),
    verifier_version: verifierVersion,
  }
}

/** logs.json, rows.jsonl and disclosures.jsonl. Whatever cannot be read is a break, and the rest is read all the same. */
function readPack(folder, breaks) {
  const manifest = readJson(join(folder, 'logs.json'))
  const isSound =
    isRecord(manifest) &&
    manifest.format === 'fasten-pack/1' &&
    Array.isArray(manifest.logs) &&
    manifest.logs.every(isLogClaim) &&
    new Set(manifest.logs.map(({ log }) => log)).size === manifest.logs.length
  if (!isSound) breaks.push({ kind: 'pack_malformed', at: 'logs.json' })
  const rows = new Map()
  for (const [at, line] of linesOf(join(folder, 'rows.jsonl')).entries()) {
    const row = parseRow(line)
    const ofLog = rows.get(row?.log) ?? new Map()
    if (row === undefined) breaks.push({ kind: 'row_unreadable', at: `rows.jsonl:${at + 1}` })
    else if (ofLog.has(row.seq)) breaks.push({ kind: 'duplicate_seq', at: `rows.jsonl:${at + 1}` })
    else rows.set(row.log, ofLog.set(row.seq, row))
  }
  const disclosures = linesOf(join(folder, 'disclosures.jsonl')).map((line, at) => {
    const found = parseCanonical(line)
    if (isDisclosure(found)) return found
    breaks.push({ kind: 'disclosure_unreadable', at: `disclosures.jsonl:${at + 1}` })
    return undefined
  })
  return {
    manifest: isSound ? manifest : { logs: [] },
    rows,
    disclosures: disclosures.filter((found) => found !== undefined),
  }
}

function isLogClaim(claim) {
  if (!isRecord(claim) || typeof claim.log !== 'string' || !isCount(claim.size)) return false
  const hasRange = claim.from !== undefined || claim.to !== undefined
  return (
    !hasRange ||
    (isCount(claim.from) && isCount(claim.to) && claim.from <= claim.to && claim.to <= claim.size)
  )
}

/** The place that a line claims for its row, and what is there of it: the leaf, or the hash of a row that has expired. */
function parseRow(line) {
  const found = parseCanonical(line)
  if (!isRecord(found) || typeof found.log !== 'string' || !isCount(found.monotonic_seq)) return undefined
  const place = { log: found.log, seq: found.monotonic_seq }
  if (found.canonical_form_id !== undefined) return { ...place, leaf: line }
  // A leaf that is no line of text, or does not lie where it says: told with the place it was found at.
  if (typeof found.leaf_base64 === 'string') {
    const leaf = bytesFromBase64(found.leaf_base64)
    return leaf && { ...place, leaf }
  }
  return found.expired === true && isHash(found.hash) ? { ...place, expiredHash: found.hash } : undefined
}

function isDisclosure(found) {
  return (
    isRecord(found) &&
    typeof found.log === 'string' &&
    isCount(found.monotonic_seq) &&
    typeof found.pointer === 'string' &&
    typeof found.key_id === 'string' &&
    (found.state === 'opened'
      ? typeof found.disclosure === 'string'
      : ['gone', 'sealed'].includes(found.state))
  )
}

/** The files of the log that stands at `at` in logs.json, by what they hold. */
function filesOf(folder, at) {
  const numbered = (directory, ending) => {
    const inside = join(folder, directory)
    const matches = (existsSync(inside) ? readdirSync(inside) : [])
      .sort()
      .map((name) => /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})\.([a-z-]+)$/.exec(name))
      .filter((match) => match !== null && match[1] === String(at) && match[3] === ending)
    return new Map(matches.map(([name, , number]) => [number, join(inside, name)]))
  }
  return {
    hashes: join(folder, 'hashes', `${at}.json`),
    checkpoints: numbered('checkpoints', 'checkpoint'),
    proofs: numbered('proofs', 'tlog-proof'),
    consistency: numbered('proofs', 'consistency'),
  }
}

/* ------------------------------------------------------------------------------------------------------- one log */

/** Everything that is found of one log; `verdictOf` counts it. */
function checkLog({ claim, rows, files }, trust, remembered) {
  const found = {
    log: claim.log,
    size: claim.size,
    from: claim.from ?? 0,
    to: claim.to ?? claim.from ?? 0,
    hasRange: claim.from !== undefined,
    breaks: [],
    notes: new Set(),
    anchor: undefined,
    // Remembered checkpoints that are of this log, and are believed.
    compared: new Set(),
    // The roots of subtrees that the anchor's root is made of, by `from-to`; those of single rows are their hashes.
    known: new Map(),
    // Rows with nothing wrong, by number: the only ones that may explain anything. With a tail there is no PASS.
    sound: new Map(),
    checked: 0,
    bad: new Set(),
    missing: 0,
    outside: 0,
    expiredPlaces: [],
    expired: 0,
    erased: new Set(),
    tail: [],
  }
  const keys = followRotations(found, keysFor(claim.log, trust.logs), rows)
  const checkpoints = openCheckpoints(found, keys, { files, policy: trust.policy, remembered })
  found.hashes = found.hasRange ? checkRange(found, files, rows) : []
  checkContinuity(found, checkpoints, files)
  for (const seq of [...rows.keys()].sort((a, b) => a - b)) checkRow(found, rows.get(seq), files)
  explainExpired(found)
  return found
}

/**
 * Which key may sign for how many rows. A given key may sign for any number, until a row hands the log on to another: it counts
 * when the old key and the new one signed what it says. From there on the old key, perhaps stolen, signs nothing any more.
 * `former` are keys that have handed on to a given one: what they signed is no forgery, and proves nothing.
 */
function followRotations(found, given, rows) {
  const spans = given.map((key) => ({ key, from: 0, until: Infinity }))
  const others = []
  for (const seq of [...rows.keys()].sort((a, b) => a - b)) {
    const { leaf } = rows.get(seq)
    if (leaf === undefined || leafProblem(found.log, { seq, leaf }) !== undefined) continue
    const rotation = openRotation(
      ownFacts(parseJson(textFromUtf8(leaf)), 'KEY_ROTATED')?.statement,
      found.log,
    )
    if (rotation === undefined) continue
    const { old, next, isRevoked } = rotation
    const isKnown = spans.some(({ key }) => isSameKey(key, next))
    const held = spans.find(({ key, until }) => isSameKey(key, old) && until > seq)
    if (held !== undefined) {
      held.until = seq
      if (!isKnown) spans.push({ key: next, from: seq + 1, until: Infinity })
      found.notes.add(isRevoked ? 'key_revoked' : 'key_rotated')
    } else others.push({ key: old, from: 0, until: seq, next })
  }
  const former = []
  for (const span of others.reverse())
    if ([...spans, ...former].some(({ key }) => isSameKey(key, span.next))) former.push(span)
  return { spans, former }
}

/** Ids are short enough to be met on purpose. */
const isSameKey = (one, other) => one.publicKey.equals(other.publicKey)

const keysAt = (spans, size) =>
  spans.filter(({ from, until }) => from <= size && size <= until).map(({ key }) => key)

/** The checkpoints of a log that a key of it signed. The largest, if it has its quorum, is what rows are proven against. */
function openCheckpoints(found, { spans, former }, { files, policy, remembered }) {
  if (spans.length === 0) {
    found.notes.add('no_key')
    found.notes.add('no_checkpoint')
    return { own: [], kept: [] }
  }
  const own = []
  for (const path of files.checkpoints.values()) {
    const note = read(path)
    try {
      own.push(openCheckpoint(note, spans, policy))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (error.code === 'NOTE_UNTRUSTED' && isOpened(note, former)) found.notes.add('signed_by_a_former_key')
      else breakAt(found, refusals[error.code] ?? 'checkpoint_malformed', 0)
    }
  }
  const kept = []
  for (const note of remembered) {
    // One that was remembered may well be of another log.
    if (!isOpened(Buffer.from(note), spans)) continue
    kept.push(openCheckpoint(Buffer.from(note), spans))
    found.compared.add(note)
  }
  own.sort((a, b) => a.size - b.size)
  const newest = own.at(-1)
  // Somebody signed for more rows than there are, or than the pack knows of.
  if (
    own.some(({ size }) => size > found.size) ||
    kept.some(({ size }) => size > Math.min(found.size, newest?.size ?? -1))
  )
    breakAt(found, 'rolled_back', found.size)
  if (newest === undefined) found.notes.add('no_checkpoint')
  else if (newest.isWitnessed) found.anchor = newest
  else found.notes.add('no_quorum')
  return { own, kept }
}

function isOpened(note, spans) {
  try {
    return openCheckpoint(note, spans) !== undefined
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

const refusals = { NOTE_FORGED: 'checkpoint_forged', NOTE_UNTRUSTED: 'checkpoint_untrusted' }

/**
 * The hashes of the rows `from` to `to`, once they are known to give the anchor's root. A range that is left of the anchor's end needs
 * the roots of the complete subtrees around it; rows behind the end are not signed for: the tail.
 */
function checkRange(found, files, rows) {
  const file = readJson(files.hashes)
  const { from, to, anchor } = found
  const isSound =
    isRecord(file) &&
    [file.left, file.hashes, file.right].every((list) => Array.isArray(list) && list.every(isHash)) &&
    file.hashes.length === to - from
  if (!isSound) breakAt(found, 'hashes_malformed', from)
  else if (anchor !== undefined && anchor.size > from) {
    const [before, behind] = [subtreesOf(0, from), subtreesOf(to, anchor.size)]
    const known = new Map(file.hashes.map((hash, at) => [`${from + at}-${from + at + 1}`, hash]))
    found.known = known
    before.forEach((place, at) => known.set(place.join('-'), file.left[at]))
    behind.forEach((place, at) => known.set(place.join('-'), file.right[at]))
    const isFitting = file.left.length === before.length && file.right.length === behind.length
    if (!isFitting || rootFrom(known, 0, anchor.size) !== anchor.root) breakAt(found, 'root_mismatch', from)
  }
  for (let seq = from; seq < to; seq++) {
    if (rows.has(seq)) continue
    found.missing++
    breakAt(found, 'rows_missing', seq)
  }
  return isSound ? file.hashes : []
}

/**
 * A log never takes back what it signed: each checkpoint of the pack, and each that the reader remembers, is continued by the next
 * larger one of the pack. Those of one size have one root.
 */
function checkContinuity(found, { own, kept }, files) {
  for (const older of [...own, ...kept]) {
    const newer = own.find(
      ({ size, root }) => size > older.size || (size === older.size && root !== older.root),
    )
    // The largest of them, or one that the pack is behind, which was told.
    if (newer === undefined) continue
    const path =
      newer.size === older.size ? [] : readConsistency(files.consistency.get(String(older.size)), older.size)
    const root = older.size <= (found.anchor?.size ?? 0) ? rootFrom(found.known, 0, older.size) : undefined
    if (path !== undefined ? !isConsistent(path, older, newer) : root !== undefined && root !== older.root)
      breakAt(found, 'log_forked', older.size)
    else if (path === undefined && root === undefined) found.notes.add('continuity_unproven')
  }
}

function readConsistency(path, older) {
  if (path === undefined) return undefined
  const [first, ...lines] = read(path).toString('latin1').split('\n\n')[0].split('\n')
  const hashes = lines.map(hashFromBase64)
  // A path that cannot be read leads nowhere.
  return first === `old ${older}` && !hashes.includes(undefined) ? hashes : ['']
}

/** One row: its text, its place, its hash, its link, and what ties it to the anchor. At most one break, the first of these. */
function checkRow(found, row, files) {
  const { hashes } = found
  const { seq, expiredHash, leaf } = row
  const isInside = found.hasRange && found.from <= seq && seq < found.to
  if (!isInside) found.outside++
  const hash = expiredHash ?? leafHash(leaf)
  let wrong
  const at = seq - found.from
  if (isInside && hashes[at] !== undefined && hashes[at] !== hash) wrong = 'hash_mismatch'
  else if (expiredHash === undefined)
    wrong = leafProblem(found.log, row, isInside ? hashes[at - 1] : undefined)
  if (expiredHash === undefined) found.checked++
  if (wrong === undefined && !isInside) wrong = proofProblem(found, seq, hash, files)
  if (wrong !== undefined) return breakAt(found, wrong, seq, true)
  if (expiredHash !== undefined) found.expiredPlaces.push(seq)
  const isTail = found.anchor === undefined || seq >= found.anchor.size
  const members = expiredHash === undefined ? parseJson(textFromUtf8(leaf)) : undefined
  if (isTail) found.tail.push(seq)
  else if (typeof members?.timestamp === 'string') found.newestAnchored = members.timestamp
  if (members !== undefined) found.sound.set(seq, members)
}

/** What is wrong with a leaf by itself and with its link; `previous` is the hash of the row before, where it is known. */
function leafProblem(log, { seq, leaf }, previous) {
  const members = leaf.length <= 65_535 ? parseCanonical(leaf) : undefined
  if (!isRecord(members)) return 'leaf_unreadable'
  if (members.canonical_form_id !== '3') return 'form_unknown'
  const stream = /\/(audit|sys|api)(?:~\d+)?$/.exec(log)?.[1]
  const isThere = members.log === log && members.monotonic_seq === seq && members.stream === stream
  if (stream === undefined || !isThere) return 'place_mismatch'
  const link = seq === 0 ? 'genesis' : previous
  return link === undefined || members.prev_hash === link ? undefined : 'link_mismatch'
}

/** A row outside the range is proven by a path to the anchor. */
function proofProblem({ anchor }, seq, hash, files) {
  // Nothing can be proven without a checkpoint, and nothing behind its end: that is said by the counts.
  if (anchor === undefined || seq >= anchor.size) return undefined
  const path = files.proofs.get(String(seq))
  if (path === undefined) return 'row_unproven'
  const proof = parseProof(read(path))
  if (proof === undefined || proof.index !== seq || proof.checkpoint !== anchor.note) return 'proof_wrong'
  return inclusionRoot(seq, anchor.size, hash, proof.path) === anchor.root ? undefined : 'proof_wrong'
}

/* --------------------------------------------------------------------------------------- what may be gone, and why */

/** A row that has expired is explained by a later row of the same log in which the store says that it swept it. */
function explainExpired(found) {
  const runs = [...found.sound].flatMap(([seq, members]) => sweptRuns(found.log, seq, members))
  for (const seq of found.expiredPlaces) {
    if (runs.some(([first, last]) => first <= seq && seq <= last)) found.expired++
    else breakAt(found, 'expired_unexplained', seq, true)
  }
}

/** Which rows a row says were swept: none unless the store itself wrote it and its facts agree (chain.md, Expired rows). */
function sweptRuns(log, seq, members, code = 'RETENTION_SWEPT') {
  const facts = ownFacts(members, code)
  if (facts === undefined || facts.log !== log || !isCount(facts.from) || !isCount(facts.to)) return []
  if (typeof facts.class !== 'string' || typeof facts.policy_hash !== 'string') return []
  if (facts.from > facts.to || facts.to >= seq) return []
  const runs = facts.places === undefined ? [[facts.from, facts.to]] : parsePlaces(facts.places)
  const count = runs.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  return runs[0]?.[0] === facts.from && runs.at(-1)?.[1] === facts.to && count === facts.count ? runs : []
}

/** `3,5-9`: ascending, none twice; an empty list for anything else. */
function parsePlaces(text) {
  if (typeof text !== 'string' || !/^\d{1,15}(-\d{1,15})?(,\d{1,15}(-\d{1,15})?)*$/.test(text)) return []
  const runs = text
    .split(',')
    .map((part) => part.split('-').map(Number))
    .map(([first, last = first]) => [first, last])
  const isAscending = runs.every(([first, last], at) => first <= last && first > (runs[at - 1]?.[1] ?? -1))
  return isAscending ? runs : []
}

/** What the store says of its own deed in a row; undefined of a row that anybody else wrote. */
function ownFacts(members, code) {
  if (typeof members.boot_id !== 'string' || !members.boot_id.startsWith('fa57e400')) return undefined
  const { stream, logger, event, path, domain, code: name, fields, detail } = members
  const isIt =
    stream === 'sys'
      ? logger === 'fasten' && event === code
      : stream === 'api'
        ? path === `/${code}`
        : domain === 'fasten' && name === code
  const facts = stream === 'sys' ? fields : detail
  return isIt && isRecord(facts) ? facts : undefined
}

/**
 * Personal values against the commitments of their rows. A value that is gone needs rows SUBJECT_ERASED, of the log or of its successor,
 * that account for as many values under its key as are gone; otherwise one erasure could excuse any number. The values of a detail that
 * is personal as a whole may also have expired, without a trace but a later row DISCLOSURES_SWEPT that names the row.
 */
function checkErasures(logs, disclosures, isAsked, breaks) {
  const byName = new Map(logs.map((found) => [found.log, found]))
  const beside = new Map()
  for (const each of disclosures) {
    const place = `${each.log} ${each.monotonic_seq} ${each.pointer}`
    const commitments = byName.get(each.log)?.sound.get(each.monotonic_seq)?.sd
    if (!isRecord(commitments) || typeof commitments[each.pointer] !== 'string' || beside.has(place))
      breaks.push({ kind: 'disclosure_misplaced', at: place })
    else beside.set(place, each)
  }
  if (!isAsked && disclosures.length > 0) breaks.push({ kind: 'pack_malformed', at: 'disclosures.jsonl' })
  if (!isAsked) return
  const accounted = new Map()
  for (const { log, sound } of logs)
    for (const members of sound.values()) {
      const facts = ownFacts(members, 'SUBJECT_ERASED')
      if (!isRecord(facts?.keys) || typeof facts.log !== 'string' || baseOf(facts.log) !== baseOf(log))
        continue
      for (const [key, values] of Object.entries(facts.keys))
        if (isCount(values)) {
          const name = `${facts.log} ${key}`
          if (!accounted.has(name)) accounted.set(name, { values: 0, ranges: [] })
          accounted.get(name).values += values
          accounted.get(name).ranges.push(...rangesOf(facts.ranges))
        }
    }
  for (const found of logs) {
    const gone = new Map()
    const runs = [...found.sound].flatMap(([seq, row]) => sweptRuns(found.log, seq, row, 'DISCLOSURES_SWEPT'))
    const hasExpired = (seq) => runs.some(([first, last]) => first <= seq && seq <= last)
    for (const [seq, { sd, pii_in_detail }] of found.sound)
      for (const [pointer, commitment] of Object.entries(isRecord(sd) ? sd : {})) {
        const each = beside.get(`${found.log} ${seq} ${pointer}`)
        if (each?.state === 'sealed') found.notes.add('disclosures_sealed')
        else if (each?.state === 'gone') {
          if (!gone.has(each.key_id)) gone.set(each.key_id, [])
          gone.get(each.key_id).push(seq)
        } else if (each === undefined) {
          if (pii_in_detail === true && /^\/detail(\/|$)/.test(pointer) && hasExpired(seq))
            found.notes.add('details_expired')
          else breakAt(found, 'disclosure_missing', seq, true)
        } else if (sha256(Buffer.from(each.disclosure), 'base64url') !== commitment)
          breakAt(found, 'disclosure_mismatch', seq, true)
      }
    for (const [key, seqs] of gone) {
      const { values, ranges } = accounted.get(`${found.log} ${key}`) ?? { values: 0, ranges: [] }
      for (const seq of seqs)
        if (seqs.length <= values && ranges.some(([first, last]) => first <= seq && seq <= last))
          found.erased.add(seq)
        else breakAt(found, 'disclosure_missing', seq, true)
    }
  }
}

/** Pairs of first and last row; whatever else stands there is none. */
const rangesOf = (list) =>
  (Array.isArray(list) ? list : []).filter(
    (pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isCount),
  )

/**
 * A log whose store went back in time is ended by its successor, whose row 0 says so, and says what the log was: told, never
 * excused. Where the log now has fewer rows, or another one at that end, it was cut or rewritten, signed or not.
 */
function checkGenerations(logs) {
  const byName = new Map(logs.map((found) => [found.log, found]))
  for (const found of logs) {
    const previous = ownFacts(found.sound.get(0) ?? {}, 'LOG_CREATED')?.previous_log
    if (!isRecord(previous) || typeof previous.log !== 'string') continue
    found.notes.add('continues_a_broken_log')
    const broken = byName.get(previous.log)
    if (broken === undefined || broken === found || baseOf(broken.log) !== baseOf(found.log)) continue
    broken.notes.add('continued_by_its_successor')
    if (!isCount(previous.size) || previous.size === 0) continue
    const last = broken.hashes[previous.size - 1 - broken.from]
    if (broken.size < previous.size) breakAt(broken, 'rolled_back', broken.size)
    else if (last !== undefined && last !== previous.head_hash)
      breakAt(broken, 'log_forked', previous.size - 1)
  }
}

/* --------------------------------------------------------------------------------------------------- the verdict */

function breakAt(found, kind, index, isOfRow = false) {
  found.breaks.push({ kind, index })
  if (isOfRow) found.bad.add(index)
}

function verdictOf(found) {
  const { hasRange, from, to, outside, checked, anchor, tail, notes } = found
  const expected = (hasRange ? to - from : 0) + outside
  if (!hasRange) notes.add('selected_rows_only')
  else if (from > 0 || to < (anchor?.size ?? 0)) notes.add('part_of_the_log')
  if (tail.length > 0 && anchor !== undefined) notes.add('unanchored_tail')
  const breaks = runsOf(found.breaks)
  const isProven = anchor !== undefined && tail.length === 0 && checked > 0
  const isWhole = isProven && !notes.has('continuity_unproven')
  return {
    verdict: breaks.length > 0 ? 'FAIL' : isWhole ? 'PASS' : 'INCOMPLETE',
    log: found.log,
    from_index: from,
    to_index: to,
    rows_expected: expected,
    rows_checked: checked,
    rows_expired: found.expired,
    rows_erased: found.erased.size,
    rows_missing: found.missing,
    rows_bad: found.bad.size,
    anchored_to:
      anchor === undefined ? null : { size: anchor.size, root: anchor.root, witnesses: anchor.witnesses },
    unanchored_tail: { rows: tail.length, since: tail.length > 0 ? (found.newestAnchored ?? null) : null },
    breaks: breaks.slice(0, breaksListedMax),
    breaks_total: breaks.length,
    notes: [...notes].sort(),
  }
}

/** Breaks in order of index; those of one kind at neighbouring indices are one. */
function runsOf(breaks) {
  const runs = []
  const kinds = [...new Set(breaks.map(({ kind }) => kind))].sort()
  for (const kind of kinds) {
    const indices = [...new Set(breaks.filter((each) => each.kind === kind).map(({ index }) => index))]
    for (const index of indices.sort((a, b) => a - b)) {
      const last = runs.at(-1)
      if (last?.kind === kind && last.to_index === index - 1) last.to_index = index
      else runs.push({ kind, from_index: index, to_index: index })
    }
  }
  return runs.sort((a, b) => a.from_index - b.from_index || (a.kind < b.kind ? -1 : 1))
}

/* ------------------------------------------------------------------------- the tree (RFC 6962, RFC 9162 section 2) */

const sha256 = (bytes, encoding = 'hex') => createHash('sha256').update(bytes).digest(encoding)
const leafHash = (leaf) => sha256(Buffer.concat([Buffer.of(0), leaf]))
const nodeHash = (left, right) => sha256(Buffer.concat([Buffer.of(1), Buffer.from(left + right, 'hex')]))

/** The root over the rows `from` to `to`, from the subtrees that are known; undefined when some are not. */
function rootFrom(known, from, to) {
  const hash = known.get(`${from}-${to}`)
  if (hash !== undefined || to - from < 2) return hash
  const middle = from + splitOf(to - from)
  const left = rootFrom(known, from, middle)
  const right = rootFrom(known, middle, to)
  return left === undefined || right === undefined ? undefined : nodeHash(left, right)
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size) {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** The complete subtrees that cover the rows `from` to `to`, as [start, end], left to right: the largest that fit. */
function subtreesOf(from, to) {
  const places = []
  for (let at = from; at < to;) {
    let width = 1
    while (at % (width * 2) === 0 && at + width * 2 <= to) width *= 2
    places.push([at, at + width])
    at += width
  }
  return places
}

/** The root that a path leads to from a row; undefined when it is no path for this index and size. */
function inclusionRoot(index, size, hash, path) {
  if (index >= size) return undefined
  let [at, last, root] = [index, size - 1, hash]
  for (const sibling of path) {
    if (last === 0) return undefined
    if (at % 2 === 1 || at === last) {
      root = nodeHash(sibling, root)
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)]
    } else root = nodeHash(root, sibling)
    ;[at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
  }
  return last === 0 ? root : undefined
}

/** Whether a path leads from the older root to the newer one. */
function isConsistent(path, older, newer) {
  if (!path.every(isHash)) return false
  if (older.size === newer.size) return path.length === 0 && older.root === newer.root
  if (older.size === 0) return path.length === 0 && older.root === sha256('')
  let [at, last] = [older.size - 1, newer.size - 1]
  while (at % 2 === 1) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
  const [first, ...rest] = at === 0 ? [older.root, ...path] : path
  if (path.length === 0) return false
  let [before, after] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      ;[before, after] = [nodeHash(sibling, before), nodeHash(sibling, after)]
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)]
    } else after = nodeHash(after, sibling)
    ;[at, last] = [Math.floor(at / 2), Math.floor(last / 2)]
  }
  return last === 0 && before === older.root && after === newer.root
}

/* -------------------------------------------------- signed notes, checkpoints and keys (c2sp.org/signed-note and on) */

/** Something that cannot be believed or used; `code` is one of errors.yaml. */
export class Refused extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

const keyName = /^[^\p{White_Space}+\u0000-\u001f]+$/u

/** `name+id+base64(kind ‖ public key)`; kind 1 signs notes, kind 4 cosigns. */
function parseKey(text) {
  const [name, id, ...rest] = text.split('+')
  const material = bytesFromBase64(rest.join('+'))
  const isSound = keyName.test(name) && material?.length === 33 && (material[0] === 1 || material[0] === 4)
  if (!isSound || keyId(name, material) !== id)
    throw new Refused('BAD_VERIFIER_KEY', `"${text}" is no key to verify with; copy the whole line`)
  return { name, id, kind: material[0], publicKey: material.subarray(1) }
}

const keyId = (name, material) => sha256(Buffer.concat([Buffer.from(`${name}\n`), material])).slice(0, 8)

/** The name of a log's first generation. */
const baseOf = (name) => name.replace(/~\d+$/, '')

/** The keys that may sign for a log: those of its name, and those of another generation of it, under its own name. */
function keysFor(log, keys) {
  return keys
    .filter(({ kind, name }) => kind === 1 && baseOf(name) === baseOf(log))
    .map((key) => ({ ...key, name: log, id: keyId(log, Buffer.concat([Buffer.of(1), key.publicKey])) }))
}

/**
 * What both keys of a rotation have signed: the log goes on under the next one (proofs.md, Log keys). Undefined for anything else.
 */
function openRotation(statement, log) {
  if (typeof statement !== 'string') return undefined
  try {
    const { text, signatures } = parseNote(Buffer.from(statement))
    const lines = text.split('\n')
    const [old, next] = [parseKey(lines[2] ?? ''), parseKey(lines[3] ?? '')]
    const isRevoked = lines[4] === 'revoked'
    const said = ['fasten-key-rotation/v1', log, lines[2], lines[3], ...(isRevoked ? ['revoked'] : []), '']
    const isSound =
      lines.join('\n') === said.join('\n') &&
      [old, next].every(({ name, kind }) => name === log && kind === 1)
    const signed = (key) => {
      const own = signatures.filter(({ name, id }) => name === key.name && id === key.id)
      return own.length > 0 && own.every(({ signature }) => isSigned(key, text, signature))
    }
    return isSound && signed(old) && signed(next) ? { old, next, isRevoked } : undefined
  } catch (error) {
    if (error instanceof Refused) return undefined
    throw error
  }
}

/** Size and root of a log that one of its keys signed for, with the quorum of its witnesses. Throws `Refused`. */
function openCheckpoint(bytes, spans, policy) {
  const { note, text, signatures } = parseNote(bytes)
  // Who may sign depends on the size, which is a mere claim until they have.
  const keys = keysAt(spans, countFrom(text.split('\n')[1]) ?? 0)
  const signers = new Set()
  for (const { name, id, signature } of signatures) {
    const key = [...keys, ...(policy?.witnesses.values() ?? [])].find(
      (each) => each.name === name && each.id === id,
    )
    if (key === undefined) continue
    if (!isSigned(key, text, signature))
      throw new Refused('NOTE_FORGED', `the signature of ${name} does not hold`)
    signers.add(key)
  }
  if (signers.size === 0) throw new Refused('NOTE_UNTRUSTED', 'no given key has signed')
  const [origin, size, root, ...rest] = text.slice(0, -1).split('\n')
  const rows = countFrom(size)
  const hash = hashFromBase64(root ?? '')
  if (origin === '' || rows === undefined || hash === undefined || rest.includes(''))
    throw new Refused('CHECKPOINT_MALFORMED', 'it is signed, and no checkpoint')
  if (!keys.some((key) => key.name === origin && signers.has(key)))
    throw new Refused('NOTE_UNTRUSTED', 'no given key of this log has signed')
  const cosigned = [...signers].filter(({ kind }) => kind === 4)
  return {
    note,
    size: rows,
    root: hash,
    witnesses: policy === undefined ? null : `${cosigned.length}/${policy.witnesses.size}`,
    isWitnessed: policy === undefined || hasQuorum(policy, cosigned),
  }
}

function parseNote(bytes) {
  const note = textFromUtf8(bytes)
  if (note === undefined || note.length > 1_000_000 || /[\u0000-\u0009\u000b-\u001f]/.test(note))
    throw new Refused('NOTE_MALFORMED', 'no text that can be signed')
  const split = note.lastIndexOf('\n\n')
  const lines = note.slice(split + 2).split('\n')
  if (split < 0 || lines.pop() !== '' || lines.length === 0 || lines.length > 64)
    throw new Refused('NOTE_MALFORMED', 'no signatures below a blank line')
  return { note, text: note.slice(0, split + 1), signatures: lines.map(parseSignature) }
}

function parseSignature(line) {
  const [dash, name, base64, ...rest] = line.split(' ')
  const bytes = dash === '\u2014' && rest.length === 0 ? bytesFromBase64(base64 ?? '') : undefined
  if (bytes === undefined || bytes.length < 5 || !keyName.test(name))
    throw new Refused('NOTE_MALFORMED', 'a line that is no signature')
  return { name, id: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) }
}

/** Ed25519: over the text, or for a witness over its time and the text. */
function isSigned({ kind, publicKey }, text, signature) {
  if (signature.length !== (kind === 1 ? 64 : 72)) return false
  const time = kind === 1 ? 0n : signature.readBigUInt64BE(0)
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return false
  const message = kind === 1 ? text : `cosignature/v1\ntime ${time}\n${text}`
  const key = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') },
  })
  return verifySignature(null, Buffer.from(message), key, signature.subarray(-64))
}

/** A `.tlog-proof` file, or undefined. */
function parseProof(bytes) {
  const text = textFromUtf8(bytes)
  const blank = text?.indexOf('\n\n') ?? -1
  if (blank < 0) return undefined
  const [first, ...lines] = text.slice(0, blank).split('\n')
  if (lines[0]?.startsWith('extra ') && bytesFromBase64(lines.shift().slice(6)) === undefined)
    return undefined
  const line = lines.shift() ?? ''
  const index = line.startsWith('index ') ? countFrom(line.slice(6)) : undefined
  const path = lines.map(hashFromBase64)
  if (
    first !== 'c2sp.org/tlog-proof@v1' ||
    index === undefined ||
    path.includes(undefined) ||
    path.length > 63
  )
    return undefined
  return { index, path, checkpoint: text.slice(blank + 2) }
}

/** A policy: keys of logs, witnesses and groups by name, and which cosignatures are enough (c2sp.org/tlog-policy). */
function parsePolicy(text) {
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: undefined }
  const isTaken = (name) => policy.witnesses.has(name) || policy.groups.has(name)
  const refuse = (line) => {
    throw new Refused('BAD_POLICY', `a policy has the line "${line}"`)
  }
  for (const line of text.split('\n')) {
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(line)) refuse(line)
    const [verb, ...words] = line.split(/[ \t]+/).filter((word) => word !== '')
    if (verb === undefined || verb.startsWith('#')) continue
    const [name, value, ...members] = words
    if (verb === 'log' && (words.length === 1 || words.length === 2)) {
      const key = parseKey(name)
      const isTwice = policy.logs.some(
        (each) => each.name === key.name && each.publicKey.equals(key.publicKey),
      )
      if (key.kind !== 1 || isTwice) refuse(line)
      policy.logs.push(key)
    } else if (verb === 'witness' && (words.length === 2 || words.length === 3)) {
      const key = parseKey(value)
      const isTwice = [...policy.witnesses.values()].some((each) => each.publicKey.equals(key.publicKey))
      if (key.kind !== 4 || isTwice || isTaken(name) || name === 'none') refuse(line)
      policy.witnesses.set(name, key)
    } else if (verb === 'group' && members.length > 0) {
      const others = [...policy.groups.values()].flatMap((group) => group.members)
      const isOnce = new Set([...members, ...others]).size === members.length + others.length
      const spelled = { any: '1', all: String(members.length) }[value] ?? value
      const isCounted = /^[1-9]\d{0,8}$/.test(spelled) && Number(spelled) <= members.length
      if (isTaken(name) || name === 'none' || !members.every(isTaken) || !isOnce || !isCounted) refuse(line)
      policy.groups.set(name, { threshold: Number(spelled), members })
    } else if (verb === 'quorum' && words.length === 1 && policy.quorum === undefined) {
      if (name !== 'none' && !isTaken(name)) refuse(line)
      policy.quorum = name
    } else refuse(line)
  }
  if (policy.quorum === undefined) refuse('(no quorum)')
  return policy
}

function hasQuorum({ witnesses, groups, quorum }, cosigned) {
  const satisfied = new Set(['none'])
  for (const [name, key] of witnesses) if (cosigned.includes(key)) satisfied.add(name)
  // Members stand above their group, so one pass is enough.
  for (const [name, { threshold, members }] of groups)
    if (members.filter((member) => satisfied.has(member)).length >= threshold) satisfied.add(name)
  return satisfied.has(quorum)
}

/* ----------------------------------------------------------------------- bytes, numbers and canonical JSON (RFC 8785) */

const isRecord = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value) => Number.isSafeInteger(value) && value >= 0
const isHash = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

/** Decimal digits without leading zeros, or undefined. */
function countFrom(text) {
  return /^(?:0|[1-9]\d{0,15})$/.test(text ?? '') && isCount(Number(text)) ? Number(text) : undefined
}

/** The bytes of base64 in its one spelling, or undefined. */
function bytesFromBase64(text) {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

function hashFromBase64(text) {
  const bytes = bytesFromBase64(text)
  return bytes?.length === 32 ? bytes.toString('hex') : undefined
}

function textFromUtf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The value of canonical JSON text, or undefined for any other text: what was read is printed again and compared. */
function parseCanonical(bytes) {
  const text = textFromUtf8(bytes)
  try {
    const value = parseJson(text)
    return canonical(value, 0) === text ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * `JSON.parse`, and right where names are written with escapes: V8 as of Node.js 24 may read one as the name that stood in its place
 * in an earlier text (nodejs/node#63785). So each name is replaced by a number before, and put back afterwards.
 */
function parseJson(text) {
  const value = JSON.parse(text)
  if (!/\\[^][^"\\]*":/.test(text)) return value
  const names = []
  const numbered = text.replace(/("(?:[^"\\]+|\\.)*")(:?)/g, (whole, name, colon) =>
    colon === '' ? whole : `"n${names.push(JSON.parse(name)) - 1}":`,
  )
  return JSON.parse(numbered, (_, member) =>
    isRecord(member)
      ? Object.fromEntries(Object.entries(member).map(([number, inner]) => [names[number.slice(1)], inner]))
      : member,
  )
}

/** Names ascend by their UTF-16 code units; numbers and strings are as ECMAScript prints them. */
function canonical(value, depth) {
  if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('half of a surrogate pair')
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (depth === 512) throw new TypeError('too deep')
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join(',')}]`
  const members = Object.keys(value).sort()
  return `{${members.map((name) => `${canonical(name)}:${canonical(value[name], depth + 1)}`).join(',')}}`
}

/** The bytes of a file of the pack. A pipe or a link to elsewhere is no evidence, and may never end. */
function read(path) {
  if (lstatSync(path).isFile()) return readFileSync(path)
  throw new Refused('PACK_UNREADABLE', `${path} is no regular file`)
}

/** The lines of a file as bytes, without their newlines; none when it is not there. */
function linesOf(path) {
  if (!existsSync(path)) return []
  const bytes = read(path)
  const lines = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at)
    lines.push(bytes.subarray(at, end < 0 ? bytes.length : end))
    at = end < 0 ? bytes.length : end + 1
  }
  return lines
}

/** The value of a file that is one line of canonical JSON, or undefined. */
function readJson(path) {
  const [line, ...rest] = linesOf(path)
  return line !== undefined && rest.length === 0 ? parseCanonical(line) : undefined
}

/* ---------------------------------------------------------------------------------------------- the command line */

const usage = `usage: verify.mjs PACK --key KEY [--policy FILE] [--checkpoint FILE] [--json]

  PACK               the folder of the pack
  --key KEY          the key of a log, or a file with one on each line; repeatable
  --policy FILE      whom you believe: logs, witnesses and how many are enough
  --checkpoint FILE  a signed end of a log that you kept; repeatable
  --json             the verdict as JSON

exit codes: 0 PASS, 3 FAIL, 4 INCOMPLETE, 2 the question could not be asked`

function main(args) {
  const given = { folders: [], keys: [], remembered: [], isJson: false }
  for (let at = 0; at < args.length; at++) {
    if (args[at] === '--help' || args[at] === '-h') {
      console.log(usage)
      return 0
    }
    if (args[at] === '--json') given.isJson = true
    else if (args[at] === '--key') given.keys.push(...keysFrom(args[++at] ?? ''))
    else if (args[at] === '--policy') given.policy = readFileSync(args[++at] ?? '', 'utf8')
    else if (args[at] === '--checkpoint') given.remembered.push(...checkpointsFrom(args[++at] ?? ''))
    else if (args[at].startsWith('--')) throw new Refused('BAD_OPTION', `there is no ${args[at]}`)
    else given.folders.push(args[at])
  }
  if (given.folders.length !== 1) throw new Refused('BAD_ARGUMENT', usage)
  if (!existsSync(given.folders[0]))
    throw new Refused('BAD_ARGUMENT', `there is no folder ${given.folders[0]}`)
  const verdict = verifyPack(given.folders[0], given)
  console.log(given.isJson ? JSON.stringify(verdict) : tell(verdict))
  return { PASS: 0, FAIL: 3, INCOMPLETE: 4 }[verdict.verdict]
}

/** A key, or a file with one on each line; the text of a key has plus signs. */
function keysFrom(text) {
  if (text.includes('+') && !existsSync(text)) return [text]
  const lines = readFileSync(text, 'utf8').split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

/** The checkpoints of a file: several logs' may stand one below the other, a blank line between. */
function checkpointsFrom(path) {
  const text = readFileSync(path, 'utf8')
  if (!/^\u2014 /m.test(text)) throw new Refused('BAD_ARGUMENT', `${path} holds no checkpoint`)
  return `${text.trimEnd()}\n`.split(/(?<=^\u2014 .*\n)\n+/m).filter((note) => note !== '')
}

const notesTold = {
  checkpoint_not_compared:
    'a checkpoint that you remember is of no log of this pack, or no key that you gave has signed it',
  continued_by_its_successor: 'this log was broken off; the one that continues it is in this pack',
  continues_a_broken_log: 'this log continues one that was broken off; its row 0 says why',
  continuity_unproven: 'the pack does not show that a checkpoint continues an older one',
  details_expired:
    'personal values of details have expired, as rows of sweeps say; the rows themselves are here',
  disclosures_sealed: 'personal values are there that nobody here can open; they were not compared',
  key_revoked:
    'the old key was declared to be in wrong hands: what it signed is only worth what others confirm',
  key_rotated: 'the key was replaced; both keys signed for it, so the new one is followed',
  no_checkpoint: 'nobody has signed for these rows: whoever can write the store could have rewritten them',
  no_key: 'no key of this log was given with --key or --policy, so no signature was looked at',
  no_quorum: 'no checkpoint has the witnesses that the policy asks for',
  part_of_the_log: 'the log has rows before or behind this range; they are not shown',
  selected_rows_only: 'these are some rows of the log: each is proven, and others may have been left out',
  signed_by_a_former_key:
    'older checkpoints are signed by a key that you did not give; they were not looked at',
  unanchored_tail: 'the newest rows are behind the last checkpoint: nobody has signed for them',
}

const breaksTold = {
  checkpoint_forged: 'the signed end of this log was changed after it was signed',
  checkpoint_malformed: 'a signed end of this log cannot be read',
  checkpoint_untrusted: 'a signed end of this log was signed by none of your keys',
  disclosure_mismatch: 'a personal value is not the one that the row was made with',
  disclosure_missing: 'a personal value is gone, and no erasure accounts for it',
  disclosure_misplaced: 'a personal value lies beside no row that it belongs to',
  disclosure_unreadable: 'a personal value cannot be read',
  duplicate_seq: 'two rows claim the same place',
  expired_unexplained: 'the content is gone, and no row of the log says that its time was up',
  form_unknown: 'written in a form that this program does not know',
  hash_mismatch: 'not the row that was recorded: something in it was changed',
  hashes_malformed: 'the hashes of the rows are missing or are not as many as the rows',
  leaf_unreadable: 'cannot be read as a row',
  link_mismatch: 'does not follow the row before it',
  log_forked: 'two signed ends of this log contradict each other: there are two histories',
  log_unknown: 'rows of a log that the pack does not list',
  pack_malformed: 'the file is missing, damaged or not of this form',
  place_mismatch: 'a row that belongs to another place',
  proof_wrong: 'the proof of this row does not lead to what was signed',
  rolled_back: 'rows that were signed for are gone from the end of the log',
  root_mismatch: 'the rows hang together, and are not those that were signed',
  row_unproven: 'there is no proof of this row',
  row_unreadable: 'the line cannot be read as a row',
  rows_missing: 'not there',
}

const verdictsTold = {
  PASS: 'every row shown is what was recorded and signed for',
  FAIL: 'something is not as it was signed; each BREAK above says what',
  INCOMPLETE: 'nothing is wrong, and not enough is proven; the notes above say why',
}

function rangeTold(from, to) {
  return to > from ? `${from} to ${to}` : `${from}`
}

function anchorTold(anchor) {
  if (anchor === null) return ['  signed by none of the keys that were given']
  const seen = anchor.witnesses === null ? '' : `, witnesses ${anchor.witnesses}`
  return [`  its first ${anchor.size} rows are signed for${seen}, by the root`, `  ${anchor.root}`]
}

function tell({ verdict, logs, breaks, notes }) {
  const lines = logs.flatMap((log) => [
    `${log.verdict}  ${log.log}`,
    `  rows ${rangeTold(log.from_index, log.to_index - 1)}: ${log.rows_expected} expected, ${log.rows_checked} checked, ` +
      `${log.rows_expired} expired, ${log.rows_erased} erased, ${log.rows_missing} missing, ${log.rows_bad} bad`,
    ...anchorTold(log.anchored_to),
    ...log.breaks.map(
      ({ kind, from_index, to_index }) =>
        `  BREAK row ${rangeTold(from_index, to_index)}: ${kind}: ${breaksTold[kind] ?? kind}`,
    ),
    ...log.notes.map((note) => `  note: ${notesTold[note] ?? note}`),
  ])
  // What a pack holds may hold anything; a terminal is not to be told what to do by it.
  const visible = (line) =>
    line.replace(/[^\x20-\x7e]/g, (each) => `\\u{${each.codePointAt(0).toString(16)}}`)
  const ofPack = [
    ...breaks.map(({ kind, at }) => `BREAK ${at}: ${kind}: ${breaksTold[kind] ?? kind}`),
    ...notes.map((note) => `note: ${notesTold[note] ?? note}`),
  ]
  return [...lines, ...ofPack, `${verdict}: ${verdictsTold[verdict]}`].map(visible).join('\n')
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof Refused) && error?.syscall === undefined) throw error
    console.error(`verify.mjs: ${error.message}`)
    process.exitCode = 2
  }
}
