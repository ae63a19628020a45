// SPDX-License-Identifier: Apache-2.0
import { Transform, pipeline, type Readable } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { Problem } from '../../web/problem.ts'

export interface BodyLimits {
  /** As they come in. */
  readonly body_bytes: number
  /** Behind gzip or zstd. */
  readonly unpacked_bytes: number
}

/**
 * The unpacked bytes of a body, chunk by chunk, as fast as they are taken. Bounded on both sides of the packing, so that a small body which unpacks
 * into a large one costs no more than a large one; zstd may not ask for a window above 8 MiB either.
 *
 * Throws Problem 413 `BODY_TOO_LARGE`, 415 `ENCODING_UNKNOWN`, 400 `BODY_MALFORMED` for damaged packing and `BODY_TRUNCATED` when the sender
 * went away. The body is not read further then.
 */
export async function* readBody(
  body: Readable,
  encoding: string | undefined,
  limits: BodyLimits,
): AsyncGenerator<Buffer> {
  const unpack = unpackerOf(encoding)
  const stages = [
    atMost(limits.body_bytes, 'as it is sent'),
    ...(unpack === undefined ? [] : [unpack, atMost(limits.unpacked_bytes, 'unpacked')]),
  ]
  const last = stages.at(-1) as Transform
  // What goes wrong is thrown by the loop below, which reads the last stage.
  pipeline([body, ...stages], () => {})
  try {
    for await (const chunk of last) yield chunk as Buffer
  } catch (error) {
    throw problemOf(error)
  } finally {
    last.destroy()
  }
}

function unpackerOf(encoding: string | undefined): Transform | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return undefined
    case 'gzip':
      return createGunzip({ chunkSize })
    case 'zstd':
      return createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 23 } })
    default:
      throw new Problem(415, 'ENCODING_UNKNOWN', 'bodies are packed with gzip, zstd or not at all')
  }
}

/** Of unpacked bytes: four times the usual, a quarter of the turns. */
const chunkSize = 65_536

function atMost(bytesMax: number, how: string): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes <= bytesMax) done(null, chunk)
      else done(new Problem(413, 'BODY_TOO_LARGE', `the body has more than ${bytesMax} bytes ${how}`))
    },
  })
}

function problemOf(error: unknown): unknown {
  if (error instanceof Problem) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  // Of zlib: Z_DATA_ERROR, Z_BUF_ERROR (it ends too early), ZSTD_error_…
  if (code === 'Z_BUF_ERROR') return truncated(error)
  if (/^(Z_|ZSTD_|ERR_ZSTD|ERR_TRAILING_JUNK|ERR_BUFFER)/.test(code))
    return new Problem(400, 'BODY_MALFORMED', 'the packing of the body is damaged', { cause: error })
  if (/^(ECONNRESET|ERR_STREAM_PREMATURE_CLOSE|ABORT_ERR)$/.test(code)) return truncated(error)
  return error
}

const truncated = (cause: unknown): Problem =>
  new Problem(400, 'BODY_TRUNCATED', 'the body ended before it was complete', {
    cause,
    hint: 'what is stored is stored: ask for the places and go on from there',
  })
