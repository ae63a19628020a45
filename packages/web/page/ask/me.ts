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

/** Who looks, and what there is to look at. */
export interface Me {
  /** `local`: whoever sits at the machine where `fasten ui` runs. */
  readonly kind: 'user' | 'api_key' | 'node' | 'system' | 'local'
  readonly actor: string
  readonly name: string
  readonly auth_method: string
  readonly session_id?: string
  readonly on_behalf_of?: string
  readonly rights: readonly Right[]
  /** The pages that this server can fill, by the first word of their addresses: a fleet all of them, `fasten ui` those of one reader. */
  readonly places: readonly string[]
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

/** Whether this server has the page at `path`, whoever asks. */
export const has = (me: Me, path: string): boolean =>
  me.places.some((place) => path === `/${place}` || path.startsWith(`/${place}/`))
