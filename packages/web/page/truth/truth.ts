// SPDX-License-Identifier: Apache-2.0

/** What this browser found out about a row by itself. None is shown that was not computed. */
export type TruthState =
  /** Content, link and inclusion hold, up to a checkpoint signed with a key that was pinned here. */
  | 'verified'
  /** Content and link hold; no checkpoint with a pinned key covers it (yet). */
  | 'unanchored'
  /** Its content has had its time. Its hash is still the link between its neighbours. */
  | 'expired'
  /** Everything holds, and personal values that it commits to were destroyed. */
  | 'erased'
  /** Everything holds since it arrived; what was before that, nobody signed. */
  | 'unproven'
  /** Something does not hold. */
  | 'broken'

export interface TruthStep {
  readonly name: 'content' | 'link' | 'inclusion'
  /** `open`: could not be done, which proves nothing either way. */
  readonly outcome: 'holds' | 'fails' | 'open'
  /** What was compared with what, for people. */
  readonly told: string
}

export interface Truth {
  readonly state: TruthState
  readonly steps: readonly TruthStep[]
}

/** The words of each state, for the badge and for whoever asks what it means. */
export const truthWords: Readonly<Record<TruthState, { readonly name: string; readonly means: string }>> = {
  verified: {
    name: 'Verified',
    means:
      'This browser hashed the row, found that it continues the one before it, and followed its proof up to a checkpoint signed with a key that you pinned.',
  },
  unanchored: {
    name: 'Unanchored',
    means:
      'The row is what its hash says and continues the one before it. No checkpoint signed with a key that you pinned covers it, so whoever keeps the store could have written it anew.',
  },
  expired: {
    name: 'Expired',
    means: 'Its content was let go by a retention rule. Its hash stays, and links the rows around it.',
  },
  erased: {
    name: 'Erased in part',
    means:
      'The row holds as it was written. Keys of personal values in it were destroyed on purpose; what they were, nobody can read any more.',
  },
  unproven: {
    name: 'Unproven source',
    means:
      'The row holds since it arrived here. Its service signs nothing, so nothing shows that it is what happened there.',
  },
  broken: {
    name: 'Broken',
    means: 'Something does not hold: the row, its link or its proof was changed after it was written.',
  },
}
