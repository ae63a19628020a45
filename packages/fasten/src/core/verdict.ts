// SPDX-License-Identifier: Apache-2.0

/**
 * What a verifier says. Never a bare boolean: an auditor must see what was checked, what was not, and where it breaks.
 * Source: spec/chain.md#verdict.
 */
export type VerdictKind = 'PASS' | 'FAIL' | 'INCOMPLETE'

/** Kinds of damage, each told apart from the others. */
export const breakKinds = [
  /** The leaf is missing, is not JSON, or is not in canonical form. */
  'leaf_unreadable',
  /** `canonical_form_id` is none we know. */
  'form_unknown',
  /** The stored hash is absent. */
  'hash_missing',
  /** The leaf does not hash to the stored hash. */
  'hash_mismatch',
  /** `prev_hash` is not the predecessor's hash. */
  'link_mismatch',
  /** The leaf names another log, stream or sequence than the place it was found in. */
  'place_mismatch',
  /** A projected column differs from its member in the leaf. */
  'column_mismatch',
  /** Rows are missing before this index: from the start (`first`), in the middle, or at the end. */
  'rows_missing',
  /** Two rows claim one sequence number. */
  'duplicate_seq',
  /** A row lies at or beyond the size that the log's head records. */
  'beyond_head',
  /** The newest row is not the one that the log's head records. */
  'head_mismatch',
  /** Form 2: detail does not match its commitment. */
  'commitment_mismatch',
  /** A personal value is not the one that its row commits to, or does not open. */
  'disclosure_mismatch',
  /** A personal value that a row commits to is not there, and no row accounts for its erasure. */
  'disclosure_missing',
  /** A signed checkpoint says another root than the rows have. */
  'checkpoint_mismatch',
  /** A signed checkpoint says that there were more rows: the log was cut, or an older copy was put back. */
  'log_shorter_than_checkpoint',
  /** A checkpoint in the store, or a kept one, is damaged or forged. */
  'checkpoint_invalid',
] as const
export type BreakKind = (typeof breakKinds)[number]

export interface Break {
  readonly kind: BreakKind
  /** First affected `monotonic_seq`. */
  readonly from_index: number
  /** Last affected `monotonic_seq`; equal to `from_index` for a single row. */
  readonly to_index: number
  /** One lower-case sentence naming what was expected and what was found. */
  readonly message: string
}

export interface AnchoredTo {
  readonly size: number
  /** 64 lower-case hex. */
  readonly root: string
  /** The key that signed, as text. */
  readonly key: string
  /**
   * `given`: it was handed to the verifier. `node`: it is the key file of this machine. `log`: only the log names it, so whoever could
   * rewrite the whole store could have named another.
   */
  readonly key_source: 'given' | 'node' | 'log'
  /** How many of the witnesses that were given have cosigned it. */
  readonly witnesses: { readonly signed: number; readonly known: number }
}

export interface LogVerdict {
  readonly verdict: VerdictKind
  readonly log: string
  readonly from_index: number
  /** Exclusive: the size that was expected. */
  readonly to_index: number
  readonly rows_expected: number
  readonly rows_checked: number
  readonly rows_expired: number
  readonly rows_erased: number
  readonly rows_missing: number
  readonly rows_bad: number
  /** In order of index; the first is the first break. Cut at 1,000 with `breaks_total` telling the truth. */
  readonly breaks: readonly Break[]
  readonly breaks_total: number
  /** Hash of the newest checked row, or null. */
  readonly head_hash: string | null
  /** The largest signed checkpoint that the rows agree with, or null. */
  readonly anchored_to: AnchoredTo | null
  /** Rows no signed checkpoint covers: those behind the newest one, or all of them, and the verdict says so. */
  readonly unanchored_rows: number
  /** Why INCOMPLETE, or what this verdict cannot show; lower-case sentences. */
  readonly notes: readonly string[]
}

/** Rows of one process that are not here: numbers below its newest stored `boot_seq` that no stored row carries. */
export interface EmissionGap {
  readonly boot_id: string
  /** Up to its newest row that is here; what came after that one leaves no trace. */
  readonly rows_emitted: number
  readonly rows_missing: number
  /** Which ones, both ends inclusive, in order; at most 10. */
  readonly stretches: readonly { readonly from_boot_seq: number; readonly to_boot_seq: number }[]
}

/** What processes emitted against what is stored. Source: spec/chain.md#emission. */
export interface Emission {
  /** Processes that have rows here. */
  readonly boots: number
  readonly rows_emitted: number
  readonly rows_missing: number
  /** Processes with rows missing. */
  readonly gaps_total: number
  /** Those that miss the most first; at most 20. */
  readonly gaps: readonly EmissionGap[]
}

export interface Verdict {
  /** FAIL if any log fails, else INCOMPLETE if any is or if no row was checked, else PASS. */
  readonly verdict: VerdictKind
  readonly logs: readonly LogVerdict[]
  readonly rows_checked: number
  readonly rows_bad: number
  readonly rows_missing: number
  readonly verifier_version: string
  /** Only where whole stores were read: a part cannot know what the rest holds. Says nothing of PASS or FAIL by itself. */
  readonly emission?: Emission
  readonly notes: readonly string[]
}
