// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { call } from './call.ts'
import { Problem } from './problem.ts'

/** The codes that audit rows had within a year, the most frequent 500; none where they are not counted, or not for whoever asks. Undefined while they are asked for. */
export function useCodes(isWanted: boolean): readonly string[] | undefined {
  const codes = useQuery({
    queryKey: ['codes'],
    enabled: isWanted,
    staleTime: 300_000,
    queryFn: async ({ signal }): Promise<readonly string[]> => {
      try {
        const { groups } = await call<{
          readonly groups: readonly { readonly group: { readonly code: string } }[]
        }>('/api/v1/metrics/codes', { search: { since: '-1y', group_by: 'code', limit: 500 }, signal })
        return groups.map(({ group }) => group.code)
      } catch (error) {
        if (error instanceof Problem && [403, 404, 422].includes(error.status)) return []
        throw error
      }
    },
  })
  return isWanted && codes.isPending ? undefined : (codes.data ?? none)
}

const none: readonly string[] = []
