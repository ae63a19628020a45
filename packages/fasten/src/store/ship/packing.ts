// SPDX-License-Identifier: Apache-2.0
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'

export interface Packed {
  readonly body: Uint8Array
  readonly contentEncoding?: string
}

/** A way to make a body smaller; done off this thread. */
export type Packing = (body: Uint8Array) => Promise<Packed>

const gzip = promisify(zlib.gzip)

/** The packings that this Node.js has, the best first, and at last none: a fleet that does not know one gets the next. */
export function packings(): readonly Packing[] {
  // Node.js has it from 22.15 on.
  const zstd = (zlib as Partial<Pick<typeof zlib, 'zstdCompress'>>).zstdCompress
  return [
    ...(zstd === undefined
      ? []
      : [async (body: Uint8Array) => ({ body: await promisify(zstd)(body), contentEncoding: 'zstd' })]),
    async (body) => ({ body: await gzip(body, { level: 5 }), contentEncoding: 'gzip' }),
    async (body) => ({ body }),
  ]
}
