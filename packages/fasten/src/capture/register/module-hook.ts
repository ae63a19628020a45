// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import { FastenError } from '../../core/error.ts'

/** What Node.js 22.15 and newer have, and the oldest typings do not. */
interface HookingModule {
  registerHooks?(hooks: {
    resolve(
      specifier: string,
      context: unknown,
      next: (specifier: string, context: unknown) => Resolved,
    ): Resolved
    load(url: string, context: unknown, next: (url: string, context: unknown) => Loaded): Loaded
  }): { deregister(): void }
}

interface Resolved {
  readonly url: string
}

interface Loaded {
  readonly format?: string | null
  readonly source?: unknown
}

/**
 * Calls `loaded` with the exports of each module that anybody imports or requires under one of these specifiers, when it has run and before
 * the importer goes on: late enough that its classes are there, early enough that nobody has used them. Each copy of a package is told
 * once, the hooks are put in once. An ES module's exports are a namespace, which cannot be written to; what it exports can.
 *
 * A line is added at the end of the module's source, so line numbers, source maps and everything before it stay. What a bundler has
 * copied into the application has no specifier any more and is not found. Returns a function that stops it for modules that
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
  const wanted = new Map<string, string>()
  const heard = new WeakSet<object>()
  global[teller] = (specifier, exports) => {
    const isObject = (typeof exports === 'object' && exports !== null) || typeof exports === 'function'
    if (!isObject || heard.has(exports)) return
    heard.add(exports)
    loaded(specifier, exports as Readonly<Record<string, unknown>>)
  }
  const byPackage = Map.groupBy(specifiers.keys(), packageOf)
  const siblings = new Map(
    [...byPackage.values()].flatMap((all) =>
      all.map((one) => [one, all.filter((other) => other !== one)] as const),
    ),
  )
  const { deregister } = registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      if (!specifiers.has(specifier) || !resolved.url.startsWith('file:')) return resolved
      wanted.set(resolved.url, specifier)
      // A module of a package loads its neighbours by relative names; the application may ask for them by ours later.
      for (const other of siblings.get(specifier) ?? []) {
        try {
          const { url } = next(other, context)
          if (!wanted.has(url)) wanted.set(url, other)
        } catch {
          // This version of the package does not have it.
        }
      }
      return resolved
    },
    load(url, context, next) {
      const module = next(url, context)
      const specifier = wanted.get(url)
      if (specifier === undefined) return module
      const source = textOf(module.source) ?? readFileSync(fileURLToPath(url), 'utf8')
      if (module.format === 'module')
        return {
          ...module,
          source: `${source}\nimport * as fasten$self from ${JSON.stringify(url)};${call(specifier)}fasten$self);${rebound(specifiers.get(specifier)?.rebinds)}`,
        }
      if (module.format === 'commonjs' || module.format === undefined || module.format === null)
        return { ...module, source: `${source}\n;${call(specifier)}module.exports);` }
      return module
    },
  })
  return () => {
    deregister()
    delete global[teller]
  }
}

/** By which the added lines find us: they run in modules that cannot import anything of ours. */
const teller: unique symbol = Symbol.for('fasten.register')

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** Where a name turns out to be a constant, it stays what it was. */
const rebound = (names: readonly string[] = []): string =>
  names.map((name) => `try{${name}=fasten$self.default.${name}}catch{}`).join('')

const call = (specifier: string): string =>
  `globalThis[Symbol.for('fasten.register')]?.(${JSON.stringify(specifier)}, `

function textOf(source: unknown): string | undefined {
  if (typeof source === 'string') return source
  return source instanceof Uint8Array ? Buffer.from(source).toString('utf8') : undefined
}
