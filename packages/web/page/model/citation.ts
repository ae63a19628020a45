// SPDX-License-Identifier: Apache-2.0
import type { ReaderRow } from 'fasten/reader/remote'

/** A row as it is cited: where it stands and what its hash is, so that anybody who has the log finds it and sees whether it is the same. */
export const citationOf = ({ log, monotonic_seq, hash, timestamp, id }: ReaderRow): string =>
  `${log} #${monotonic_seq} sha256:${hash ?? 'none'} (${id}, ${timestamp})`
