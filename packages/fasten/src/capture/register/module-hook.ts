// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import { FastenError } from '../../core/error.ts'
import { createEntryFinder } from './package-entries.ts'

/** What Node.js 22.15 and newer have, and the oldest typings do not. */
interface HookingModule {
  registerHooks?(hooks: {
    load(url: string, context: unknown, next: (url: string, context: unknown) => Loaded): Loaded
  }): { deregister(): void }
}

interface Loaded {
  readonly format?: string | null
  readonly source?: unknown
}

/**
 * Calls `loaded` with the exports of each module that one of these specifiers means, when it has run and before whoever imports or requires it goes
 * on: late enough that its classes are there, early enough that nobody has used them. Modules are known by where they lie, not by how they are asked
 * for: older versions of Node.js tell hooks of `require` by path alone. Each copy of a package is told once, the hooks are put in once. CommonJS modules
 * that were loaded before are told at once; ES modules that were are out of reach. An ES module's exports are a namespace, which cannot be written to;
 * what it exports can.
 *
 * A line is added at the end of the module's source, so line numbers, source maps and everything before it stay. What a bundler has
 * copied into the application lies in no package any more and is not found. Returns a function that stops it for modules that
 * are not loaded yet. Throws FastenError `REGISTER_UNSUPPORTED` before Node.js 22.15.
 */
export function onModules(
  specifiers: ReadonlyMap<string, { readonly rebinds?: readonly string[] }>,
  loaded: (specifier: string, exports: Readonly<Record<string, unknown>>) => void,
): () => void {
  const { registerHooks } = nodeModule as HookingModule
  if (registerHooks === undefined)
    throw new FastenError(
      'REGISTER_UNSUPPORTED',
      `Node.js ${process.versions.node} cannot tell of modules as they load`,
      {
        at: 'fasten/register',
        hint: 'use Node.js 22.15 or newer, or call the instrument functions of the shims yourself',
      },
    )
  const global = globalThis as { [teller]?: (specifier: string, exports: unknown) => void }
  if (global[teller] !== undefined) return () => undefined
  const heard = new WeakSet<object>()
  const tell = (specifier: string, exports: unknown): void => {
    const isObject = (typeof exports === 'object' && exports !== null) || typeof exports === 'function'
    if (!isObject || heard.has(exports)) return
    heard.add(exports)
    loaded(specifier, exports as Readonly<Record<string, unknown>>)
  }
  global[teller] = tell
  const specifierOf = createEntryFinder(specifiers.keys())
  const { deregister } = registerHooks({
    load(url, context, next) {
      const module = next(url, context)
      if (!url.startsWith('file:')) return module
      const path = fileURLToPath(url)
      const specifier = specifierOf(path)
      if (specifier === undefined) return module
      const source = textOf(module.source) ?? readFileSync(path, 'utf8')
      const self = JSON.stringify(url)
      if (module.format === 'module')
        return {
          ...module,
          source: `${source}\nimport * as fasten$self from ${self};${call(specifier, 'fasten$self')};${rebound(specifiers.get(specifier)?.rebinds)}`,
        }
      if (module.format === 'commonjs')
        return { ...module, source: `${source}\n;${call(specifier, 'module.exports')};` }
      // Nobody has looked yet whether it is an ES module.
      if (module.format === undefined || module.format === null)
        return {
          ...module,
          source: `${source}\n;typeof module==='object'?${call(specifier, 'module.exports')}:import(${self}).then(self=>${call(specifier, 'self')});`,
        }
      return module
    },
  })
  for (const [path, module] of Object.entries(nodeModule.createRequire(import.meta.url).cache)) {
    const specifier = module?.loaded === true ? specifierOf(path) : undefined
    if (specifier !== undefined) tell(specifier, module?.exports)
  }
  return () => {
    deregister()
    delete global[teller]
  }
}

/** By which the added lines find us: they run in modules that cannot import anything of ours. */
const teller: unique symbol = Symbol.for('fasten.register')

/** Where a name turns out to be a constant, it stays what it was. */
const rebound = (names: readonly string[] = []): string =>
  names.map((name) => `try{${name}=fasten$self.default.${name}}catch{}`).join('')

const call = (specifier: string, exports: string): string =>
  `globalThis[Symbol.for('fasten.register')]?.(${JSON.stringify(specifier)},${exports})`

function textOf(source: unknown): string | undefined {
  if (typeof source === 'string') return source
  return source instanceof Uint8Array ? Buffer.from(source).toString('utf8') : undefined
}
