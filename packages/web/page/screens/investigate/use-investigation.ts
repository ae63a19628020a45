// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useLocation, useSearch } from 'wouter'
import {
  readInvestigation,
  shownAs,
  withShownAs,
  writeInvestigation,
  type Investigation,
} from '../../model/investigation.ts'

const place = 'fasten.investigation'

/**
 * The investigation that the address says, and the way to another one. Opening a row or a pane leaves no trace in the history; a new question does.
 * An address without a word goes on where this tab was before it went elsewhere, and one that only asks is shown as the last one was.
 */
export function useInvestigation(): readonly [Investigation, (changes: Partial<Investigation>) => void] {
  const given = useSearch()
  const [path, navigate] = useLocation()
  const [resumed] = useState(() => resume(given))
  const [isResumed, setResumed] = useState(false)
  const search = isResumed ? given : resumed
  useEffect(() => {
    if (!isResumed) {
      setResumed(true)
      if (readable(given) !== readable(resumed)) navigate(`${path}${readable(resumed)}`, { replace: true })
    } else sessionStorage.setItem(place, given)
  }, [isResumed, given, resumed, navigate, path])
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

function resume(given: string): string {
  const kept = sessionStorage.getItem(place) ?? ''
  return given === '' ? kept : withShownAs(given, shownAs(kept))
}

const readable = (search: string): string => (search === '' || search.startsWith('?') ? search : `?${search}`)
