// SPDX-License-Identifier: Apache-2.0
import { parseLogName, type Row } from 'fasten/core'
import { isWithin, noTenant, scopeText, type TenantScope } from '../database/tenant-scope.ts'
import type { Principal } from '../web/principal.ts'

/** What somebody may read: rows of these tenants and, where codes are given, of them only audit rows of these codes. */
export interface ReadingScope {
  readonly tenants: TenantScope
  readonly codes?: readonly string[] | undefined
}

export function scopeOf({ tenants, codes }: Principal): ReadingScope {
  return codes === undefined ? { tenants } : { tenants, codes }
}

/** One text for each scope, whatever order its parts were given in. */
export function scopeKey({ tenants, codes }: ReadingScope): string {
  return JSON.stringify([scopeText(tenants), codes === undefined ? null : [...new Set(codes)].sort()])
}

/** The application's own judgement of a row, apart from the database's: both have to let it through. */
export function maySee({ tenants, codes }: ReadingScope, row: Row): boolean {
  if (!isWithin(tenants, row.tenant_id ?? noTenant)) return false
  return codes === undefined || (row.stream === 'audit' && isCode(row.code, codes))
}

export function maySeeLog({ tenants }: ReadingScope, log: string): boolean {
  if (tenants === 'all') return true
  const parts = parseLogName(log)
  return parts !== undefined && isWithin(tenants, parts.tenant_id ?? noTenant)
}

function isCode(code: string, codes: readonly string[]): boolean {
  return codes.some((wanted) =>
    wanted.endsWith('*') ? code.startsWith(wanted.slice(0, -1)) : code === wanted,
  )
}
