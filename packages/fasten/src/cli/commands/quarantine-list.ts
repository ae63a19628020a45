// SPDX-License-Identifier: Apache-2.0
import type { QuarantineEntry } from '../../store/quarantine.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { table, type Column } from '../print/table.ts'
import { bytes, counted } from '../print/values.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { quarantineOptions, quarantineRoots } from '../quarantine-roots.ts'

export const name = 'quarantine list'
export const summary = 'list rows that no store would take, with the reason'
export const description =
  'A row that a store refuses for good, and bytes of a damaged spool, are kept on disk beside the spool while the others go ' +
  'on. This lists them; --json adds their bytes.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]
export const options: readonly OptionSpec[] = [
  { name: 'json', short: 'j', summary: 'one JSON object a line, with the bytes as text or base64' },
  ...quarantineOptions,
]

export async function run(args: Args, world: World): Promise<number> {
  const { listQuarantine } = await import('../../store/quarantine.ts')
  const roots = await quarantineRoots(args, world, args.words[0])
  const found = roots.flatMap(({ root }) => listQuarantine(root).map((entry) => ({ root, entry })))
  if (args.flag('json')) {
    await world.out.lines(found.map(({ root, entry }) => jsonLine(asData(root, entry))))
    return exitCodes.ok
  }
  await world.out.lines(
    table(
      found.map(({ entry }) => entry),
      columns,
      world.out.look,
    ),
  )
  const where = roots.map(({ root }) => visible(root)).join(', ')
  await world.err.line(
    found.length === 0
      ? `nothing in quarantine under ${where}`
      : `${counted(found.length, 'entry', 'entries')} under ${where}; try again with fasten quarantine retry`,
  )
  return exitCodes.ok
}

const columns: readonly Column<QuarantineEntry>[] = [
  { title: 'name', text: (entry) => visible(entry.name) },
  { title: 'since', text: (entry) => visible(entry.quarantined_at.slice(0, 19)), style: () => 'quiet' },
  { title: 'kind', text: (entry) => entry.kind },
  { title: 'code', text: (entry) => visible(entry.code), style: () => 'danger' },
  { title: 'size', text: (entry) => bytes(entry.bytes.length), align: 'right' },
  { title: 'log', text: (entry) => visible(entry.log ?? '-'), yields: 2, keeps: 10, cut: 'middle' },
  { title: 'message', text: (entry) => visible(entry.message), yields: 1, keeps: 16 },
]

function asData(root: string, { bytes: content, ...rest }: QuarantineEntry): object {
  const text = asText(content)
  return {
    root,
    ...rest,
    ...(text === undefined ? { bytes_base64: Buffer.from(content).toString('base64') } : { text }),
  }
}

function asText(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
