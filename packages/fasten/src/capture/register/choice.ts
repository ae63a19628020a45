// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { didYouMean } from '../../core/nearest-word.ts'

export interface Choice {
  /** Whether a library, or `http` for the servers of Node.js, is to be instrumented. */
  has(name: string): boolean
  /** Who is told the ids by outgoing HTTP requests. */
  readonly hosts: readonly string[]
  /** Whether messages leave rows of the api stream. */
  readonly recordsMessages: boolean
}

/**
 * What `FASTEN_REGISTER`, `FASTEN_PROPAGATE_HOSTS` and `FASTEN_MESSAGE_ROWS` say. `FASTEN_REGISTER` names what is instrumented
 * (`http,mqtt`), or what is not (`-mqtt`); without it, everything known is. Throws `CONFIG_INVALID`.
 */
export function readChoice(
  env: Readonly<Record<string, string | undefined>>,
  libraries: readonly string[],
): Choice {
  const known = ['http', ...libraries]
  const words = listOf(env['FASTEN_REGISTER'])
  for (const word of words) {
    const name = word.replace(/^-/, '')
    if (!known.includes(name))
      throw invalid(
        'FASTEN_REGISTER',
        word,
        `write any of ${known.join(', ')}, or -name to leave one out${didYouMean(name, known)}`,
      )
  }
  const named = words.filter((word) => !word.startsWith('-'))
  const left = words.filter((word) => word.startsWith('-')).map((word) => word.slice(1))
  const rows = (env['FASTEN_MESSAGE_ROWS'] ?? '').trim().toLowerCase()
  if (!['', 'true', 'false', '1', '0', 'yes', 'no', 'on', 'off'].includes(rows))
    throw invalid('FASTEN_MESSAGE_ROWS', rows, 'write true or false')
  return {
    has: (name) => !left.includes(name) && (named.length === 0 || named.includes(name)),
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
