// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'

/** What a process of nodes is told. */
export interface NodesJob {
  readonly folder: string
  readonly names: readonly string[]
  readonly url: string
  readonly token: string
  readonly ledger: string
  /** Between two requests to all nodes. */
  readonly everyMs: number
}

export const storeOf = (folder: string, name: string): string => join(folder, name, 'rows.db')
