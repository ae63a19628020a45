// SPDX-License-Identifier: Apache-2.0
// Some nodes' rows, made by the code that makes and judges rows, brought into a fleet's tables by COPY in big steps, with heads and trees; and the
// bodies of what comes after them, for the nodes to push.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseLogName, streams } from 'fasten/core'
import { sha256 } from 'fasten/store'
import { createPlacedRows } from 'fasten/store/replica'
import { Client } from 'pg'
import { copyRows } from '../../packages/fasten/src/store/postgres/replica/copy-rows.ts'
import { createFleetNode, rowsOfRequest, type FleetShape } from '../subjects/fleet-rows.ts'
import { bodyOf, packed } from '../subjects/push.ts'
import { answer } from './answer.ts'

export interface FleetFillParams {
  /** Of the database's owner. */
  readonly url: string
  readonly shape: FleetShape
  readonly nodes: readonly number[]
  /** Of each node, brought in by COPY; the rest of the shape's are left to be pushed. */
  readonly requests: number
  /** Requests of a node between which the other nodes' rows lie. */
  readonly step: number
  readonly folder: string
  /** Below these lies what the fleet itself has written. */
  readonly firstPosition: number
  readonly firstLogId: number
}

export interface FleetFillResult {
  /** Body of each node that is left to be pushed, by its number. */
  readonly bodies: Readonly<Record<number, string>>
}

const perRequest = streams.reduce((sum, stream) => sum + rowsOfRequest[stream], 0)

await answer(
  async ({
    url,
    shape,
    nodes,
    requests,
    step,
    folder,
    firstPosition,
    firstLogId,
  }: FleetFillParams): Promise<FleetFillResult> => {
    const client = new Client({ connectionString: url, options: '-c search_path=fleet -c timezone=UTC' })
    await client.connect()
    const filled = nodes.map((number) => {
      const node = createFleetNode(shape, number)
      const logs = streams.map((stream, index) => ({
        stream,
        log: node.logs[stream],
        logId: firstLogId + number * streams.length + index,
        read: createPlacedRows(node.logs[stream], sha256),
        position: 0,
      }))
      return { number, node, logs }
    })
    let writing: Promise<void> = Promise.resolve()
    for (let done = 0; done < requests; done += step) {
      const count = Math.min(step, requests - done)
      for (const { number, node, logs } of filled) {
        let position = firstPosition + (done * shape.nodes + number * count) * perRequest
        const before = logs.map(({ stream }) => node.head(stream).head_hash)
        const rows = node.next(count)
        const batches = logs.map((log, index) => {
          let prev_hash = before[index] ?? ''
          const cells = rows[log.stream].map(({ leaf, hash, seq }) => {
            const row = log.read(leaf, { monotonic_seq: seq, prev_hash })
            if (!('hash' in row) || row.hash !== hash || row.content === null)
              throw new Error(`a row that was made is none: ${JSON.stringify(row)}`)
            prev_hash = hash
            row.content.cells[0] = ++position
            row.content.cells[1] = log.logId
            return row.content.cells
          })
          log.position = position
          const day = new Date((rows[log.stream][0]?.micros ?? 0) / 1000).toISOString().slice(0, 10)
          return { stream: log.stream, cells, day }
        })
        await writing
        writing = (async () => {
          for (const { stream, cells, day } of batches)
            await copyRows(client, `${stream}_log`, stream, cells, day)
        })()
      }
    }
    await writing
    const bodies: Record<number, string> = {}
    for (const { number, node, logs } of filled) {
      for (const { stream, log, logId, position } of logs) {
        const { size, head_hash } = node.head(stream)
        const { generation: _, ...parts } = parseLogName(log) ?? {}
        if (!('stream' in parts)) throw new TypeError(`${log} is no log`)
        await client.query(
          `INSERT INTO fasten_logs (log_id, table_name, base, log, size, head_hash, position, moved_at, replica_frontier)
          VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8)`,
          [
            logId,
            `${stream}_log`,
            log,
            size,
            head_hash,
            position,
            new Date(shape.endMicros / 1000).toISOString().replace('Z', '000Z'),
            node.tree(stream).frontier().join(' '),
          ],
        )
      }
      const from = streams.map((stream) => node.head(stream).size)
      const rows = node.next(shape.requests - requests)
      const path = join(folder, `tail-${number}`)
      const sections = streams.map((stream, index) => ({
        log: node.logs[stream],
        from: from[index] ?? 0,
        checkpoint: node.checkpoint(stream),
        leaves: rows[stream].map(({ leaf }) => leaf),
      }))
      writeFileSync(path, packed(bodyOf(sections), 'zstd'))
      bodies[number] = path
    }
    await client.end()
    return { bodies }
  },
)
