// SPDX-License-Identifier: Apache-2.0
import type { Reader } from 'fasten/reader/remote'
import type { Evidence } from '../truth/prove-row.ts'
import { problemFrom } from './problem.ts'

/** Rows and proofs of the server that served these pages. Where somebody may not ask for proofs there is none, which `proveRow` says. */
export function evidenceFrom(reader: Pick<Reader, 'row'>, origin: string): Evidence {
  return {
    rowAt: async (log, seq) => await reader.row({ log, monotonic_seq: seq }),
    async proofOf(log, seq) {
      const response = await fetch(`${origin}/api/v1/logs/${encodeURIComponent(log)}/proof?index=${seq}`)
      if (response.ok) return await response.text()
      const problem = await problemFrom(response)
      if (problem.status === 404 || problem.status === 403) return null
      throw problem
    },
  }
}
