// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openCatalogue, type OpenedCatalogue } from '../capture/codes-check.ts'
import { placeText } from '../capture/codes.ts'
import { dump, metaOf, register } from '../capture/index.ts'
import { fromEnv } from '../capture/settings.ts'
import { createCodeRegistry } from '../core/code.ts'
import { FastenError } from '../core/error.ts'
import { usageError, type Args, type World } from './command.ts'
import { fullEnv } from './places.ts'

/**
 * The application's codes: those that the modules of `--import` register or export, then the files of `--catalog`, of the
 * command's words (shells expand patterns into words), or of FASTEN_CODES. What is wrong in the files is in `problems`; see
 * `requireSound`. Throws `IMPORT_FAILED`.
 */
export async function loadCatalogue(args: Args, world: World): Promise<OpenedCatalogue> {
  for (const module of args.list('import')) await importCodes(module, world.cwd)
  const named = [...args.list('catalog'), ...args.words]
  const patterns = named.length > 0 ? named : (fromEnv('codes', fullEnv(world.env)) ?? [])
  return openCatalogue(patterns, world.cwd, registryOfProcess())
}

/** The catalogue, or its first problem as an error, located. */
export function requireSound(catalogue: OpenedCatalogue, folder: string): OpenedCatalogue {
  const [first] = catalogue.problems
  if (first === undefined) return catalogue
  const more = catalogue.problems.length > 1 ? ` (and ${catalogue.problems.length - 1} more)` : ''
  throw new FastenError(first.code, `${first.message}${more}`, {
    at: placeText(first, folder),
    hint: 'fasten codes check lists everything',
  })
}

/** Throws when a command line names no codes at all. */
export function requireNamed(args: Args, catalogue: OpenedCatalogue): void {
  if (catalogue.files.length > 0 || catalogue.problems.length > 0 || args.list('import').length > 0) return
  throw usageError('BAD_ARGUMENT', 'no catalogue is named', {
    hint: 'name *.codes.yaml files, or a module with --import',
  })
}

async function importCodes(module: string, folder: string): Promise<void> {
  const url = pathToFileURL(resolve(folder, module)).href
  try {
    const exported = (await import(url)) as Readonly<Record<string, unknown>>
    // A module may register by itself, export what defineCodes made, or both: the same registration twice is harmless.
    for (const value of Object.values(exported)) if (isHandle(value)) value.register({ register })
  } catch (cause) {
    const [why = ''] = (cause instanceof Error ? cause.message : String(cause)).split(' imported from ')
    throw new FastenError('IMPORT_FAILED', `${module} cannot be imported: ${why}`, {
      at: module,
      hint: 'name a module that only registers or exports codes, such as ./app-codes.js',
      cause,
    })
  }
}

interface Handle {
  register(target: { readonly register: typeof register }): void
}

/** What `defineCodes` makes, of this copy of fasten or another. */
function isHandle(value: unknown): value is Handle {
  if (typeof value !== 'object' || value === null) return false
  return 'domain' in value && 'codes' in value && 'register' in value && typeof value.register === 'function'
}

/** What programs have registered in this process so far, in a registry of its own. */
function registryOfProcess(): ReturnType<typeof createCodeRegistry> {
  const registry = createCodeRegistry()
  for (const line of dump()
    .split('\n')
    .filter((each) => each !== '')) {
    const code = line.slice(0, line.indexOf(','))
    const meta = metaOf(code)
    if (meta !== undefined) registry.register(meta.domain, { [code]: meta })
  }
  return registry
}
