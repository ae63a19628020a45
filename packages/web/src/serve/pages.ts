// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a server sends for one request of a page or of a file that pages need. */
export interface PageAnswer {
  readonly status: 200 | 304
  readonly headers: Readonly<Record<string, string>>
  /** Left out with 304. */
  readonly body?: Uint8Array<ArrayBuffer>
}

export interface Pages {
  /**
   * The file at `path` (no query), or the page for every other path: what an address means is decided in the browser. Undefined for a file below
   * `/assets/` that there is not, which a page of an older build may still ask for.
   */
  answer(
    path: string,
    asked?: { readonly acceptEncoding?: string; readonly ifNoneMatch?: string },
  ): PageAnswer | undefined
  /** The page itself, for an address where there is nothing: it says so. Not kept by whoever gets it. */
  page(acceptEncoding: string): {
    readonly headers: Readonly<Record<string, string>>
    readonly body: Uint8Array<ArrayBuffer>
  }
}

/**
 * What browsers may load into these pages: files of this server and nothing else, no inline script or style, no frame around them, and no text that
 * becomes markup. Sent with every page.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const security: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

interface Loaded {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly brotli: Uint8Array<ArrayBuffer> | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly etag: string | undefined
}

/** Where the pages lie that were built with this package. */
export const builtPages = fileURLToPath(new URL('../../dist/page/', import.meta.url))

/** Reads all pages once; undefined where none are built in `folder`. Throws when a file of them cannot be read. */
export function loadPages(folder: string = builtPages): Pages | undefined {
  if (!existsSync(join(folder, 'index.html'))) return undefined
  const files = new Map<string, Loaded>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.br')) continue
    const file = join(entry.parentPath, entry.name)
    const path = `/${relative(folder, file).split(sep).join('/')}`
    files.set(path, load(file, path))
  }
  const page = files.get('/index.html')
  if (page === undefined) return undefined
  return {
    answer(path, { acceptEncoding = '', ifNoneMatch } = {}) {
      const file = files.get(path)
      if (file === undefined && path.startsWith('/assets/')) return undefined
      const { bytes, brotli, headers, etag } = file ?? page
      if (etag !== undefined && ifNoneMatch === etag) return { status: 304, headers }
      return brotli !== undefined && /\bbr\b/.test(acceptEncoding)
        ? { status: 200, headers: { ...headers, 'content-encoding': 'br' }, body: brotli }
        : { status: 200, headers, body: bytes }
    },
    page(acceptEncoding) {
      const { etag: _etag, ...headers } = page.headers
      const own = { ...headers, 'cache-control': 'no-store' }
      return page.brotli !== undefined && /\bbr\b/.test(acceptEncoding)
        ? { headers: { ...own, 'content-encoding': 'br' }, body: page.brotli }
        : { headers: own, body: page.bytes }
    },
  }
}

function load(file: string, path: string): Loaded {
  const bytes = new Uint8Array(readFileSync(file))
  const isNamedByHash = path.startsWith('/assets/')
  // Changes whenever the build does, because the page names every file by its hash.
  const etag = isNamedByHash
    ? undefined
    : `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  return {
    bytes,
    brotli: existsSync(`${file}.br`) ? new Uint8Array(readFileSync(`${file}.br`)) : undefined,
    etag,
    headers: {
      ...security,
      'content-type': types[extname(path)] ?? 'application/octet-stream',
      'cache-control': isNamedByHash ? 'public, max-age=31536000, immutable' : 'no-cache',
      vary: 'accept-encoding',
      ...(etag === undefined ? {} : { etag }),
    },
  }
}
