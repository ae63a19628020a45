// SPDX-License-Identifier: Apache-2.0
import { useQuery, type UseQueryResult } from '@tanstack/react-query'
import { call } from './call.ts'
import { Problem } from './problem.ts'

export interface Right {
  readonly permissions: readonly string[]
  readonly tenants: readonly string[] | 'all'
  /** Audit codes that it is bound to; left out: all, and the other streams. */
  readonly codes?: readonly string[]
}

/** Who looks. */
export interface Me {
  readonly kind: 'user' | 'api_key' | 'node' | 'system'
  readonly actor: string
  readonly name: string
  readonly auth_method: string
  readonly session_id?: string
  readonly on_behalf_of?: string
  readonly rights: readonly Right[]
}

/** Null while nobody is logged in. */
export function useMe(): UseQueryResult<Me | null> {
  return useQuery({
    queryKey: ['me'],
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      try {
        return await call<Me>('/api/v1/me', { signal })
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return null
        throw error
      }
    },
  })
}

export const may = (me: Me, permission: string): boolean =>
  me.rights.some(({ permissions }) => permissions.includes(permission))
