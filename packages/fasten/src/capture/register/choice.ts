// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { didYouMean } from '../../core/nearest-word.ts'

export interface Choice {
  /** Whether a library, `http` for the servers of Node.js, or `process` for its threads and child processes, is to be instrumented. */
  has(name: string): boolean
  /** Who is told the ids by outgoing HTTP requests. */
  readonly hosts: readonly string[]
  /** Whether messages leave rows of the api stream. */
  readonly recordsMessages: boolean
}

/**
 * What `FASTEN_REGISTER`, `FASTEN_PROPAGATE_HOSTS` and `FASTEN_MESSAGE_ROWS` say. `FASTEN_REGISTER` names what is instrumented
 * (`http,mqtt`), what is not (`-mqtt`), or what is as well (`+otel`); without it, everything known is but what has to be asked for. Throws
 * `CONFIG_INVALID`.
 */
export function readChoice(
  env: Readonly<Record<string, string | undefined>>,
  libraries: readonly { readonly name: string; readonly isOptIn?: true }[],
): Choice {
  const known = ['http', 'process', ...libraries.map(({ name }) => name)]
  const words = listOf(env['FASTEN_REGISTER'])
  for (const word of words) {
    const name = word.replace(/^[-+]/, '')
    if (!known.includes(name))
      throw invalid(
        'FASTEN_REGISTER',
        word,
        `write any of ${known.join(', ')}; -name leaves one out, +name adds one${didYouMean(name, known)}`,
      )
  }
  const after = (sign: string): readonly string[] =>
    words.filter((word) => word.startsWith(sign)).map((word) => word.slice(1))
  const named = words.filter((word) => !/^[-+]/.test(word))
  const [left, added] = [after('-'), after('+')]
  const isDefault = (name: string): boolean =>
    named.length === 0 && libraries.find((library) => library.name === name)?.isOptIn !== true
  const rows = (env['FASTEN_MESSAGE_ROWS'] ?? '').trim().toLowerCase()
  if (!['', 'true', 'false', '1', '0', 'yes', 'no', 'on', 'off'].includes(rows))
    throw invalid('FASTEN_MESSAGE_ROWS', rows, 'write true or false')
  return {
    has: (name) => !left.includes(name) && (isDefault(name) || named.includes(name) || added.includes(name)),
    hosts: listOf(env['FASTEN_PROPAGATE_HOSTS']),
    recordsMessages: ['true', '1', 'yes', 'on'].includes(rows),
  }
}

function listOf(text = ''): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

function invalid(variable: string, value: string, hint: string): FastenError {
  return new FastenError('CONFIG_INVALID', `"${value.slice(0, 80)}" is not valid for ${variable}`, {
    at: variable,
    hint,
  })
}
