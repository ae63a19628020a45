// SPDX-License-Identifier: Apache-2.0
import { Buffer } from 'node:buffer'
import type { ColumnValue } from '../../../core/columns.ts'
import type { StreamName } from '../../../core/row.ts'
import { rowColumns } from '../../row-tables.ts'
import { isNumber } from '../insert-rows.ts'
import type { CopyConnection, CopyIn, Queries } from './queries.ts'

/**
 * Inserts rows by one COPY, in binary. The server fills whole pages of a table before it writes them to its log and its indices, which an INSERT
 * never does; what `insertRows` says against COPY does not count here: the driver's time-out reaches this one, and the owner of a replica is
 * bound by no policy, under which COPY is refused. Measured: decision 0032.
 *
 * `cells` are in the order of `rowColumns`. Throws the driver's error; the transaction has then failed.
 */
export async function copyRows(
  client: Queries,
  table: string,
  stream: StreamName,
  rows: readonly (readonly ColumnValue[])[],
  today: string,
): Promise<void> {
  const names = rowColumns(stream)
  const text = `COPY ${table} (stored_on, ${names.join(', ')}) FROM STDIN WITH (FORMAT binary)`
  const bytes = messageOf(names.map(isNumber), rows, today)
  await new Promise<void>((resolve, reject) => {
    client.query(copyIn(text, bytes, (error) => (error === undefined ? resolve() : reject(error))))
  })
}

/** A statement as the driver runs those that are not its own. It calls `done` once: of a broken connection, too. */
function copyIn(text: string, bytes: Uint8Array, done: (error?: Error) => void): CopyIn {
  const self: CopyIn = {
    // The driver puts its time-out around this.
    callback: (error) => done(error ?? undefined),
    submit: (connection: CopyConnection) => connection.query(text),
    handleCopyInResponse: (connection) => void connection.stream.write(bytes),
    handleCommandComplete: () => {},
    handleReadyForQuery: () => self.callback(null),
    handleError: (error) => self.callback(error),
  }
  return self
}

/**
 * The data as one message of the protocol, and the message that ends them. In binary they are a head, for each row the number of its fields and
 * each field behind its length, and an end.
 */
function messageOf(
  areNumbers: readonly boolean[],
  rows: readonly (readonly ColumnValue[])[],
  today: string,
): Uint8Array {
  const day = Math.floor((Date.parse(`${today}T00:00:00Z`) - Date.UTC(2000, 0, 1)) / 86_400_000)
  let bytes = Buffer.allocUnsafe(head.length + rows.length * 1536 + 2)
  let at = head.copy(bytes)
  const room = (wanted: number): void => {
    if (at + wanted <= bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(bytes.length * 2, at + wanted))
    bytes.copy(larger, 0, 0, at)
    bytes = larger
  }
  for (const cells of rows) {
    room(10)
    at = bytes.writeInt16BE(cells.length + 1, at)
    at = bytes.writeInt32BE(4, at)
    at = bytes.writeInt32BE(day, at)
    for (let index = 0; index < cells.length; index++) {
      const cell = cells[index] ?? null
      if (cell === null) {
        room(4)
        at = bytes.writeInt32BE(-1, at)
      } else if (areNumbers[index] === true) {
        room(12)
        at = bytes.writeInt32BE(8, at)
        at = writeBigint(bytes, at, Number(cell))
      } else {
        const value = String(cell)
        room(4 + value.length * 3)
        const length = writeText(bytes, at + 4, value)
        at = bytes.writeInt32BE(length, at) + length
      }
    }
  }
  room(2 + done.length)
  at = bytes.writeInt16BE(-1, at)
  // The length counts itself, and not the letter before it.
  bytes.writeInt32BE(at - 1, 1)
  return bytes.subarray(0, at + done.copy(bytes, at))
}

/** The letter of data and room for their length; the signature, and no flags nor anything else in the data's head. */
const head = Buffer.from(`d\0\0\0\0PGCOPY\n\xff\r\n${'\0'.repeat(9)}`, 'latin1')
const done = Buffer.from('c\0\0\0\x04', 'latin1')

function writeBigint(bytes: Buffer, at: number, value: number): number {
  const high = Math.floor(value / 2 ** 32)
  return bytes.writeUInt32BE(value - high * 2 ** 32, bytes.writeInt32BE(high, at))
}

/** How many bytes it took. Short texts are nearly always ASCII, and a call into the runtime costs more than their letters. */
function writeText(bytes: Buffer, at: number, value: string): number {
  if (value.length > 40) return bytes.write(value, at)
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code >= 0x80) return bytes.write(value, at)
    bytes[at + index] = code
  }
  return value.length
}
