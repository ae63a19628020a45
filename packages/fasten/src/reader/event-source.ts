// SPDX-License-Identifier: Apache-2.0

/** One event of a text/event-stream, also one that only moves the id. */
export interface ServerSentEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

/** The longest line that is read; a row is at most 64 KiB of leaf. */
const lineCharactersMax = 4 * 1024 * 1024

/**
 * The events of a body, as the HTML standard reads them, except that an id without data is handed out too. Ends when
 * the body does; an event that the end cut short is dropped. Throws a SyntaxError for a line beyond `lineCharactersMax`.
 */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  let event = ''
  let id: string | undefined
  let data: string[] = []
  for await (const line of lines(body)) {
    if (line === '') {
      if (data.length > 0 || id !== undefined)
        yield { event: event === '' ? 'message' : event, data: data.join('\n'), id }
      event = ''
      id = undefined
      data = []
      continue
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'data') data.push(value)
    else if (field === 'event') event = value
    else if (field === 'id' && !value.includes('\0')) id = value
  }
}

async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  // Not `for await`: some browsers' streams cannot be iterated.
  const reader = body.getReader()
  let rest = ''
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      rest += decoder.decode(part.value, { stream: true })
      // A carriage return at the very end may be half of a line break.
      const whole = rest.endsWith('\r') ? rest.slice(0, -1) : rest
      const found = whole.split(/\r\n|\r|\n/)
      rest = (found.pop() ?? '') + rest.slice(whole.length)
      yield* found
      if (rest.length > lineCharactersMax) {
        throw new SyntaxError(`a line has more than ${lineCharactersMax} characters`)
      }
    }
  } finally {
    await reader.cancel()
  }
}
