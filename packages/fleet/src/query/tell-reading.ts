// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import { scopeText } from '../database/tenant-scope.ts'
import type { Principal } from '../web/principal.ts'

export interface Reading {
  /** As the OpenAPI document names it, or `trace`, `timeline`, `tile` and the like. */
  readonly operation: string
  /** What was asked. Values are cut to 512 characters. */
  readonly parameters: Readonly<Record<string, string>>
  /** Rows in the answer; null where that is not known yet. */
  readonly rows: number | null
  /** Of an export: it tells of itself before its first row is out, and again when it ended. */
  readonly phase?: 'began' | 'ended' | 'broken'
}

/** Where the operation takes rows away as a file. */
const isTaking = (operation: string): boolean => operation === 'export'

/**
 * The row that tells of an answer: who was shown what, out of which tenants. Emitted before the answer leaves, so that whoever reads cannot keep it
 * from being told by holding the connection open. One for each answer, never one for each row, and so no reading tells of more than itself.
 */
export function tellReading(fasten: Fasten, principal: Principal, reading: Reading): void {
  const { operation, parameters, rows, phase } = reading
  fasten.emit({
    code: isTaking(operation) ? 'ROWS_EXPORTED' : 'ROWS_READ',
    target: operation,
    actor: principal.actor,
    detail: {
      operation,
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, value]) => [name, value.slice(0, 512)]),
      ),
      rows,
      tenants: principal.tenants === 'all' ? 'all' : scopeText(principal.tenants),
      ...(phase === undefined ? {} : { phase }),
    },
  })
}
