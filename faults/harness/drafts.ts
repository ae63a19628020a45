// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path'
import type { Draft, StreamName } from '../../packages/fasten/src/core/row.ts'
import { parseDsn } from '../../packages/fasten/src/store/dsn.ts'
import { openStore } from '../../packages/fasten/src/store/open.ts'
import type { AppendBatch, Store } from '../../packages/fasten/src/store/ports.ts'
import { spooled } from '../../packages/fasten/src/testing/store-contract.ts'
import type { Place } from './place.ts'

/** The store of a place, for writing by hand. The caller closes it. */
export function openPlace({ dsn }: Place, streams: readonly StreamName[] = ['audit']): Promise<Store> {
  const parsed = parseDsn(dsn, { at: 'dsn' })
  return openStore({
    dsn: parsed.kind === 'sqlite' ? { ...parsed, path: resolve(parsed.path) } : parsed,
    streams,
  })
}

/** Drafts as a drainer would hand them over. */
export const batchOf = (spool: string, position: number, drafts: readonly Draft[]): AppendBatch => ({
  spool,
  position: BigInt(position),
  drafts: drafts.map((draft) => spooled(draft)),
})
