// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { Reader, TailEvent, TailQuery } from '../reader.ts'
import { pause, waitMsOf } from '../pause.ts'

/**
 * The tail of a reader from `place` on, through outages of its store: each row once, however often the reading was taken up again. An
 * outage is told once, and attempts are up to half a minute apart. Throws what the reader throws before it has answered at all, so that a wrong
 * address is told at once, and what no waiting cures.
 */
export async function* followThrough(
  reader: Pick<Reader, 'tail'>,
  query: TailQuery,
  place: string | undefined,
  onTrouble: (error: FastenError) => void,
  signal: AbortSignal,
): AsyncGenerator<TailEvent> {
  let reached = place
  let failures = 0
  let hasAnswered = false
  const reach = (id: string): void => {
    reached = id
    failures = 0
    hasAnswered = true
  }
  const onPlace = (id: string): void => {
    reach(id)
    query.onPlace?.(id)
  }
  while (!signal.aborted) {
    try {
      const resume = reached === undefined ? {} : { resume: reached }
      for await (const event of reader.tail({ ...query, ...resume, onPlace }, signal)) {
        reach(event.id)
        yield event
      }
      return
    } catch (error) {
      if (signal.aborted) return
      if (!hasAnswered || !isOutage(error)) throw error
      if (failures === 0) onTrouble(error)
    }
    await pause(waitMsOf(failures++), signal)
  }
}

/** What passes when somebody starts the database again, mounts the disk, or mends the credential. */
function isOutage(error: unknown): error is FastenError {
  return error instanceof FastenError && /^(STORE|READER)_/.test(error.code) && !isForGood.has(error.code)
}

const isForGood: ReadonlySet<string> = new Set([
  'STORE_CORRUPT',
  'STORE_SCHEMA_NEWER',
  'STORE_SCHEMA_OLDER',
  'STORE_UNSUPPORTED',
  'READER_UNSUPPORTED',
])
