// SPDX-License-Identifier: Apache-2.0
import { PullError } from './pull-error.ts'

export interface SseEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

/** Events of a text/event-stream, those without data too. One that the end cut short is left out. Throws PullError `BAD_ANSWER` for an endless line. */
export async function* readSse(chunks: AsyncIterable<string>): AsyncGenerator<SseEvent> {
  let rest = ''
  let event = 'message'
  let data: string[] = []
  let id: string | undefined
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    if (rest.length > lineMax) throw new PullError('BAD_ANSWER', 'an event has no end')
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0 || id !== undefined) yield { event, data: data.join('\n'), id }
        event = 'message'
        data = []
        id = undefined
        continue
      }
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
      if (field === 'data') data.push(value)
      else if (field === 'event') event = value
      else if (field === 'id') id = value
    }
  }
}

const lineMax = 4 * 1_048_576
