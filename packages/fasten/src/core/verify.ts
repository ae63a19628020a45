// SPDX-License-Identifier: Apache-2.0
import { createBreakList } from './breaks.ts'
import { genesis, leafBytesMax } from './chain.ts'
import { columnNames, columnsOf, type ColumnValue } from './columns.ts'
import { createDisclosureCheck, type EvidenceDisclosure } from './disclosure-check.ts'
import type { Digest } from './digest.ts'
import { builtinDomain } from './builtin-codes.ts'
import { emissionNotes, ownBootPrefix } from './emission.ts'
import { createExpiredPlaces } from './expired-places.ts'
import { createLeafScanner, type Expected } from './leaf-scan.ts'
import { parseLogName } from './log-name.ts'
import { memberNames } from './members.ts'
import { readJson } from './read-json.ts'
import type { JsonObject, Row } from './row.ts'
import {
  disclosuresSweptCode,
  replicaSweptBy,
  replicaSweptCode,
  sweptBy,
  sweptCode,
  type Swept,
  type SweptRun,
} from './swept.ts'
import type { BreakKind, Emission, LogVerdict, Verdict, VerdictKind } from './verdict.ts'

/** Which rules a verdict was reached by; changes when they do. */
export const verifierVersion = 'fasten-verify/1'

/** One stored row as evidence: what the store holds, believed by nobody yet. */
export interface Evidence {
  /** The place the row was found at, whatever its leaf says. */
  readonly monotonic_seq: number
  readonly leaf: Uint8Array | null
  readonly hash: string | null
  /** The projected columns by name. */
  readonly columns: Readonly<Record<string, ColumnValue>>
  /** The personal values beside the row. Left out where they are not part of the evidence: nothing is said of them then. */
  readonly disclosures?: readonly EvidenceDisclosure[]
}

export interface LogVerifierOptions {
  readonly log: string
  /** What the store records of the log's end, or null when it records nothing: then the verdict is never PASS. */
  readonly head: { readonly size: number; readonly head_hash: string } | null
  /** True for a copy: personal values stayed where the log is written, and how many rows lost theirs is what its rows account for. */
  readonly isReplica?: boolean
  /** First row to check. Default 0. */
  readonly from_seq?: number
  /** Last row to check, inclusive. Default: the newest. */
  readonly to_seq?: number
  /**
   * Hash of the row before `from_seq`, the left edge. Without it, push that row as well: its leaf is then the edge.
   * With neither, the link of the first row cannot be checked and the verdict is INCOMPLETE.
   */
  readonly prevHash?: string
  readonly digest: Digest
  /** False when the rows have no columns, as exported leaves do. Default true. */
  readonly columns?: boolean
  /**
   * Told the emission counter of each row whose leaf is canonical, is what was hashed and belongs where it lies. Row 0
   * is left out: the store writes it, no process emits it.
   */
  readonly onEmission?: (boot_id: string, boot_seq: number) => void
  /** Details of verified SUBJECT_ERASED rows in the logs that continue this one. */
  readonly erasures?: readonly JsonObject[]
  /** Told of each verified SUBJECT_ERASED row here, for the logs that it speaks of. */
  readonly onErasure?: (detail: JsonObject, place: RowPlace) => void
  /** Told of each verified REPLICA_SWEPT row here, for the copies that it speaks of. */
  readonly onReplicaSwept?: (swept: Swept, place: RowPlace) => void
  /** Told the stored hash of each row at its place, in order: a row whose leaf has another hash is a break already. */
  readonly onHash?: (seq: number, hash: string) => void
}

/** A row and its hash. */
export interface RowPlace {
  readonly seq: number
  readonly hash: string
}

export interface LogVerifier {
  /**
   * Takes every physical row of the log, in the store's order of `monotonic_seq` then position; rows before `from_seq - 1`
   * may be left out. Of rows behind `to_seq` only those of sweeps matter, and only while rows are `unexplained`. Never throws for
   * what a row holds.
   */
  push(row: Evidence): void
  /** Rows pushed so far whose leaf, or the values of their detail, are gone and that no row of a sweep behind them has explained. */
  unexplained(): number
  /**
   * Rows pushed so far that are gone and unexplained, and that a REPLICA_SWEPT row of the store which keeps this copy names: how many are explained now.
   */
  explainReplica(runs: readonly SweptRun[]): number
  /** Whether the detail of a SUBJECT_ERASED row speaks of values that are gone here. */
  needs(detail: JsonObject): boolean
  /** The rows pushed so far whose word is all that explains rows or values that are gone. Nobody may have signed for them. */
  explaining(): readonly RowPlace[]
  finish(): LogVerdict
}

