// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten/core'
import type { ScreenRequest } from 'fasten/cli'
import { understand, type Question } from '../model/question.ts'
import { runScreen } from '../screen/run-screen.ts'

/**
 * Shows a request on the terminal of this process until somebody leaves. Whatever is wrong with the question, the terminal or the place is thrown before the
 * screen is taken, so that it can be read.
 */
export async function showScreen(request: ScreenRequest): Promise<void> {
  const { stdin, stdout } = process
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new FastenError('BAD_TERMINAL', 'the input is no terminal, so no key can be pressed', {
      hint: 'use fasten tail or fasten query in pipes',
    })
  }
  const { clock, isColoured, place, signal, filter } = request
  const understood = understand(filter, clock.nowMicros())
  if (!understood.ok) throw new FastenError('BAD_OPTION', `--filter: ${understood.problem}`)
  await knock(request, understood.question)
  await runScreen({
    stdin,
    stdout,
    clock,
    isColoured,
    place,
    signal,
    question: understood.question,
    open: () => request.open(),
    verify: (stop, onRead) => request.verify(stop, onRead),
  })
}

/** Throws what keeps the rows from being read, while it can still be printed plainly. */
async function knock(request: ScreenRequest, question: Question): Promise<void> {
  const reader = await request.open()
  try {
    const [stream] = question.streams
    if (stream !== undefined)
      await reader.page({ stream, filter: {}, limit: 1, total: 'none' }, request.signal)
  } finally {
    await reader.close()
  }
}
