// SPDX-License-Identifier: Apache-2.0

/** The data of server-sent events, as it comes in. An event of more than a million characters is passed over. */
export interface EventLines {
  /** The data of the events that these bytes completed. */
  push(bytes: Uint8Array): readonly string[]
  /** What was begun and not completed is no event. */
  end(): readonly string[]
}

const eventCharsMax = 1_000_000

export function createEventLines(): EventLines {
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  let isOver = false

  return {
    push(bytes) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r(?=.)/s)
      rest = lines.pop() ?? ''
      if (rest.length > eventCharsMax) {
        rest = ''
        isOver = true
      }
      const events: string[] = []
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0 && !isOver) events.push(data.join('\n'))
          data = []
          isOver = false
        } else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5))
      }
      return events
    },
    end: () => [],
  }
}
