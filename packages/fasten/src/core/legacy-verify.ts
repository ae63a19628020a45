// SPDX-License-Identifier: Apache-2.0
import { createBreakList, type BreakList } from './breaks.ts'
import { genesis } from './chain.ts'
import type { Digest } from './digest.ts'
import type { TokenValue } from './json-tokens.ts'
import { legacyCommitment, legacyText, legacyVariantOf, type LegacyRow } from './legacy.ts'
import type { LogVerdict } from './verdict.ts'

export interface LegacyVerifyOptions {
  readonly digest: Digest
  /**
   * Whose rows form a chain. `node`: all rows of a `source_node_id`, the newest rule and the default. `service_and_node`: the
   * rule before it.
   */
  readonly chainOf?: 'node' | 'service_and_node'
  /** The newest row of each chain as somebody outside remembers it. Without it a verdict is at best INCOMPLETE. */
  readonly tips?: Readonly<Record<string, { readonly monotonic_seq: number; readonly hash: string }>>
}

/**
 * Verdicts on rows of forms "1" and "2", one per chain, ordered by name; `log` is the node, or `service/node`.
 *
 * Stricter than the SDKs that wrote them, where their rules let damage pass: holes and a cut beginning are missing rows, an
 * unsealed row behind a sealed one is a break, a blanked hash does not excuse its successor's link, a detail that is gone
 * needs an `AUDIT_ROW_REDACTED` row that names it, and an end that nobody vouches for is INCOMPLETE. More lenient in one
 * thing: `shipped_at`, which they hash as null and set later, is not evidence.
 * Source: spec/chain.md#legacy-chains.
 */
export function legacyVerify(rows: Iterable<LegacyRow>, options: LegacyVerifyOptions): readonly LogVerdict[] {
  const chains = new Map<string, LegacyRow[]>()
  for (const name of Object.keys(options.tips ?? {})) chains.set(name, [])
  for (const row of rows) {
    const node = text(row, 'source_node_id')
    const name = options.chainOf === 'service_and_node' ? `${text(row, 'service_id')}/${node}` : node
    const chain = chains.get(name)
    if (chain === undefined) chains.set(name, [row])
    else chain.push(row)
  }
  return [...chains]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, chain]) => verifyChain(name, chain, options))
}

