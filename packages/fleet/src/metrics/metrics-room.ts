// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import type { Pool } from 'pg'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { scopeText, type TenantScope } from '../database/tenant-scope.ts'
import type { Principal } from '../web/principal.ts'
import { Problem } from '../web/problem.ts'

export interface MetricsRoom {
  readonly database: FleetDatabase
  readonly fasten: Fasten
  readonly clock: Clock
  /** Connections of the reading role that show the rows of these tenants and no others. */
  readonly stores: {
    use<T>(
      scope: { readonly tenants: TenantScope },
      work: (lease: { readonly sql: Pool }) => Promise<T>,
    ): Promise<T>
  }
}

/** Numbers are of all rows of a tenant, so whoever is bound to codes gets none. */
export function scopedTo({ tenants, codes }: Principal): { readonly tenants: TenantScope } {
  if (codes !== undefined)
    throw new Problem(403, 'FORBIDDEN', 'a credential that is bound to codes sees no numbers of all rows')
  return { tenants }
}

/** The row that tells of an answer: who was shown numbers, and what was asked. */
export function tellMetrics(
  fasten: Fasten,
  { actor, tenants }: Principal,
  operation: string,
  parameters: Readonly<Record<string, unknown>>,
  groups: number,
): void {
  fasten.emit({
    code: 'METRICS_READ',
    target: operation,
    actor,
    detail: {
      operation,
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, value]) => [name, String(value).slice(0, 512)]),
      ),
      groups,
      tenants: scopeText(tenants),
    },
  })
}
