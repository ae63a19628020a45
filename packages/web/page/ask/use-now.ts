// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'react'
import { nowMicros } from './now.ts'

/** What time it is, told anew every `everyMs`; microseconds since 1970. Ask once per screen and hand it down, so that all ages of a screen are of one moment. */
export function useNow(everyMs = 5000): number {
  const [now, setNow] = useState(nowMicros)
  useEffect(() => {
    const timer = setInterval(() => setNow(nowMicros()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
