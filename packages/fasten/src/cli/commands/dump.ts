// SPDX-License-Identifier: Apache-2.0
import type { CodeMeta } from '../../core/code.ts'
import { catalogueOptions } from '../catalogue-options.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { jsonLine, visible } from '../../core/visible.ts'

export const name = 'dump'
export const summary = 'print the registered codes as code,domain,severity, sorted'
export const description =
  'Loads the catalogue of an application and prints one line for each code, so that two catalogues can be compared with diff. ' +
  'Without a catalogue there is nothing of yours to print: it then shows the codes of fasten itself, says so, and exits 1.'
export const words = [{ name: 'catalog', summary: 'the same as --catalog', isRepeatable: true, isFile: true }]

export const options: readonly OptionSpec[] = [
  ...catalogueOptions,
  { name: 'builtin', summary: 'also the codes of fasten itself' },
  { name: 'json', short: 'j', summary: 'one JSON object a line, with everything a code declares' },
]

export const examples = [
  ['fasten dump codes/*.codes.yaml', 'the codes of these files'],
  [
    'fasten dump --import ./src/app-codes.js | diff codes.lock -',
    'what has changed since codes.lock was written',
  ],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ loadCatalogue, requireSound }, { createCodeRegistry }] = await Promise.all([
    import('../catalogue.ts'),
    import('../../core/code.ts'),
  ])
  const { codes, files } = requireSound(await loadCatalogue(args, world), world.cwd)
  const isEmpty = codes.size === 0
  const builtin = createCodeRegistry()
  const shown = new Map(codes)
  if (isEmpty || args.flag('builtin')) {
    for (const code of builtin.codes('builtin')) shown.set(code, builtin.metaOf(code) as CodeMeta)
  }
  for (const [code, meta] of [...shown].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await world.out.line(
      args.flag('json') ? jsonLine({ code, ...meta }) : visible(`${code},${meta.domain},${meta.severity}`),
    )
  }
  if (!isEmpty) return exitCodes.ok
  const sources = [...args.list('import'), ...files]
  await world.err.line(emptyNote(sources))
  return args.flag('builtin') && sources.length === 0 ? exitCodes.ok : exitCodes.findings
}

function emptyNote(sources: readonly string[]): string {
  const own = "these are only fasten's own codes"
  if (sources.length === 0) {
    return `no catalogue was loaded, ${own}; name yours with --catalog 'codes/*.codes.yaml' or --import ./app-codes.js`
  }
  return (
    `${visible(sources.join(', '))} registered no codes, ${own}; ` +
    'a module that uses another copy of fasten registers there: run the fasten of that project (npx fasten), or export its defineCodes()'
  )
}
