// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { formatMicros } from 'fasten/core'
import { nowMicros } from '../../ask/now.ts'
import { timeParts } from '../../model/time-zone.ts'
import { useSettings } from '../../parts/settings.tsx'
import styles from './row-time.module.css'

/**
 * The time of a row in a list, as fine as there is room for and never cut within a figure. The day stands in front where it is not today, since a window
 * may be of many.
 */
export function RowTime({ at }: { readonly at: string }): ReactNode {
  const { zone } = useSettings().settings
  const { date, time, offset } = timeParts(at, zone)
  const today = timeParts(formatMicros(nowMicros()), zone).date
  const isOfYear = date.slice(0, 4) === today.slice(0, 4)
  const day = date === today ? '' : `${isOfYear ? date.slice(5) : date} `
  return (
    <time dateTime={at} title={`${date} ${time} ${offset}`} data-other-day={day !== ''}>
      {day}
      {time.slice(0, 8)}
      {isOfYear ? <span className={styles['millis']}>{time.slice(8, 12)}</span> : null}
      <span className={styles['micros']}>{time.slice(12)}</span>
    </time>
  )
}
