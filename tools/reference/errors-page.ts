// SPDX-License-Identifier: Apache-2.0
import { parse } from 'yaml'
import type { Tree } from '../tidy/tree.ts'
import { code, page } from './page.ts'

export interface ErrorSpec {
  readonly room: string
  readonly meaning: string
  readonly hint?: string
  /** HTTP status of the reader's answer, where there is one. */
  readonly status?: number
}

const rooms: Readonly<Record<string, string>> = {
  core: 'core: the laws of a row',
  store: 'store: spool, drain, database',
  capture: 'capture: init, emit, log, shims',
  reader: 'reader: questions and HTTP',
  cli: 'cli: the command line',
  testing: 'testing',
}

export function errorsPage(tree: Tree): string {
  const codes = [...tree]
    .filter(([path]) => /^spec\/errors(\.d\/.*)?\.yaml$/.test(path))
    .flatMap(([, text]) => Object.entries((parse(text) ?? {}) as Record<string, ErrorSpec>))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  const blocks = Object.entries(rooms).flatMap(([room, title]) => {
    const entries = codes.filter(([, spec]) => spec.room === room)
    return entries.length === 0 ? [] : [`## ${title}`, ...entries.map(entry)]
  })
  return page('Error codes', '[spec/errors.yaml](../../spec/errors.yaml)', [
    'Three kinds of failure are kept apart. A mistake in the calling program is a `TypeError`, thrown at once. What the world ' +
      'does to us (a full disk, a lost connection, malformed bytes) is a `FastenError` with one of the codes below, a ' +
      'sentence, where it happened (`at`) and what to try (`hint`). Bad evidence is neither: `verify` answers with a verdict.',
    ...blocks,
  ])
}

function entry([name, { meaning, hint, status }]: [string, ErrorSpec]): string {
  const answer = status === undefined ? '' : ` The reader answers with HTTP ${status}.`
  const remedy = hint === undefined ? '' : `\n\n*What to do:* ${hint.trim()}`
  return `### ${code(name)}\n\n${meaning.trim()}${answer}${remedy}`
}
