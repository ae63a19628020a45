// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useState } from 'react'
import { streams, type StreamName } from 'fasten/core'
import type { Reader, ReaderRow } from 'fasten/reader/remote'
import type { StreamRows } from '../../ask/use-stream-rows.ts'
import { useTail, type TailState } from '../../ask/use-tail.ts'
import { useWaitingRows } from '../../ask/use-waiting-rows.ts'
import type { Question } from '../../model/question.ts'

export interface Following {
  readonly tail: TailState
  /** Somebody moved, so what comes waits until they ask for it. */
  readonly isHeld: boolean
  readonly waiting: Readonly<Record<StreamName, number>>
  hold(): void
  /** Shows what waited, and goes on. */
  resume(): void
  /** Another question was asked: what waited was for the one before. */
  forget(): void
}

/** New rows as they arrive, shown at once or kept while whoever looks has moved: nothing moves under the eye. */
export function useFollowing({
  reader,
  questions,
  rows,
  isOn,
  onResume,
}: {
  readonly reader: Reader
  readonly questions: Readonly<Record<StreamName, Question>>
  readonly rows: Readonly<Record<StreamName, StreamRows>>
  readonly isOn: boolean
  readonly onResume: () => void
}): Following {
  const [isHeld, setHeld] = useState(false)
  const { counts: waiting, add: keep, take } = useWaitingRows()
  const show = useCallback(
    (fresh: readonly ReaderRow[]) => {
      for (const stream of streams) {
        const own = fresh.filter((row) => row.stream === stream)
        if (own.length > 0) rows[stream].add(own)
      }
    },
    [rows],
  )
  const tailed = streams.filter((stream) => questions[stream].kind === 'asks')
  const asking = questions[tailed[0] ?? 'audit']
  const tail = useTail(
    reader,
    isOn && asking.kind === 'asks' ? { streams: tailed, filter: withoutWindow(asking.query.filter) } : null,
    (fresh) => (isHeld ? keep(fresh) : show(fresh)),
  )
  useEffect(() => {
    if (!isOn) take()
  }, [isOn, take])
  return {
    tail,
    isHeld,
    waiting,
    hold: () => setHeld(true),
    resume() {
      show(take())
      setHeld(false)
      onResume()
    },
    forget() {
      setHeld(false)
      take()
    },
  }
}

/** A tail goes on from now; the window is for what was. */
function withoutWindow(filter: Extract<Question, { kind: 'asks' }>['query']['filter']) {
  const { since: _since, until: _until, ...rest } = filter
  return rest
}
