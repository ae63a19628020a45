// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { streams } from '../../core/row.ts'
import type { PackedLog, PackQuestion } from '../../reader/evidence-pack.ts'
import { parsePageQuery } from '../../reader/query.ts'
import type { RowSource } from '../../store/ports.ts'
import type { Opener } from '../../store/privacy/opener.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Place } from '../places.ts'
import { accepted, filterOptions, filtersFrom, streamOption, streamsOf } from '../filters.ts'
import { counted, grouped } from '../print/values.ts'
import { visible } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'export'
export const summary = 'write rows with their proofs into a folder that others can check offline'
export const description =
  'Writes an evidence pack: the rows as they were hashed, the hashes and proofs that tie them to signed checkpoints, and verify.mjs, ' +
  'which checks all of it with nothing but Node.js. Without filters every row of each log is shown, so that none can be ' +
  'left out unseen; with filters each row that passes is proven by itself. Rows that no checkpoint covers are left ' +
  'out unless --unsigned asks for them. With --tiles it writes one log as the files of a tiled log instead, to be served as they are; ' +
  'the same folder can be brought up to date again and again.'
export const words = [
  { name: 'folder', summary: 'where to write the pack; must not exist, or be empty', isFile: true },
]

export const options: readonly OptionSpec[] = [
  { name: 'log', value: '<log>', summary: 'only this log, e.g. _/gateway/edge-07/audit' },
  {
    name: 'from-seq',
    value: '<number>',
    summary: 'first row of each log',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  {
    name: 'to-seq',
    value: '<number>',
    summary: 'last row of each log, inclusive',
    range: [0, Number.MAX_SAFE_INTEGER],
  },
  {
    name: 'disclose',
    summary: 'also the personal values of these rows, opened with the key of this machine',
  },
  {
    name: 'checkpoint',
    value: '<file>',
    summary: 'a checkpoint that the reader holds: the pack shows that the log continues it; repeatable',
    isRepeatable: true,
    isFile: true,
  },
  { name: 'unsigned', summary: 'also rows that no checkpoint covers yet; the pack is then INCOMPLETE' },
  {
    name: 'tiles',
    value: '<folder>',
    summary: 'write or update the files of a tiled log in this folder instead',
    isFile: true,
  },
  streamOption,
  ...filterOptions(['log']),
  ...targetOptions,
]

export const examples = [
  ['fasten export evidence/', 'every row of every log, as far as it is signed'],
  ['fasten export --request-id 4f9c01d2a7be evidence/', 'the rows of one request, each with its proof'],
  ['fasten export --log _/shop/node-1/audit --tiles public/', 'the log as files for a web server'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ openLocal }, { placesOf }] = await Promise.all([
    import('../open-reader.ts'),
    import('../places.ts'),
  ])
  const places = placesOf(targetOf(args, world.env), world.env)
  const discloses = args.flag('disclose')
  const note = (text: string): void => void world.err.line(text)
  const { reader, stores } = await openLocal(places, note, { env: world.env, discloses })
  try {
    const sources = stores.map(({ store }) => store)
    const tiles = args.text('tiles')
    const folder = args.words[0]
    if ((tiles === undefined) === (folder === undefined))
      throw usageError('BAD_ARGUMENT', 'name one folder: for a pack, or behind --tiles', {
        hint: 'fasten export evidence/',
      })
    if (tiles !== undefined) {
      const { exportTiles } = await import('../export-tiles.ts')
      return await exportTiles(sources, tiles, args.text('log'), world)
    }
    const opener = discloses ? await openerOf(places[0], world) : undefined
    return await exportPack(args, world, { sources, opener }, folder ?? '')
  } finally {
    await reader.close()
  }
}

