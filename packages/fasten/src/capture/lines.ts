// SPDX-License-Identifier: Apache-2.0
import { styleText } from 'node:util'
import type { ApiDraft, AuditDraft, Clean, Level, SysDraft } from '../core/row.ts'

export type AnyClean = Clean<AuditDraft> | Clean<SysDraft> | Clean<ApiDraft>

/** Where this process stands, as JSON text: the same in each of its lines. */
let place = { service_id: '', source_node_id: '', text: '' }

/**
 * One NDJSON line as it goes to stdout. `shape` names the stream; what the application logged stays inside `fields`, so no field can
 * pose as one of ours (spec/row.md#lines).
 */
export function ndjsonLine(draft: AnyClean): string {
  if (draft.stream !== 'sys') return JSON.stringify({ shape: draft.stream, ...draft })
  const { service_id, source_node_id } = draft
  if (place.service_id !== service_id || place.source_node_id !== source_node_id) {
    const text = `"service_id":${JSON.stringify(service_id)},"source_node_id":${JSON.stringify(source_node_id)}`
    place = { service_id, source_node_id, text }
  }
  const logger = draft.logger === undefined ? '' : `,"logger":${JSON.stringify(draft.logger)}`
  return (
    `{"shape":"sys","timestamp":"${draft.timestamp}","level":"${draft.level}","event":${JSON.stringify(draft.event)}` +
    `,"request_id":"${draft.request_id}",${place.text}${logger},"fields":${JSON.stringify(draft.fields)}}`
  )
}

const levelColors: Readonly<Record<Level, 'gray' | 'green' | 'yellow' | 'red' | 'magenta'>> = {
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'magenta',
}

/** One line for a person at a terminal; text of rows cannot move the cursor or change colours. */
export function prettyLine(draft: AnyClean): string {
  const time = styleText('gray', draft.timestamp.slice(11, 23))
  const id = styleText('gray', draft.request_id.slice(-12))
  if (draft.stream === 'sys') {
    const level = styleText(levelColors[draft.level], draft.level.toUpperCase().padEnd(5))
    return visible(`${time} ${level} `, `${draft.event}${pairs(draft.fields)}`, ` ${id}`)
  }
  if (draft.stream === 'api') {
    const status = styleText(
      draft.status >= 500 ? 'red' : draft.status >= 400 ? 'yellow' : 'green',
      String(draft.status),
    )
    return visible(
      `${time} ${status}   `,
      `${draft.method} ${draft.path} ${(draft.duration_us / 1000).toFixed(1)} ms`,
      ` ${id}`,
    )
  }
  const severity = styleText('cyan', 'AUDIT')
  return visible(
    `${time} ${severity} `,
    `${draft.code} ${draft.actor} → ${draft.target} ${draft.outcome}`,
    ` ${id}`,
  )
}

function pairs(fields: object): string {
  let text = ''
  for (const [key, value] of Object.entries(fields))
    text += ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`
  return text
}

/** Escapes control characters and direction overrides of what came from outside; ours keep their colours. */
const visible = (before: string, text: string, after: string): string =>
  before +
  text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  ) +
  after
