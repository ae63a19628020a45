// SPDX-License-Identifier: Apache-2.0
import { useCallback, useMemo } from 'react'
import { useLocation, useSearch } from 'wouter'
import { readInvestigation, writeInvestigation, type Investigation } from '../../model/investigation.ts'

/** The investigation that the address says, and the way to another one. Opening a row or a pane leaves no trace in the history; a new question does. */
export function useInvestigation(): readonly [Investigation, (changes: Partial<Investigation>) => void] {
  const search = useSearch()
  const [path, navigate] = useLocation()
  const investigation = useMemo(() => readInvestigation(search), [search])
  const change = useCallback(
    (changes: Partial<Investigation>) => {
      const next = { ...investigation, ...changes }
      const isQuestion = 'text' in changes || 'since' in changes || 'until' in changes
      navigate(`${path}${writeInvestigation(next)}`, { replace: !isQuestion })
    },
    [investigation, navigate, path],
  )
  return [investigation, change]
}
