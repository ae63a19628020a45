// SPDX-License-Identifier: Apache-2.0
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'

export type Packing = 'zstd' | 'gzip'

export interface PushSection {
  readonly log: string
  readonly from: number
  readonly checkpoint: string
  readonly leaves: readonly Uint8Array[]
}

const newline = Buffer.from('\n')

/** A body of `POST /ingest/v1/rows`. */
export function bodyOf(sections: readonly PushSection[]): Buffer {
  return Buffer.concat(
    sections.flatMap(({ log, from, checkpoint, leaves }) => [
      Buffer.from(JSON.stringify({ log, from, count: leaves.length, checkpoint })),
      newline,
      ...leaves.flatMap((leaf) => [leaf, newline]),
    ]),
  )
}

/** At the lowest level, as nodes do it. */
export function packed(body: Uint8Array, packing: Packing): Buffer {
  return packing === 'gzip'
    ? gzipSync(body, { level: 1 })
    : zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}

/** Pushes bodies one after the other, each when the one before was answered. Throws unless every row of every section was taken and cosigned. */
export async function pushAll(
  url: string,
  credential: string,
  bodies: readonly Uint8Array[],
  packing: Packing,
): Promise<void> {
  for (const body of bodies) {
    const response = await fetch(`${url}/ingest/v1/rows`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${credential}`,
        'content-type': 'application/vnd.fasten.rows',
        'content-encoding': packing,
      },
      body: new Uint8Array(body),
    })
    const text = await response.text()
    if (response.status === 429 || response.status === 503) throw new Error(`the fleet wants less: ${text}`)
    const { results = [] } = JSON.parse(text) as {
      readonly results?: readonly {
        size: number
        signed_size: number
        cosignature?: string
        refused?: object
      }[]
    }
    const isTaken =
      response.status === 200 &&
      results.length > 0 &&
      results.every(
        ({ size, signed_size, cosignature, refused }) =>
          refused === undefined && cosignature !== undefined && size === signed_size,
      )
    if (!isTaken) throw new Error(`rows were not taken: ${response.status} ${text.slice(0, 500)}`)
  }
}
