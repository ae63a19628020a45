// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { ExpiredRow, Reader, ReaderRow } from '../../reader/reader.ts'
import { parseCitation } from '../citation.ts'
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
    summary: 'an id (evt-…), a place (log#8414) or a citation (audit#8414:5ff73e2e)',
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
  const place = /^(.+\/.+)#(\d{1,15})$/.exec(text)
  if (place !== null)
    return found(text, await reader.row({ log: place[1] ?? '', monotonic_seq: Number(place[2]) }))
  if (!text.includes('#')) return found(text, await reader.row({ id: text }))
  const citation = parseCitation(text)
  const logs = (await reader.logs()).filter(({ stream }) => stream === citation.stream).map(({ log }) => log)
  const log = citation.log ?? (logs.length === 1 ? logs[0] : undefined)
  if (log === undefined) {
    throw usageError('BAD_ARGUMENT', `${text} could mean any of ${logs.length} logs`, {
      hint: `name one, as in ${logs[0] ?? '_/service/node/audit'}#${citation.monotonic_seq}:${citation.hash}`,
    })
  }
  const row = found(text, await reader.row({ log, monotonic_seq: citation.monotonic_seq }))
  if (row.hash?.startsWith(citation.hash) === true) return row
  throw new FastenError('PROOF_WRONG', `row ${citation.monotonic_seq} is not the one that was cited`, {
    at: log,
    hint: `the stored row has the hash ${row.hash?.slice(0, 16) ?? 'of none'}; run fasten verify`,
  })
}

function found(text: string, row: ReaderRow | ExpiredRow | null): ReaderRow | ExpiredRow {
  if (row !== null) return row
  throw usageError('BAD_ARGUMENT', `there is no row ${JSON.stringify(text)}`, {
    hint: 'name an id, or a place as in _/shop/edge-07/audit#8414',
  })
}
