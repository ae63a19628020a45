// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import { catalogueOptions } from '../catalogue-options.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { counted } from '../print/values.ts'
import { visible } from '../../core/visible.ts'

export const name = 'codes typegen'
export const summary = 'write the types of a catalogue, so that a wrong code does not compile'
export const description =
  'For TypeScript the file merges into the types of fasten: emit() then refuses an unknown code and a wrong detail at compile ' +
  'time. For other languages it holds the codes as constants. The same catalogue always gives the same bytes; with --check ' +
  'nothing is written, and exit code 1 says that the file is out of date.'
export const words = [{ name: 'catalog', summary: 'the same as --catalog', isRepeatable: true, isFile: true }]

export const options: readonly OptionSpec[] = [
  ...catalogueOptions,
  {
    name: 'lang',
    value: '<language>',
    summary: 'ts (default), python, go or rust',
    choices: ['ts', 'typescript', 'python', 'py', 'go', 'rust', 'rs'],
  },
  {
    name: 'out',
    short: 'o',
    value: '<file>',
    summary: 'where to write; - or nothing for stdout',
    isFile: true,
  },
  { name: 'check', summary: 'only say whether the file of --out is up to date' },
]

export const examples = [
  ['fasten codes typegen codes/*.codes.yaml -o src/codes.gen.d.ts', 'types for the compiler'],
  ['fasten codes typegen codes/*.codes.yaml -o src/codes.gen.d.ts --check', 'in CI: they are up to date'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ loadCatalogue, requireNamed, requireSound }, { typegen, typegenAliases }] = await Promise.all([
    import('../catalogue.ts'),
    import('../../capture/codes-typegen.ts'),
  ])
  const catalogue = requireSound(await loadCatalogue(args, world), world.cwd)
  requireNamed(args, catalogue)
  const sources = [...args.list('import'), ...catalogue.files.map((file) => relative(world.cwd, file))].map(
    (path) => path.replaceAll('\\', '/'),
  )
  const text = typegen([...catalogue.codes], typegenAliases[args.text('lang') ?? 'ts'], sources)
  const out = args.text('out') ?? '-'
  if (out === '-' && args.flag('check')) {
    throw usageError('BAD_OPTION', '--check compares a file, and none is named', { hint: 'add --out' })
  }
  if (out === '-') {
    await world.out.write(text)
    return exitCodes.ok
  }
  const path = resolve(world.cwd, out)
  const isCurrent = textOf(path) === text
  if (args.flag('check')) {
    if (!isCurrent)
      await world.err.line(`${visible(out)} is out of date; run fasten codes typegen without --check`)
    return isCurrent ? exitCodes.ok : exitCodes.findings
  }
  // A file that says the same keeps its time, so that nothing is built again for it.
  if (!isCurrent) replaceFile(path, text)
  await world.err.line(
    `${isCurrent ? 'unchanged' : 'wrote'} ${visible(out)}: ${counted(catalogue.codes.size, 'code')}`,
  )
  return exitCodes.ok
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw unwritable(path, error)
  }
}

/** Whole or not at all: a compiler that watches must not see half a file. */
function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.tmp`
  try {
    writeFileSync(draft, text)
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw unwritable(path, error)
  }
}

function unwritable(path: string, cause: unknown): FastenError {
  return new FastenError(
    'BAD_ARGUMENT',
    `the file of --out cannot be written: ${systemCode(cause) ?? String(cause)}`,
    {
      at: path,
      hint: 'name a file in a folder that exists',
      cause,
    },
  )
}
