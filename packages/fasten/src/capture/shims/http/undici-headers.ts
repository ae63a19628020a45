// SPDX-License-Identifier: Apache-2.0

/** What undici tells of a request it is about to send; the built-in `fetch` is undici. */
export interface UndiciRequest {
  readonly origin?: string | URL | null
  readonly path: string
  /** Undici 5 kept the head as one text, later ones keep a flat list of names and values. */
  headers: string | unknown[]
  addHeader(name: string, value: string): unknown
}

/**
 * Adds headers, each of which goes again when somebody who hears of the request later adds one of that name. Undici itself only appends, so
 * tracers that listen behind us (OpenTelemetry's among them) would send a second `traceparent`, which makes both worthless; and theirs names
 * the span of this very call, where ours could only name the one around it.
 */
export function addYielding(request: UndiciRequest, headers: readonly (readonly [string, string])[]): void {
  if (headers.length === 0) return
  const add = request.addHeader
  const ours = new Map<string, readonly [string, string]>()
  for (const header of headers) {
    add.call(request, ...header)
    ours.set(header[0].toLowerCase(), header)
  }
  request.addHeader = function (name, value) {
    const key = name.toLowerCase()
    yieldPlace(this, ours, key)
    // A list of vendors belongs to its trace.
    if (key === 'traceparent') yieldPlace(this, ours, 'tracestate')
    return add.call(this, name, value)
  }
}

function yieldPlace(request: UndiciRequest, ours: Map<string, readonly [string, string]>, key: string): void {
  const header = ours.get(key)
  if (header === undefined) return
  ours.delete(key)
  const { headers } = request
  const [name, value] = header
  if (typeof headers === 'string') {
    request.headers = headers.replace(`${name}: ${value}\r\n`, '')
    return
  }
  const at = headers.findIndex(
    (one, place) => place % 2 === 0 && one === name && headers[place + 1] === value,
  )
  if (at !== -1) headers.splice(at, 2)
}

/** Names of the headers that are there, lower case. */
export function namesIn({ headers }: UndiciRequest): ReadonlySet<string> {
  const names = new Set<string>()
  if (typeof headers === 'string')
    for (const line of headers.split('\r\n'))
      names.add(line.slice(0, Math.max(0, line.indexOf(':'))).toLowerCase())
  else for (let place = 0; place < headers.length; place += 2) names.add(String(headers[place]).toLowerCase())
  return names
}
