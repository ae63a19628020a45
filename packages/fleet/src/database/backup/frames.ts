// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { FastenError } from 'fasten'

/** `note`: a JSON text. `rows`: a part of what COPY says of a table, cut anywhere. `end`: nothing comes after it. */
export type FrameKind = 'note' | 'rows' | 'end'

export interface Frame {
  readonly kind: FrameKind
  readonly payload: Buffer
  /** Where it begins in the file, in bytes. */
  readonly at: number
}

export interface FrameSink {
  note(value: object): Promise<void>
  /** Collects parts until they are worth a frame. */
  rows(part: Buffer): Promise<void>
  /** Writes what is left and the end; resolves with what tells this file from all others once everything is handed over. */
  end(): Promise<{ readonly digest: string; readonly bytes: number }>
}

const magic = Buffer.from('fasten-fleet-backup/1\n')
const kinds: readonly FrameKind[] = ['note', 'rows', 'end']
const headBytes = 1 + 4 + 32
const rowsBytes = 1 << 20
/** Far above what is ever written, and little enough for a machine that reads a forged file. */
const payloadBytesMax = 64 << 20

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/**
 * A backup as a file: a line that says what it is, then frames. Each is a byte for its kind, the length of its payload (4 bytes, big end first),
 * SHA-256(the digest before it ‖ kind ‖ payload), and the payload, compressed by itself. So damage is found at its place, and no
 * frame can be lost, moved or added; an `end` says that nothing is missing behind it.
 *
 * This is no signature: who can write the file can write another one. What the rows say is proven by their logs.
 */
export function frameSink(out: Writable): FrameSink {
  let digest: Buffer = sha256(magic)
  let bytes = 0
  let parts: Buffer[] = []
  let waiting = 0
  const write = async (piece: Buffer): Promise<void> => {
    bytes += piece.length
    if (out.errored !== null) throw out.errored
    if (!out.write(piece)) await drained(out)
  }
  const frame = async (kind: FrameKind, payload: Buffer): Promise<void> => {
    if (bytes === 0) await write(magic)
    const packed =
      payload.length === 0
        ? payload
        : await compress(payload, { params: { [constants.ZSTD_c_compressionLevel]: 3 } })
    digest = linked(digest, kind, packed)
    const head = Buffer.alloc(5)
    head.writeUInt8(kinds.indexOf(kind))
    head.writeUInt32BE(packed.length, 1)
    await write(Buffer.concat([head, digest, packed]))
  }
  const flush = async (): Promise<void> => {
    if (waiting === 0) return
    const payload = Buffer.concat(parts)
    parts = []
    waiting = 0
    await frame('rows', payload)
  }
  return {
    async note(value) {
      await flush()
      await frame('note', Buffer.from(JSON.stringify(value)))
    },
    async rows(part) {
      parts.push(part)
      waiting += part.length
      if (waiting >= rowsBytes) await flush()
    },
    async end() {
      await flush()
      await frame('end', Buffer.alloc(0))
      return { digest: digest.toString('hex'), bytes }
    },
  }
}

/**
 * The frames of a file, each once it is known to be what was written. The last one is the `end`, whose payload is the digest of the whole file.
 * Throws FastenError `FLEET_BACKUP_UNREADABLE` for another kind of file and `FLEET_BACKUP_DAMAGED` with the byte where the damage begins.
 */
export async function* readFrames(source: AsyncIterable<Buffer>, name: string): AsyncGenerator<Frame> {
  const bytes = byteReader(source)
  const first = await bytes.take(magic.length)
  if (!first.equals(magic))
    throw new FastenError(
      'FLEET_BACKUP_UNREADABLE',
      first.subarray(0, 20).equals(magic.subarray(0, 20))
        ? 'the backup has a form that this version does not know'
        : 'this is no backup of a fleet',
      { at: name, hint: 'give the file that `fleet backup` wrote, or update fleet' },
    )
  let digest: Buffer = sha256(magic)
  for (let number = 0; ; number++) {
    const { at } = bytes
    const damaged = (what: string, cause?: unknown): FastenError =>
      new FastenError('FLEET_BACKUP_DAMAGED', `frame ${number} ${what}`, {
        at: `${name}, byte ${at}`,
        hint: 'take another copy of this backup, or the backup before it; nothing of this one was restored',
        cause,
      })
    const head = await bytes.take(headBytes)
    if (head.length < headBytes) throw damaged(head.length === 0 ? 'is missing: the file was cut' : 'is cut')
    const kind = kinds[head.readUInt8()]
    const length = head.readUInt32BE(1)
    if (kind === undefined || length > payloadBytesMax) throw damaged('is not what was written')
    const packed = await bytes.take(length)
    if (packed.length < length) throw damaged('is cut')
    digest = linked(digest, kind, packed)
    if (!digest.equals(head.subarray(5))) throw damaged('is not what was written')
    if (kind === 'end') {
      if ((await bytes.take(1)).length > 0) throw damaged('is the end, and there is more behind it')
      yield { kind, payload: digest, at }
      return
    }
    let payload: Buffer
    try {
      payload = await decompress(packed, { maxOutputLength: payloadBytesMax })
    } catch (cause) {
      throw damaged('cannot be unpacked', cause)
    }
    yield { kind, payload, at }
  }
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

function linked(before: Buffer, kind: FrameKind, packed: Buffer): Buffer {
  return createHash('sha256')
    .update(before)
    .update(Buffer.from([kinds.indexOf(kind)]))
    .update(packed)
    .digest()
}

/** Resolves when there is room again, and rejects when there never will be. */
async function drained(out: Writable): Promise<void> {
  const gone = new AbortController()
  try {
    await Promise.race([
      new Promise<void>((resolve) => out.once('drain', resolve)),
      finished(out, { signal: gone.signal, readable: false }),
    ])
  } finally {
    gone.abort()
  }
}

interface ByteReader {
  /** How many bytes were taken. */
  readonly at: number
  /** So many bytes, or fewer at the end. */
  take(count: number): Promise<Buffer>
}

function byteReader(source: AsyncIterable<Buffer>): ByteReader {
  const iterator = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  let at = 0
  return {
    get at() {
      return at
    },
    async take(count) {
      const pieces = [held]
      let length = held.length
      while (length < count) {
        const { value, done } = await iterator.next()
        if (done === true) break
        pieces.push(value)
        length += value.length
      }
      const all = pieces.length === 1 ? held : Buffer.concat(pieces)
      held = all.subarray(count)
      const taken = all.subarray(0, count)
      at += taken.length
      return taken
    },
  }
}
