// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { ageText } from '../model/age.ts'
import { timeParts } from '../model/time-zone.ts'
import { useSettings } from './settings.tsx'

/** How long ago something was, where that is the question; the exact time, in the zone that was chosen, stands in the tooltip. */
export function Age({ at, now }: { readonly at: string; readonly now: number }): ReactNode {
  const { settings } = useSettings()
  const { date, time, offset } = timeParts(at, settings.zone)
  return (
    <time dateTime={at} title={`${date} ${time} ${offset}`}>
      {ageText(at, now)}
    </time>
  )
}
