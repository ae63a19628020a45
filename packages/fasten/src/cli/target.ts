// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { hideSecrets } from '../store/dsn.ts'
import type { Args, OptionSpec } from './command.ts'

/** What a command asks: another reader over HTTP, one store for all streams, or what the environment says. */
export type Target =
  | { readonly kind: 'url'; readonly url: string; readonly token?: string; readonly timeoutMs?: number }
  /** A DSN or the path of a database file, as typed. */
  | { readonly kind: 'store'; readonly text: string }
  | { readonly kind: 'environment' }

const group = 'Where the rows are:'

/** The options by which every command that reads rows is told where they are. */
export const targetOptions: readonly OptionSpec[] = [
  {
    name: 'store',
    short: 's',
    value: '<target>',
    summary: 'a DSN, a database file, or a reader URL; else FASTEN_AUDIT_DSN, else ./fasten.db',
    group,
    isFile: true,
  },
  {
    name: 'url',
    value: '<url>',
    summary: 'the URL where a fasten reader is mounted',
    group,
  },
  {
    name: 'token',
    value: '<token>',
    summary: 'bearer token for the URL; FASTEN_READER_TOKEN keeps it out of the process list',
    group,
  },
  {
    name: 'timeout',
    value: '<seconds>',
    summary: 'how long an answer of the URL may take (default: 30, and 600 for verify)',
    range: [1, 86_400],
    group,
  },
]

/**
 * The target a command line names: `--url`, `--store`, or a word of the command (`fasten verify ./fasten.db`), and the
 * environment when it names none. Two different ones are a mistake, not a choice. Throws `BAD_TARGET`.
 */
export function targetOf(
  args: Args,
  env: Readonly<Record<string, string | undefined>>,
  word?: string,
): Target {
  const named = [args.text('url'), args.text('store'), word].filter((text) => text !== undefined)
  if (named.length > 1) {
    throw new FastenError(
      'BAD_TARGET',
      `two places to read from, ${quoted(named[0])} and ${quoted(named[1])}`,
      {
        hint: 'name only one',
      },
    )
  }
  const token = args.text('token') ?? (env['FASTEN_READER_TOKEN'] || undefined)
  const text = named[0]
  if (text === undefined) {
    if (args.text('token') !== undefined) {
      throw new FastenError('BAD_TARGET', '--token without a URL to send it to', { hint: 'add --url' })
    }
    return { kind: 'environment' }
  }
  if (text === '')
    throw new FastenError('BAD_TARGET', 'the place to read from is empty', {
      hint: 'name a DSN, file or URL',
    })
  if (/^https?:\/\//i.test(text)) return urlTarget(text, token, args.count('timeout'))
  if (args.text('url') !== undefined) {
    throw new FastenError(
      'BAD_TARGET',
      `--url is ${quoted(text)}, which does not begin with http:// or https://`,
      {
        hint: 'use --store for a file or a DSN',
      },
    )
  }
  return { kind: 'store', text }
}

function urlTarget(text: string, token: string | undefined, timeoutSeconds: number | undefined): Target {
  if (!URL.canParse(text)) throw new FastenError('BAD_TARGET', `${quoted(text)} is not a URL`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new FastenError('BAD_TARGET', `the URL of ${url.host} carries a user name or password`, {
      hint: 'use --token or FASTEN_READER_TOKEN',
    })
  }
  return {
    kind: 'url',
    url: url.href.replace(/\/+$/, ''),
    ...(token === undefined ? {} : { token }),
    ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
  }
}

function quoted(text = ''): string {
  return JSON.stringify(hideSecrets(text))
}
