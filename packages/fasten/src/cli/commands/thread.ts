// SPDX-License-Identifier: Apache-2.0
import { isRequestId, isRowId } from '../../core/ids.ts'
import type { Reader } from '../../reader/reader.ts'
import { readStory, type Story } from '../../reader/story.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { threadView } from '../print/thread-view.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'thread'
export const summary = 'tell the whole story of one request across the three streams'
export const description =
  'Shows every row of a request as a time-ordered tree: what arrived, what was done, what was logged, what was answered, ' +
  'with offsets in milliseconds from its beginning. What its rows caused under ids of their own (jobs, runs, retries) is told with it, from ' +
  'whatever process wrote it. A row id (evt-…) leads to the request of that row.'
export const words = [
  { name: 'id', summary: 'a request id, or the id of any of its rows', isRequired: true },
  { name: 'target', summary: 'the same as --store', isFile: true },
]

export const options: readonly OptionSpec[] = [
  {
    name: 'limit',
    short: 'n',
    value: '<rows>',
    summary: 'rows of each stream, of each request, at most (default: 1000)',
    range: [1, 1000],
  },
  { name: 'alone', summary: 'only the rows that bear the id itself, not what they caused' },
  { name: 'json', short: 'j', summary: 'the thread as one JSON object' },
  {
    name: 'disclose',
    summary: 'show personal values, with the key of this machine or the permission audit:disclose of the URL',
  },
  ...targetOptions,
]

export const examples = [
  ['fasten thread 4f1c2a9be07d', 'the story of that request'],
  ['fasten thread 4f1c2a9be07d --json | jq .counts', 'the same as data'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const id = args.words[0] ?? ''
  if (!isRequestId(id)) {
    throw usageError('BAD_ARGUMENT', `${JSON.stringify(id)} cannot be a request id`, {
      hint: 'ids are 1 to 128 of A-Z a-z 0-9 . _ : -',
    })
  }
  const reader = await world.openReader(targetOf(args, world.env, args.words[1]), args.flag('disclose'))
  try {
    const thread = await storyOf(reader, id, args.flag('alone'), args.count('limit'))
    if (args.flag('json')) await world.out.line(jsonLine(thread))
    else if (thread.rows.length > 0) await world.out.lines(threadView(thread, world.out.look))
    if (thread.rows.length > 0) return exitCodes.ok
    await world.err.line(
      `no rows under ${visible(id)}; sys and api rows are kept only where FASTEN_SYS_DSN and FASTEN_API_DSN are set`,
    )
    return exitCodes.findings
  } finally {
    await reader.close()
  }
}

async function storyOf(reader: Reader, id: string, isAlone: boolean, limit = 1000): Promise<Story> {
  const row = isRowId(id) ? await reader.row({ id }) : null
  const requestId = row === null || row.verification === 'expired' ? id : row.request_id
  return readStory(reader, requestId, { limit, ...(isAlone ? { requestsMax: 0 } : {}) })
}
