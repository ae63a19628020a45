// SPDX-License-Identifier: Apache-2.0
import { errorName } from './failure.ts'

/** What Express keeps about routing; all of it is looked at with suspicion, since versions differ. */
interface Layer {
  readonly route?: unknown
  readonly handle?: unknown
  /** Express 5.3 and newer. */
  readonly rawPath?: unknown
  /** Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: string | number }[]
}

interface App {
  readonly _router?: { readonly stack?: readonly Layer[] }
  readonly router?: { readonly stack?: readonly Layer[] }
  readonly stack?: readonly Layer[]
  readonly parent?: App
  readonly mountpath?: unknown
}

interface Routed {
  readonly app?: App
  readonly route?: { readonly path?: unknown }
  readonly baseUrl?: string
  readonly originalUrl?: string
}

/** The patterns of routes found by walking, so that each route is looked for once. */
const known = new WeakMap<object, string>()

/**
 * The pattern of the route that answered, mounts included as patterns (`/tenants/:tenant/items/:id`), or undefined when
 * none matched. Express itself only keeps the route's own part and the *text* of its mounts, and forgets that text when
 * an error passes through, so the layers are walked to find the way to the route.
 */
export function expressRouteOf(request: unknown): string | undefined {
  const req = request as Routed
  const { route } = req
  if (route === undefined || route === null || route.path === undefined) return undefined
  const found = known.get(route)
  if (found !== undefined) return found
  const own = patternText(route.path)
  const prefixes = req.app === undefined ? [] : prefixesOf(req.app, route)
  const [prefix] = prefixes
  if (prefixes.length !== 1 || prefix === undefined) return join(req.baseUrl ?? '', own)
  const pattern = join(prefix, own)
  known.set(route, pattern)
  return pattern
}

/** Where `route` is mounted; several places when one router is mounted twice, none when a mount cannot be told. */
function prefixesOf(innermost: App, route: object): readonly (string | undefined)[] {
  let prefix: string | undefined = ''
  let app = innermost
  while (app.parent !== undefined) {
    prefix = prefix === undefined ? undefined : join(patternText(app.mountpath ?? ''), prefix)
    app = app.parent
  }
  // A mounted application keeps its own layers; its way up is told by `mountpath`.
  return ways(stackOf(innermost), route, 0).map((way) =>
    prefix === undefined || way === undefined ? undefined : join(prefix, way),
  )
}

const depthMax = 16

function ways(stack: readonly Layer[], route: object, depth: number): (string | undefined)[] {
  if (depth > depthMax) return []
  return stack.flatMap((layer) => {
    if (layer.route === route) return ['']
    if (layer.route !== undefined || typeof layer.handle !== 'function') return []
    const below = ways(stackOf(layer.handle as App), route, depth + 1)
    if (below.length === 0) return []
    const mount = mountOf(layer)
    return below.map((way) => (mount === undefined || way === undefined ? undefined : join(mount, way)))
  })
}

function stackOf(router: App): readonly Layer[] {
  if (Array.isArray(router.stack)) return router.stack
  // In Express 4 `app.router` is a getter that throws, so the private name is asked first and excludes it.
  const inner =
    '_router' in router
      ? router._router
      : 'mountpath' in router || 'router' in router
        ? router.router
        : undefined
  return Array.isArray(inner?.stack) ? inner.stack : []
}

function mountOf(layer: Layer): string | undefined {
  if (layer.rawPath !== undefined) return patternText(layer.rawPath)
  if (layer.regexp === undefined) return undefined
  return layer.regexp.fast_slash === true ? '' : fromExpress4(layer.regexp, layer.keys ?? [])
}

const prefixEnd = '\\/?(?=\\/|$)'
/** What Express 4 makes of `/:name` and `/:name?`. */
const parameter = /\(\?:\\\/\(\[\^\\?\/\]\+\?\)\)(\?)?/g

/** Express 4 keeps a mount only as the expression made from it; undefined for one that was no plain path. */
function fromExpress4(regexp: RegExp, keys: NonNullable<Layer['keys']>): string | undefined {
  const { source } = regexp
  if (!source.startsWith('^') || !source.endsWith(prefixEnd)) return undefined
  let place = 0
  let text = source.slice(1, -prefixEnd.length)
  // Marked with what no path holds until the rest is known to be plain text.
  text = text.replace(
    parameter,
    (_group, isOptional: string | undefined) => `\\/\n${place++}${isOptional ?? ''}\n`,
  )
  const isPlain = place === keys.length && !/[()[\]?*+|^$]/.test(text.replace(/\n\d+\??\n/g, ''))
  if (!isPlain) return undefined
  return text
    .replace(/\\(.)/g, '$1')
    .replace(
      /\n(\d+)(\??)\n/g,
      (_mark, index: string, optional: string) => `:${String(keys[Number(index)]?.name)}${optional}`,
    )
}

function patternText(path: unknown): string {
  return Array.isArray(path) ? path.map(String).join(',') : String(path)
}

function join(mount: string, path: string): string {
  if (mount === '' || mount === '/') return path
  if (path === '' || path === '/') return mount
  return `${mount.endsWith('/') ? mount.slice(0, -1) : mount}${path}`
}

/** Registered by Express 5.3's router so that its copies share it. */
const publishedErrors = Symbol.for('router.tracing.publishedErrors')

/** The class of the first error Express saw pass through this request, if its version remembers that. */
export function expressErrorOf(request: unknown): string | undefined {
  const errors = (request as { readonly [publishedErrors]?: unknown })[publishedErrors]
  if (!(errors instanceof Set)) return undefined
  for (const error of errors) return errorName(error)
  return undefined
}
