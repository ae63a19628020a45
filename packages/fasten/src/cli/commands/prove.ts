// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { parseLogName } from '../../core/log-name.ts'
import { streams, type StreamName } from '../../core/row.ts'
import type { ExpiredRow, Reader, ReaderRow } from '../../reader/reader.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'prove'
export const summary = 'write the proof that a row is in its log, as one file that is checked offline'
export const description =
  'A .tlog-proof file holds the row, the path from its hash to the root of the log, and the signed checkpoint with that root. Whoever has ' +
  'the key of the log checks it without this store: fasten verify --proof, or any other C2SP verifier.'
export const words = [
  {
    name: 'event',
    summary: 'an id (evt-…), a place (audit#8414, or log#8414) or a citation (audit#8414:5ff73e2e)',
    isRequired: true,
  },
]
export const options: readonly OptionSpec[] = [
  {
    name: 'out',
    short: 'o',
    value: '<file>',
    summary: 'where to write it; standard output otherwise',
    isFile: true,
  },
  ...targetOptions.filter((option) => option.name === 'store'),
]
export const examples = [
  ['fasten prove evt-01JB2C3D4E5F6G7H8J9KAMBNCP -o refund.tlog-proof', 'the proof of one event'],
  ['fasten prove audit#8414', 'by its place, where one log has this stream'],
  ['fasten prove audit#8414:5ff73e2e', 'by what a page cited; it must still be that row'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ placesOf }, { openLocal }, { proveRow }, { writeFile }, { resolve }] = await Promise.all([
    import('../places.ts'),
    import('../open-reader.ts'),
    import('../../reader/prove.ts'),
    import('node:fs/promises'),
    import('node:path'),
  ])
  const opened = await openLocal(
    placesOf(targetOf(args, world.env), world.env),
    (text) => void world.err.line(text),
  )
  try {
    const row = await rowOf(args.words[0] ?? '', opened.reader)
    const source = opened.stores.find(({ place }) => place.streams.includes(row.stream))?.store
    if (source === undefined) throw new TypeError('a row from no store')
    const { file, size, path } = await proveRow(source, row)
    const out = args.text('out')
    if (out === undefined) await world.out.write(file)
    else await writeFile(resolve(world.cwd, out), file)
    await world.err.lines([
      `row ${row.log}#${row.monotonic_seq} has the hash ${row.hash?.slice(0, 16)}…, which is SHA-256 of 0x00 and the row's bytes`,
      `${path.length} hashes lead from it to the root of the first ${size} rows, which the checkpoint at the end signs`,
      `check it with: fasten verify --proof ${out ?? 'FILE'} --key KEY (the key of the log, from fasten key show)`,
    ])
    return exitCodes.ok
  } finally {
    await opened.reader.close()
  }
}

/** An expired row is proved like any other: its hash is all that a proof needs. */
async function rowOf(text: string, reader: Reader): Promise<ReaderRow | ExpiredRow> {
  if (!text.includes('#')) return found(text, await reader.row({ id: text }))
  const place = /^([^#]+)#(\d{1,15})(?::([0-9a-f]{8,64}))?$/i.exec(text)
  const [where = '', seq = '', hash = ''] = place?.slice(1) ?? []
  const stream = streams.find((each) => each === where)
  if (place === null || (stream === undefined && parseLogName(where) === undefined)) {
    throw usageError('BAD_ARGUMENT', `${JSON.stringify(text)} is no row`, {
      hint: 'name an id, a place as in audit#8414 or _/shop/edge-07/audit#8414, or a citation as in audit#8414:5ff73e2e',
    })
  }
  const log = stream === undefined ? where : await onlyLog(stream, text, reader)
  const monotonic_seq = Number(seq)
  const row = found(text, await reader.row({ log, monotonic_seq }))
  if (row.hash?.startsWith(hash.toLowerCase()) === true) return row
  throw new FastenError('PROOF_WRONG', `row ${monotonic_seq} is not the one that was cited`, {
    at: log,
    hint: `the stored row has the hash ${row.hash?.slice(0, 16) ?? 'of none'}; run fasten verify`,
  })
}

/** The log of that stream, where there is one; another service's row is not to be proved in place of the one that was meant. */
async function onlyLog(stream: StreamName, text: string, reader: Reader): Promise<string> {
  const logs = (await reader.logs()).filter((each) => each.stream === stream).map(({ log }) => log)
  if (logs.length === 1 && logs[0] !== undefined) return logs[0]
  throw usageError('BAD_ARGUMENT', `${text} could mean any of ${logs.length} logs`, {
    hint: `name one, as in ${logs[0] ?? '_/service/node/audit'}${text.slice(text.indexOf('#'))}`,
  })
}

function found(text: string, row: ReaderRow | ExpiredRow | null): ReaderRow | ExpiredRow {
  if (row !== null) return row
  throw usageError('BAD_ARGUMENT', `there is no row ${JSON.stringify(text)}`, {
    hint: 'name an id, or a place as in _/shop/edge-07/audit#8414',
  })
}
