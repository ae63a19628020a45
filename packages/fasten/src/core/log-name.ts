// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from './row.ts'

export interface LogParts {
  readonly tenant_id?: string
  readonly service_id: string
  readonly source_node_id: string
  readonly stream: StreamName
  /** 1 for the first log of these parts; 2 for `…~2`, opened after a rollback was found. */
  readonly generation?: number
}

/** The log's name: four percent-encoded parts, `_` for no tenant. Source: spec/row.md#logs. */
export function logName(parts: LogParts): string {
  const { tenant_id, service_id, source_node_id, stream, generation = 1 } = parts
  const tenant = tenant_id === undefined ? '_' : tenant_id === '_' ? '%5F' : encodePart(tenant_id)
  const base = `${tenant}/${encodePart(service_id)}/${encodePart(source_node_id)}/${stream}`
  return generation === 1 ? base : `${base}~${generation}`
}

/** The inverse of `logName`, or undefined when the text is not a canonical log name. */
export function parseLogName(name: string): LogParts | undefined {
  const parts = name.split('/')
  const [tenant, service, node, last] = parts
  if (parts.length !== 4 || !tenant || !service || !node || !last) return undefined
  const [stream, generation, ...rest] = last.split('~')
  if (rest.length > 0 || !isStream(stream)) return undefined
  if (generation !== undefined && !/^([2-9]|[1-9]\d{1,8})$/.test(generation)) return undefined
  try {
    const result: LogParts = {
      ...(tenant === '_' ? {} : { tenant_id: decodeURIComponent(tenant) }),
      service_id: decodeURIComponent(service),
      source_node_id: decodeURIComponent(node),
      stream,
      ...(generation === undefined ? {} : { generation: Number(generation) }),
    }
    return logName(result) === name ? result : undefined
  } catch {
    // decodeURIComponent throws URIError on a stray percent sign: not a log name.
    return undefined
  }
}

function isStream(text: string | undefined): text is StreamName {
  return (streams as readonly (string | undefined)[]).includes(text)
}

/** Percent-encodes every UTF-8 byte outside `A-Z a-z 0-9 . _ -`. */
function encodePart(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