async function exportPack(
  args: Args,
  world: World,
  { sources, opener }: { readonly sources: readonly RowSource[]; readonly opener: Opener | undefined },
  folder: string,
): Promise<number> {
  const [{ packFiles }, { packPolicy, packReadme }, { sha256 }, { openNewFolder }] = await Promise.all([
    import('../../reader/evidence-pack.ts'),
    import('../../reader/pack-pages.ts'),
    import('../../store/platform.ts'),
    import('../new-folder.ts'),
  ])
  const question = {
    ...questionOf(args, world),
    continues: await heldSizes(args, world),
    ...(opener === undefined ? {} : { opener }),
  }
  const target = openNewFolder(folder, world.cwd)
  try {
    const pieces = packFiles(sources, question, { digest: sha256, signal: world.signal })
    let step = await pieces.next()
    for (; step.done !== true; step = await pieces.next()) target.add(step.value.path, step.value.bytes)
    const logs = step.value
    const encoder = new TextEncoder()
    target.add('README.txt', encoder.encode(packReadme(logs)))
    target.add('policy.example', encoder.encode(packPolicy(logs)))
    target.add('verify.mjs', readFileSync(fileURLToPath(import.meta.resolve('fasten/verify.mjs'))))
    target.finish()
    await world.out.lines(logs.map(told))
    if (logs.some(({ anchored, rowsLeftOut }) => anchored === null || rowsLeftOut > 0))
      await world.err.line('fasten checkpoint signs the newest rows; a pack that is made after it shows them')
    if (logs.length === 0) await world.err.line('no row was found, so the pack proves nothing')
    else
      await world.err.line(`check it with: node ${visible(folder)}/verify.mjs ${visible(folder)} --key KEY`)
    return logs.length === 0 ? exitCodes.findings : exitCodes.ok
  } catch (error) {
    target.drop()
    throw error
  }
}

/** What opens personal values here; `openLocal` has made sure that there is a key. */
async function openerOf(place: Place | undefined, world: World): Promise<Opener | undefined> {
  const [{ createOpener }, { ringOf }, { fullEnv }] = await Promise.all([
    import('../../store/privacy/opener.ts'),
    import('../privacy-place.ts'),
    import('../places.ts'),
  ])
  return place === undefined ? undefined : createOpener(ringOf(place, fullEnv(world.env)))
}

/** Which sizes of which logs the reader holds checkpoints of. Whether they are believed is for the reader to say. */
async function heldSizes(args: Args, world: World): Promise<ReadonlyMap<string, readonly number[]>> {
  const [{ checkpointsIn }, { parseCheckpoint }, { parseNote }] = await Promise.all([
    import('../signing.ts'),
    import('../../core/checkpoint.ts'),
    import('../../core/note.ts'),
  ])
  const claims = args
    .list('checkpoint')
    .flatMap((path) => checkpointsIn(path, world))
    .map((note) => parseCheckpoint(parseNote(note).text))
  return new Map(
    Object.entries(Object.groupBy(claims, ({ origin }) => origin)).map(([log, of = []]) => [
      log,
      of.map(({ size }) => size),
    ]),
  )
}

function questionOf(args: Args, world: World): PackQuestion {
  const [log, fromSeq, toSeq] = [args.text('log'), args.count('from-seq'), args.count('to-seq')]
  const search = filtersFrom(args, ['log'])
  const wanted = streamsOf(args) ?? streams
  const parsed = wanted.map((stream) => parsePageQuery(search, stream, world.clock.nowMicros()))
  // A filter that only one stream knows leaves out the others; one that no stream takes is a mistake.
  const able = parsed.filter(({ ok }) => ok)
  const queries = (able.length > 0 ? able : parsed.slice(0, 1)).map(accepted)
  return {
    ...(log === undefined ? {} : { log }),
    ...(fromSeq === undefined ? {} : { fromSeq }),
    ...(toSeq === undefined ? {} : { toSeq }),
    streams: queries.map(({ stream }) => stream),
    ...([...search.keys()].length === 0
      ? {}
      : { filters: Object.fromEntries(queries.map(({ stream, filter }) => [stream, filter])) }),
    isWithTail: args.flag('unsigned'),
  }
}

function told({ log, rows, rowsLeftOut, anchored }: PackedLog): string {
  const signed = anchored === null ? 'not signed yet' : `signed up to ${grouped(anchored)}`
  const left = rowsLeftOut === 0 ? '' : `, ${counted(rowsLeftOut, 'newer row')} left out`
  return `${visible(log)}  ${counted(rows, 'row')}, ${signed}${left}`
}