/**
 * Checks one log row by row in constant memory: leaf, hash, place, link, columns, holes, duplicates and the end
 * (spec/chain.md#verification). It goes on after damage, so every row is checked and every break is named.
 *
 * One damage is one break. A row tells at most one thing that is wrong with itself (the first of: leaf or hash missing,
 * hash, canonical form, form, place). The link to a row that is missing, or is broken itself and so already named, is not
 * a second finding. An edit that was covered up by a new hash shows at the successor, whose `prev_hash` remembers.
 */
export function createLogVerifier(options: LogVerifierOptions): LogVerifier {
  const {
    log,
    head,
    digest,
    from_seq: from = 0,
    to_seq: to = Infinity,
    columns: comparesColumns = true,
    onEmission,
    onErasure,
    onReplicaSwept,
  } = options
  const stream = parseLogName(log)?.stream
  const names = memberNames[stream ?? 'audit']
  const scanner = createLeafScanner(names)
  const projected = stream === undefined || !comparesColumns ? [] : columnNames[stream]
  const columnsAt = projected.map((name) => names.indexOf(name))
  const expected: Expected[] = names.map(() => undefined)
  expected[names.indexOf('canonical_form_id')] = '3'
  expected[names.indexOf('log')] = log
  expected[names.indexOf('stream')] = stream
  const [seqAt, prevAt] = [names.indexOf('monotonic_seq'), names.indexOf('prev_hash')]
  const [bootIdAt, bootSeqAt] = [names.indexOf('boot_id'), names.indexOf('boot_seq')]
  const isPlaceToo = projected.map((name) => name === 'canonical_form_id' || name === 'prev_hash')
  const scratch = new Uint8Array(leafBytesMax + 1)
  const breaks = createBreakList()
  const [sdAt, detailAt, codeAt] = [names.indexOf('sd'), names.indexOf('detail'), names.indexOf('code')]
  const piiInDetailAt = names.indexOf('pii_in_detail')
  const [domainAt, originAt] = [names.indexOf('domain'), names.indexOf('origin')]
  const disclosing = createDisclosureCheck(log, digest, options.erasures)
  const sweptAt = names.indexOf(stream === 'sys' ? 'event' : stream === 'api' ? 'path' : 'code')
  const sweptName = stream === 'api' ? `/${sweptCode}` : sweptCode
  const expiredPlaces = createExpiredPlaces()
  const sweeps: RowPlace[] = []
  const accounts: (RowPlace & { readonly detail: JsonObject })[] = []
  let waiting = 0
  let expired = 0
  let arrived = 0

  let checked = 0
  let bad = 0
  let latestSeq = from - 1
  let latestHash: string | null = null
  let newestBeyond: string | null = null
  // What the next row must name as its predecessor: the hash of the latest row, undefined when that is not known.
  let link: string | undefined = from === 0 ? genesis : options.prevHash
  // Other hashes that speak for the latest row: its stored hash where that differs, and those of its duplicates.
  let otherLinks: readonly string[] = []
  let isLatestBroken = false
  let isEdgeKnown = link !== undefined
  let latestBootId = ''

  return {
    push,
    finish,
    unexplained,
    explainReplica,
    needs: disclosing.needs,
    explaining: () => [...sweeps, ...accounts.filter(({ detail }) => disclosing.needs(detail))],
  }

  function unexplained(): number {
    return waiting + disclosing.unexplained()
  }

  function explainReplica(runs: readonly SweptRun[]): number {
    const explained = expiredPlaces.explain(runs)
    waiting -= explained
    expired += explained
    return explained
  }

  function push(row: Evidence): void {
    const seq = row.monotonic_seq
    if (seq > to) return explain(row)
    if (seq < from) return pushBefore(row, seq)
    checked++
    if (seq === latestSeq + 1 && (head === null || seq < head.size)) return pushNext(row, seq)
    if (!Number.isSafeInteger(seq))
      note('place_mismatch', latestSeq + 1, `a row is stored at ${String(seq)}, which is no place`)
    else if (head !== null && seq >= head.size) pushBeyond(row, seq, head.size)
    else if (seq > latestSeq) {
      breaks.addGap(latestSeq + 1, seq - 1)
      link = undefined
      otherLinks = []
      pushNext(row, seq)
    } else if (breaks.fill(seq)) note('place_mismatch', seq, `row ${seq} comes after row ${latestSeq}`)
    else {
      note('duplicate_seq', seq, `another row is stored at ${seq}`)
      if (seq === latestSeq) otherLinks = [...otherLinks, hashOf(row.leaf) ?? '', row.hash ?? '']
    }
  }

  /** The row before the range is its left edge; one before row 0 cannot be. */
  function pushBefore(row: Evidence, seq: number): void {
    if (from === 0) {
      checked++
      note('place_mismatch', seq, `a row is stored at ${seq}, before the first`)
    } else if (seq === from - 1 && !isEdgeKnown) {
      link = hashOf(row.leaf) ?? row.hash ?? undefined
      isEdgeKnown = link !== undefined
    }
  }

  function pushBeyond(row: Evidence, seq: number, size: number): void {
    note('beyond_head', seq, `the head records ${size} rows, so the newest is ${size - 1}`, 'beyond')
    newestBeyond = row.hash
  }

  function pushNext(row: Evidence, seq: number): void {
    const { leaf, hash } = row
    const computed = hashOf(leaf)
    latestSeq = seq
    latestHash = hash
    const wasBroken = isLatestBroken
    const badBefore = bad
    isLatestBroken = true
    if (leaf === null && hash !== null && isHash(hash)) {
      // What remains of a row that has expired. Whether it has, a later row must say; its hash is a link all the same.
      isLatestBroken = false
      waiting++
      expiredPlaces.add(seq)
    } else if (leaf === null || computed === undefined)
      note(
        'leaf_unreadable',
        seq,
        leaf?.length ? `the leaf is longer than ${leafBytesMax} bytes` : 'the leaf is missing',
        'missing',
      )
    else if (hash === null || hash === '') note('hash_missing', seq, 'the hash is missing', 'missing')
    else if (hash !== computed)
      note('hash_mismatch', seq, `the leaf hashes to ${cut(computed)}, the stored hash is ${cut(hash)}`)
    else {
      const isSame = expect(row, seq)
      const judgement = scanner.scan(leaf, expected)
      if (judgement === 'not_canonical') note('leaf_unreadable', seq, 'the leaf is not canonical JSON text')
      else if (isSame && judgement === 'as_expected' && stream !== undefined) isLatestBroken = false
      else isLatestBroken = diagnose(row, seq, readJson(new TextDecoder().decode(leaf)) as Row, wasBroken)
      if (!isLatestBroken && seq > 0 && onEmission !== undefined) tellEmission(onEmission)
      if (!isLatestBroken && scanner.text(originAt) !== undefined) arrived++
      if (!isLatestBroken && stream === 'audit') checkPersonal(row, { seq, hash })
      if (onReplicaSwept !== undefined && bad === badBefore && isReplicaSweep())
        tellReplicaSweep(leaf, { seq, hash }, onReplicaSwept)
      if (waiting > 0 && bad === badBefore && scanner.member(sweptAt, sweptName) === sweptName)
        settle(leaf, { seq, hash })
      else if (disclosing.unexplained() > 0 && bad === badBefore && isDisclosureSweep())
        settle(leaf, { seq, hash })
    }
    if (options.onHash !== undefined && hash !== null) options.onHash(seq, hash)
    link = computed ?? hash ?? undefined
    otherLinks = hash === null || hash === link ? none : [hash]
  }

  function checkPersonal({ disclosures }: Evidence, place: RowPlace): void {
    const { seq } = place
    if (scanner.member(codeAt, erasedCode) === erasedCode && isOwn()) {
      const detail = parsed(scanner.text(detailAt))
      disclosing.addAccount(detail)
      accounts.push({ ...place, detail })
      onErasure?.(detail, place)
    }
    const sd = scanner.text(sdAt)
    if (sd === undefined && (disclosures === undefined || disclosures.length === 0)) return
    // An export without them is judged as what it is: the rows commit to the values all the same.
    if (disclosures === undefined) return
    const mayExpire = scanner.text(piiInDetailAt) === 'true'
    if (!disclosing.check(seq, parsed(sd), disclosures, breaks.add, mayExpire)) bad++
  }

  function isDisclosureSweep(): boolean {
    return stream === 'audit' && scanner.member(codeAt, disclosuresSweptCode) === disclosuresSweptCode
  }

  function isReplicaSweep(): boolean {
    return stream === 'audit' && scanner.member(codeAt, replicaSweptCode) === replicaSweptCode
  }

  function tellReplicaSweep(
    leaf: Uint8Array,
    place: RowPlace,
    tell: (swept: Swept, place: RowPlace) => void,
  ): void {
    const swept = replicaSweptBy(readJson(new TextDecoder().decode(leaf)))
    if (swept !== undefined) tell(swept, place)
  }

  /** Whether the row that was scanned last is one that the store itself wrote: anybody can emit a code. */
  function isOwn(): boolean {
    const boot_id = scanner.member(bootIdAt)
    return (
      typeof boot_id === 'string' &&
      boot_id.startsWith(ownBootPrefix) &&
      scanner.member(domainAt, builtinDomain) === builtinDomain
    )
  }

  function settle(leaf: Uint8Array, place: RowPlace): void {
    const row: unknown = readJson(new TextDecoder().decode(leaf))
    const undisclosed = disclosing.explain(sweptBy(row, disclosuresSweptCode)?.runs ?? [])
    const swept = sweptBy(row)
    const explained = swept === undefined ? 0 : expiredPlaces.explain(swept.runs)
    if (explained + undisclosed > 0) sweeps.push(place)
    waiting -= explained
    expired += explained
  }

  /** A row from behind the range: its own hash is checked, its link is not. */
  function explain({ monotonic_seq: seq, leaf, hash }: Evidence): void {
    if (unexplained() === 0 || leaf === null || hash === null || hash !== hashOf(leaf)) return
    const alone: Expected[] = expected.map(() => undefined)
    alone[names.indexOf('log')] = log
    alone[seqAt] = seq
    if (scanner.scan(leaf, alone) === 'as_expected') settle(leaf, { seq, hash })
  }

  function tellEmission(tell: (boot_id: string, boot_seq: number) => void): void {
    const boot_id = scanner.member(bootIdAt, latestBootId)
    const boot_seq = scanner.member(bootSeqAt)
    if (typeof boot_id !== 'string' || typeof boot_seq !== 'number') return
    latestBootId = boot_id
    tell(boot_id, boot_seq)
  }

  /** Sets what the leaf of `row` should say; false when a column contradicts that by itself. */
  function expect({ columns }: Evidence, seq: number): boolean {
    expected[seqAt] = seq
    expected[prevAt] = link
    let isSame = true
    for (let index = 0; index < columnsAt.length; index++) {
      const at = columnsAt[index] as number
      const column = columns[projected[index] as string]
      if (column === undefined) isSame = false
      else if (isPlaceToo[index] !== true || expected[at] === undefined) expected[at] = column
      else if (expected[at] !== column) isSame = false
    }
    return isSame
  }

  /** Says what of a canonical leaf is not as expected; true when it is the row itself, not its link or its columns. */
  function diagnose({ columns }: Evidence, seq: number, row: Row, wasBroken: boolean): boolean {
    const form: unknown = row.canonical_form_id
    if (form !== '3') {
      note('form_unknown', seq, `canonical_form_id is ${show(form)}`, show(form))
      return true
    }
    if (stream === undefined || row.log !== log || row.stream !== stream || row.monotonic_seq !== seq) {
      const home = `${show(row.log)} ${show(row.monotonic_seq)} (stream ${show(row.stream)})`
      note('place_mismatch', seq, `the leaf belongs to ${home}`, `${row.log} ${row.monotonic_seq - seq}`)
      return true
    }
    const isLinkBroken =
      !wasBroken && link !== undefined && row.prev_hash !== link && !otherLinks.includes(row.prev_hash)
    if (isLinkBroken) {
      const found =
        seq === 0 ? genesis : `${cut(link ?? '')}, the hash of row ${seq - 1}: one of the two was changed`
      breaks.add('link_mismatch', seq, `prev_hash is ${show(row.prev_hash)}, not ${found}`)
    }
    const members = columnsOf(row)
    const differing = projected.filter((name) => columns[name] !== members[name])
    if (differing.length > 0) {
      const told = differing
        .slice(0, 3)
        .map((name) => `${name} is ${show(columns[name])}, the leaf says ${show(members[name])}`)
      const rest = differing.length > 3 ? `; and ${differing.length - 3} more` : ''
      breaks.add('column_mismatch', seq, `column ${told.join('; ')}${rest}`, differing.join())
    }
    if (isLinkBroken || differing.length > 0) bad++
    return false
  }

  /** A break that makes its row bad. */
  function note(kind: BreakKind, seq: number, message: string, run?: string): void {
    bad++
    breaks.add(kind, seq, message, run)
  }

  function hashOf(leaf: Uint8Array | null): string | undefined {
    if (leaf === null || leaf.length === 0 || leaf.length > leafBytesMax) return undefined
    scratch.set(leaf, 1)
    return digest(scratch.subarray(0, leaf.length + 1))
  }

  function finish(): LogVerdict {
    const size = head?.size ?? latestSeq + 1
    const end = Math.max(from, Math.min(size, to + 1))
    if (latestSeq + 1 < end) breaks.addGap(latestSeq + 1, end - 1)
    else if (head !== null && end === head.size && end > from) checkHead(head)
    for (const seq of expiredPlaces.rest())
      note('leaf_unreadable', seq, 'the leaf is missing, and no later row of a sweep says why', 'missing')
    const { bad: badRows, unaccounted } = disclosing.finish(breaks.add, to < size - 1)
    bad += badRows
    const total = breaks.total()
    const read = checked - expired
    const notes = [...notesOn(end), ...personalNotes(unaccounted)]
    const isComplete = head !== null && end > from && read > 0 && isEdgeKnown && unaccounted === 0
    return {
      verdict: total > 0 ? 'FAIL' : isComplete ? 'PASS' : 'INCOMPLETE',
      log,
      from_index: from,
      to_index: end,
      rows_expected: end - from,
      rows_checked: read,
      rows_expired: expired,
      rows_erased:
        options.isReplica === true
          ? rowsAccountedFor([...(options.erasures ?? []), ...accounts.map(({ detail }) => detail)], end)
          : disclosing.rowsErased(),
      rows_missing: breaks.missing(),
      rows_bad: bad,
      breaks: breaks.list(),
      breaks_total: total,
      head_hash: latestHash,
      anchored_to: null,
      unanchored_rows: read,
      notes,
    }
  }

  /** Rows of the range that lost values, as erasures say; their ranges may be wider than the rows. */
  function rowsAccountedFor(details: readonly JsonObject[], end: number): number {
    let told = 0
    const runs: SweptRun[] = []
    for (const { log: of, rows, ranges } of details) {
      if (of !== log || typeof rows !== 'number' || !Array.isArray(ranges)) continue
      told += rows
      for (const range of ranges as readonly unknown[]) {
        const [first, last] = Array.isArray(range) ? (range as readonly unknown[]) : []
        if (typeof first === 'number' && typeof last === 'number')
          runs.push([Math.max(first, from), Math.min(last, end - 1)])
      }
    }
    let named = 0
    let next = from
    for (const [first, last] of runs.sort(([one], [other]) => one - other)) {
      named += Math.max(0, last - Math.max(first, next) + 1)
      next = Math.max(next, last + 1)
    }
    return Math.min(told, named)
  }

  /** The newest row against the head; silent where that row, or the size of the head, is already known to be wrong. */
  function checkHead({ size, head_hash }: { readonly size: number; readonly head_hash: string }): void {
    const isKnown = link === head_hash || otherLinks.includes(head_hash)
    if (isKnown || isLatestBroken || newestBeyond === head_hash) return
    note(
      'head_mismatch',
      size - 1,
      `row ${size - 1} hashes to ${cut(link ?? '')}, the head records ${cut(head_hash)}`,
    )
  }

  function personalNotes(unaccounted: number): string[] {
    const notes: string[] = []
    if (disclosing.sealed() > 0)
      notes.push(
        'personal values that no key here opens are there; whether they are those that the rows commit to was not checked',
      )
    if (disclosing.rowsExpired() > 0)
      notes.push(
        `the personal values in the details of ${disclosing.rowsExpired()} rows have expired, as rows of sweeps say`,
      )
    if (unaccounted > 0)
      notes.push(
        `${unaccounted} personal values are gone, and the row that accounts for them may lie behind this range`,
      )
    return notes
  }

  function notesOn(end: number): string[] {
    const notes: string[] = []
    if (end === from) notes.push('the range holds no row, which proves nothing')
    else if (checked === 0) notes.push('no row was checked')
    else if (checked === expired) notes.push('every row of the range has expired, which proves nothing')
    if (head === null)
      notes.push('no head is recorded for this log, so rows cut off at its end would not be noticed')
    if (!isEdgeKnown && checked > 0)
      notes.push(`the row before ${from} is not known, so the link of the first row was not checked`)
    if (from > 0 && isEdgeKnown) notes.push(`rows before ${from} were not checked`)
    if (head !== null && end < head.size) notes.push(`rows from ${end} on were not checked`)
    if (arrived > 0) notes.push(arrivalNote(arrived))
    if (checked > 0) notes.push(unsignedNote)
    return notes
  }
}

