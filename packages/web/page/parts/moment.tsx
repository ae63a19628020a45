// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { timeParts } from '../model/time-zone.ts'
import { useSettings } from './settings.tsx'

/** A row's time in the zone that was chosen; `shows` leaves out the date where a heading says it, or what is finer than a second where lines are read and not compared. The whole stands in the tooltip. */
export function Moment({
  at,
  shows = 'both',
}: {
  readonly at: string
  readonly shows?: 'both' | 'second' | 'time' | 'date'
}): ReactNode {
  const { settings } = useSettings()
  const { date, time, offset } = timeParts(at, settings.zone)
  const text = {
    both: `${date} ${time}`,
    second: `${date} ${time.slice(0, 8)}`,
    time,
    date,
  }[shows]
  return (
    <time dateTime={at} title={`${date} ${time} ${offset}`}>
      {text}
    </time>
  )
}
