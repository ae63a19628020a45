// SPDX-License-Identifier: Apache-2.0
import type { Agents } from '../agents.ts'
import { defaultAgents } from '../default-agents.ts'
import type { ModelCall } from '../recorder.ts'
import type { ToolOptions } from '../wrap-tool.ts'
import { observedFetch, type Fetch, type ModelApi } from './observed-fetch.ts'

export interface ClientOptions {
  /** Default: those of the process. */
  readonly agents?: Agents
  /** What rows call the provider; say it where another one speaks the same API. Default: the maker of the client. */
  readonly provider?: string
  /** What a row keeps of what was asked and answered. Default `none`. */
  readonly policies?: ModelCall['policies']
  /** What rows keep of tools that the client itself runs. */
  readonly tools?: ToolOptions
}

/** A client, or the class of clients. */
export type ClientTarget = object

/** Replaces the method of an object until the answer is called. Answers undefined where there is no such method. */
export function patched(
  object: object | undefined,
  name: string,
  around: (original: Method) => Method,
): (() => void) | undefined {
  const host = object as Record<string, unknown> | undefined
  const original = host?.[name]
  if (host === undefined || typeof original !== 'function') return undefined
  const isOwn = Object.hasOwn(host, name)
  const replacement = around(original as Method)
  Object.defineProperty(host, name, {
    value: replacement,
    enumerable: isOwn,
    configurable: true,
    writable: true,
  })
  return () => {
    // Somebody who came later and replaced it in turn is not undone with us.
    if (host[name] !== replacement) return
    if (isOwn) host[name] = original
    else delete host[name]
  }
}

export type Method = (this: unknown, ...args: never[]) => unknown

/** What was instrumented already, and how to undo it. */
const undoOf = new WeakMap<object, () => void>()
/** From our `fetch` to the one behind it: a client made out of another takes over its `fetch`. */
const behind = new WeakMap<Fetch, Fetch>()

/**
 * Has every request of the client go through `observedFetch`, in place; of a class, every client that is made from then on. Doing it twice is doing it once.
 * Answers what undoes it.
 */
export function instrumentClient(
  target: ClientTarget,
  api: ModelApi,
  options: ClientOptions,
  patches: () => readonly ((() => void) | undefined)[],
): () => void {
  const known = undoOf.get(target)
  if (known !== undefined) return known
  const restore =
    typeof target === 'function' ? onClass(target, api, options) : onClient(target, api, options)
  const undone = [restore, ...patches()]
  const undo = (): void => {
    if (!undoOf.delete(target)) return
    for (const step of undone) step?.()
  }
  undoOf.set(target, undo)
  return undo
}

function observing(fetch: Fetch, api: ModelApi, { agents, provider, policies }: ClientOptions): Fetch {
  if (behind.has(fetch)) return fetch
  const observed = observedFetch(fetch, {
    recorder: () => (agents ?? defaultAgents()).recorder,
    api,
    provider,
    policies,
  })
  behind.set(observed, fetch)
  return observed
}

function onClient(client: object, api: ModelApi, options: ClientOptions): () => void {
  const host = client as { fetch?: unknown }
  const { fetch } = host
  if (typeof fetch !== 'function') throw new TypeError('this is no client that asks with a fetch of its own')
  const observed = observing(fetch as Fetch, api, options)
  host.fetch = observed
  return () => {
    if (host.fetch === observed) host.fetch = fetch
  }
}

/** Clients set their `fetch` when they are made: a setter on what they inherit from is in the way. */
function onClass(made: { readonly prototype?: unknown }, api: ModelApi, options: ClientOptions): () => void {
  const { prototype } = made
  if (typeof prototype !== 'object' || prototype === null) throw new TypeError('this is no class of clients')
  Object.defineProperty(prototype, 'fetch', {
    configurable: true,
    get: () => undefined,
    set(this: object, fetch: unknown) {
      const value: unknown = typeof fetch === 'function' ? observing(fetch as Fetch, api, options) : fetch
      Object.defineProperty(this, 'fetch', { value, enumerable: true, configurable: true, writable: true })
    },
  })
  return () => void Reflect.deleteProperty(prototype, 'fetch')
}