/**
 * One verdict over several logs. `notes` are those of the logs, each once, behind the ones given here and what `emission` has to say.
 * `emission` is to be given only when the logs are all of the stores that were read.
 */
export function combineVerdicts(
  logs: readonly LogVerdict[],
  notes: readonly string[] = [],
  emission?: Emission,
): Verdict {
  const sum = (count: (log: LogVerdict) => number): number =>
    logs.reduce((total, log) => total + count(log), 0)
  const checked = sum((log) => log.rows_checked)
  const worst = (['FAIL', 'INCOMPLETE', 'PASS'] satisfies VerdictKind[]).find((kind) =>
    logs.some(({ verdict }) => verdict === kind),
  )
  // An expired row tells no number any more, so a hole that expired rows can fill says nothing.
  const isHoled = emission !== undefined && emission.rows_missing > sum((log) => log.rows_expired)
  const told = isHoled ? emissionNotes(emission, worst === 'FAIL') : []
  return {
    verdict: worst === 'PASS' && checked === 0 ? 'INCOMPLETE' : (worst ?? 'INCOMPLETE'),
    logs,
    rows_checked: checked,
    rows_bad: sum((log) => log.rows_bad),
    rows_missing: sum((log) => log.rows_missing),
    verifier_version: verifierVersion,
    ...(emission === undefined ? {} : { emission }),
    notes: [...new Set([...notes, ...told, ...logs.flatMap((log) => log.notes)])],
  }
}

/** The code of the rows that account for erased values. */
const erasedCode = 'SUBJECT_ERASED'

/** A member that the scanner found canonical; an object, or nothing. */
function parsed(text: string | undefined): JsonObject {
  const value: unknown = text === undefined ? {} : readJson(text)
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

/** Said of rows whenever no signature vouches for them. */
export const unsignedNote =
  'no signed checkpoint covers these rows: somebody who can write the whole store could have rewritten them'

/** Said of rows that a fleet sealed when they came. */
const arrivalNote = (rows: number): string =>
  `${rows === 1 ? '1 row was' : `${rows} rows were`} sealed on arrival: proven is that they came and were not changed since, not what happened at their source`

const none: readonly string[] = []

/** Evidence may hold anything of any length; a message shows its beginning. */
const cut = (text: string, length = 16): string => (text.length > length ? `${text.slice(0, length)}…` : text)
const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)
const show = (value: unknown): string => cut(JSON.stringify(value) ?? 'absent', 66)
