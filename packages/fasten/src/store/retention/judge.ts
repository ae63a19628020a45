// SPDX-License-Identifier: Apache-2.0
import { leafHash } from '../../core/chain.ts'
import type { Digest } from '../../core/digest.ts'
import { ownBootPrefix } from '../../core/emission.ts'
import { readJson } from '../../core/read-json.ts'
import { detailDays, retentionDays, type RetentionPolicy } from '../../core/retention-policy.ts'
import type { StreamName } from '../../core/row.ts'
import { parseTime } from '../../core/timestamp.ts'
import { isHeld, type Hold } from './hold.ts'

/** A row with its content, as the pruner finds it. */
export interface PrunableRow {
  readonly monotonic_seq: number
  /** Store position, by which the store finds it again. */
  readonly position: number
  readonly leaf: string
  readonly hash: string
  /** Whether personal values of its detail lie beside it. */
  readonly hasDetailValues: boolean
}

export interface Judgement {
  /** Rows that go, in the order given, with the class that each is counted under. */
  readonly expired: readonly { readonly row: PrunableRow; readonly class: string; readonly code: string }[]
  /** Rows that stay and lose the personal values of their detail. */
  readonly details: readonly PrunableRow[]
  /** Rows whose time is up, or that of their detail, and that stay as they are all the same. */
  readonly kept: KeptRows
  /** When the first of the rows that stay, or of their details, is due, in microseconds; null when none ever is. May have passed for one that is kept. */
  readonly dueMicros: number | null
  /** Timestamp of the oldest row that goes. */
  readonly oldest: string | null
}

/** Why rows stay whose time is up. */
export interface KeptRows {
  readonly held: number
  /** Not yet at the place that they have to be copied to. */
  readonly unreplicated: number
  /** Not yet covered by a signed checkpoint. */
  readonly unanchored: number
}

export interface JudgeOptions {
  readonly stream: StreamName
  readonly policy: RetentionPolicy
  readonly nowMicros: number
  readonly holds: readonly Hold[]
  /** Rows from this number on are not replicated; Infinity where nothing has to be. */
  readonly replicatedSize: number
  /** Rows from this number on are covered by no checkpoint; Infinity where nothing is signed. */
  readonly anchoredSize: number
  readonly digest: Digest
}

/**
 * Which rows of a log are to go now. Never row 0 nor any other row of the store itself, but for its
 * heartbeats, which are many and say nothing for ever. Of a row with `pii_in_detail` the personal values in detail go on the clock of
 * the class `short`, while the row keeps its own (spec/row.md#personal-data). A row whose leaf cannot be read, is not what
 * was hashed, or tells no time, stays: it is evidence of damage, and verification has to find it.
 */
export function judgeRows(rows: readonly PrunableRow[], options: JudgeOptions): Judgement {
  const { stream, policy, nowMicros, holds, replicatedSize, anchoredSize, digest } = options
  const expired: Judgement['expired'][number][] = []
  const details: PrunableRow[] = []
  const kept = { held: 0, unreplicated: 0, unanchored: 0 }
  let dueMicros: number | null = null
  let oldest: string | null = null
  for (const row of rows) {
    const members = membersOf(row.leaf)
    if (members === undefined || row.monotonic_seq === 0) continue
    const { boot_id, tenant_id, code, retention_class, timestamp } = members
    if (typeof boot_id === 'string' && boot_id.startsWith(ownBootPrefix) && !isHeartbeat(members)) continue
    const days = retentionDays(policy, {
      stream,
      tenant_id: textOf(tenant_id),
      code: textOf(code),
      retention_class: textOf(retention_class),
    })
    const since = typeof timestamp === 'string' ? parseTime(timestamp, nowMicros) : undefined
    if (since === undefined) continue
    const hasDetails = row.hasDetailValues && members['pii_in_detail'] === true
    const shortDays = hasDetails ? detailDays(policy, textOf(tenant_id)) : null
    const [rowDue, detailDue] = [days, shortDays].map((each) =>
      each === null ? Infinity : since + each * dayMicros,
    ) as [number, number]
    let due = Math.min(rowDue, detailDue)
    if (due <= nowMicros) {
      // Asked last, since it costs most.
      if (leafHash(encoder.encode(row.leaf), digest) !== row.hash) continue
      const reason = reasonToKeep(row.monotonic_seq)
      if (reason === undefined && rowDue > nowMicros) {
        details.push(row)
        due = rowDue
      } else if (reason === undefined) {
        expired.push({
          row,
          class: stream === 'audit' ? (textOf(retention_class) ?? '') : stream,
          code: nameOf(members),
        })
        if (typeof timestamp === 'string' && (oldest === null || timestamp < oldest)) oldest = timestamp
        continue
      } else kept[reason]++
    }
    if (due < Infinity && (dueMicros === null || due < dueMicros)) dueMicros = due

    function reasonToKeep(seq: number): keyof KeptRows | undefined {
      if (isHeld(members ?? {}, holds) !== undefined) return 'held'
      if (seq >= replicatedSize) return 'unreplicated'
      return seq >= anchoredSize ? 'unanchored' : undefined
    }
  }
  return { expired, details, kept, dueMicros, oldest }
}

const isHeartbeat = (members: Readonly<Record<string, unknown>>): boolean =>
  /^\/?HEARTBEAT$/.test(nameOf(members))

/** What a plan lists the row under: its code, the event of a log line, the route of an access. */
function nameOf({ code, event, route, path }: Readonly<Record<string, unknown>>): string {
  return textOf(code) ?? textOf(event) ?? textOf(route) ?? textOf(path) ?? ''
}

function membersOf(leaf: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const row: unknown = readJson(leaf)
    return typeof row === 'object' && row !== null ? (row as Readonly<Record<string, unknown>>) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const encoder = new TextEncoder()
const dayMicros = 86_400_000_000
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