function verifyChain(
  name: string,
  rows: readonly LegacyRow[],
  { digest, tips }: LegacyVerifyOptions,
): LogVerdict {
  const breaks = createBreakList()
  const ordered = rows.map((row) => ({ row, seq: seqOf(row) })).sort((a, b) => a.seq - b.seq)
  const redacted = mentionsOfRedaction(rows)
  const variants = new Map<string, number>()
  let checked = 0
  let bad = 0
  let erased = 0
  let unsealed = 0
  let repeated = 0
  let preliminary = 0
  let latestSeq = 0
  let latest: LegacyRow | undefined
  let latestHash: string | null = null
  // What the next sealed row must name; undefined where a missing or blanked row leaves it open.
  let links: readonly string[] | undefined = [genesis]
  let isLatestBroken = false

  for (const { row, seq } of ordered) {
    // The SDKs print an event twice: first unsealed and without a place, then as it was stored.
    if (seq === 0 && text(row, 'hash') === '') {
      preliminary++
      continue
    }
    checked++
    if (!Number.isSafeInteger(seq) || seq < 1)
      note(
        'place_mismatch',
        latestSeq,
        `monotonic_seq is ${legacyText(row.get('monotonic_seq') ?? null)}, which is no place`,
      )
    else if (seq === latestSeq && latest !== undefined) pushTwin(row, latest, seq)
    else pushNext(row, seq)
  }
  return finish()

  /** Replication may deliver a row twice; two different rows with one number are damage. */
  function pushTwin(row: LegacyRow, first: LegacyRow, seq: number): void {
    if (legacyText(row) === legacyText(first)) {
      checked--
      repeated++
      return
    }
    note('duplicate_seq', seq, `rows ${text(first, 'id')} and ${text(row, 'id')} both are number ${seq}`)
    if (links !== undefined) links = [...links, text(row, 'hash')]
  }

  function pushNext(row: LegacyRow, seq: number): void {
    if (seq > latestSeq + 1) {
      breaks.addGap(latestSeq + 1, seq - 1)
      links = undefined
    }
    latestSeq = seq
    latest = row
    const hash = text(row, 'hash')
    const form = row.get('canonical_form_id') ?? '1'
    const wasBroken = isLatestBroken
    isLatestBroken = true
    if (form !== '1' && form !== '2')
      note('form_unknown', seq, `canonical_form_id is ${legacyText(form)}`, legacyText(form))
    else if (hash === '') {
      pushUnsealed(row, seq)
      return
    } else {
      const variant = legacyVariantOf(row, hash, digest)
      if (variant === undefined)
        note(
          'hash_mismatch',
          seq,
          `the row does not hash to ${hash.slice(0, 16)}… under any rule of form ${form}`,
        )
      else {
        variants.set(variant, (variants.get(variant) ?? 0) + 1)
        isLatestBroken = false
        checkLink(row, seq, wasBroken)
        if (form === '2') checkDetail(row, seq)
      }
    }
    latestHash = hash
    links = [hash]
  }

  /** Rows from before sealing existed carry no hash and prove nothing; behind a sealed row, one was blanked. */
  function pushUnsealed(row: LegacyRow, seq: number): void {
    if (latestHash === null) {
      isLatestBroken = false
      unsealed++
      return
    }
    note('hash_missing', seq, `row ${text(row, 'id')} has no hash, though an earlier one has`, 'missing')
    links = undefined
  }

  function checkLink(row: LegacyRow, seq: number, wasBroken: boolean): void {
    const prev = text(row, 'prev_hash')
    if (links === undefined || links.includes(prev) || wasBroken) return
    note(
      'link_mismatch',
      seq,
      `prev_hash is ${prev.slice(0, 16)}…, not ${links[0]?.slice(0, 16) ?? ''}…, the hash of the row before`,
    )
  }

  function checkDetail(row: LegacyRow, seq: number): void {
    const [detail, salt] = [row.get('detail') ?? null, row.get('detail_salt') ?? null]
    if (detail === null && salt === null) {
      if (redacted.has(text(row, 'id'))) erased++
      else
        note(
          'commitment_mismatch',
          seq,
          `the detail of row ${text(row, 'id')} is gone, and no AUDIT_ROW_REDACTED row names it`,
        )
    } else if (typeof salt !== 'string')
      note(
        'commitment_mismatch',
        seq,
        'the salt is missing, so the detail cannot be compared with its commitment',
      )
    else if (legacyCommitment(salt, detail, digest) !== row.get('detail_commitment')) {
      note('commitment_mismatch', seq, 'the detail is not the one that was committed to')
    }
  }

  function note(kind: Parameters<BreakList['add']>[0], seq: number, message: string, run?: string): void {
    bad++
    breaks.add(kind, seq, message, run)
  }

  function finish(): LogVerdict {
    const tip = tips?.[name]
    const end = Math.max(latestSeq, tip?.monotonic_seq ?? 0)
    if (latestSeq < end) breaks.addGap(latestSeq + 1, end)
    else if (tip?.monotonic_seq === end && latestHash !== tip.hash && !isLatestBroken) {
      note(
        'head_mismatch',
        end,
        `row ${end} has hash ${String(latestHash).slice(0, 16)}…, the tip is ${tip.hash.slice(0, 16)}…`,
      )
    }
    const total = breaks.total()
    const isVouchedFor = tip !== undefined && tip.monotonic_seq >= latestSeq
    return {
      verdict: total > 0 ? 'FAIL' : isVouchedFor && checked > 0 && unsealed === 0 ? 'PASS' : 'INCOMPLETE',
      log: name,
      from_index: 1,
      to_index: end + 1,
      rows_expected: end,
      rows_checked: checked,
      rows_expired: 0,
      rows_erased: erased,
      rows_missing: breaks.missing(),
      rows_bad: bad,
      breaks: breaks.list(),
      breaks_total: total,
      head_hash: latestHash,
      anchored_to: null,
      unanchored_rows: checked,
      notes: notes(isVouchedFor),
    }
  }

  function notes(isVouchedFor: boolean): string[] {
    const list: string[] = []
    if (checked === 0) list.push('no row was checked')
    if (!isVouchedFor)
      list.push('nothing outside vouches for the newest row, so rows cut off at the end would not be noticed')
    if (unsealed > 0)
      list.push(`rows from before sealing, which carry no hash and prove nothing: ${unsealed}`)
    if (preliminary > 0) list.push(`lines printed before their rows were stored, left out: ${preliminary}`)
    if (repeated > 0) list.push(`rows that were there twice, word for word: ${repeated}`)
    for (const [variant, count] of variants)
      if (variant !== 'form_1' && variant !== 'form_2')
        list.push(`rows that verify only under the legacy rule ${variant}: ${count}`)
    if (checked > 0)
      list.push(
        'forms 1 and 2 carry no signature: somebody who can write the whole store could have rewritten it',
      )
    return list
  }
}

/** Ids of rows that an `AUDIT_ROW_REDACTED` row names, as its target or anywhere in its detail. */
function mentionsOfRedaction(rows: readonly LegacyRow[]): ReadonlySet<string> {
  const ids = new Set<string>()
  const collect = (value: TokenValue): void => {
    if (typeof value === 'string') ids.add(value)
    else if (Array.isArray(value)) (value as readonly TokenValue[]).forEach(collect)
    else if (value instanceof Map) value.forEach(collect)
  }
  for (const row of rows) {
    if (row.get('code') !== 'AUDIT_ROW_REDACTED') continue
    collect(row.get('target') ?? null)
    collect(row.get('detail') ?? null)
  }
  return ids
}

function seqOf(row: LegacyRow): number {
  const seq = row.get('monotonic_seq')
  // What is no number sorts behind all rows.
  return typeof seq === 'object' && seq !== null && 'token' in seq
    ? Number(seq.token)
    : Number.POSITIVE_INFINITY
}

function text(row: LegacyRow, name: string): string {
  const value = row.get(name)
  return typeof value === 'string' ? value : ''
}
