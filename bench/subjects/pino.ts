// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { join } from 'node:path'
import { pino } from 'pino'
import { checkLines } from './lines.ts'
import { orderNumber } from './order.ts'
import type { Subject } from './subject.ts'

const settings = { base: { service: 'bench' } }

/** The line is in the file when the call returns. */
export const pinoSync: Subject = {
  title: 'pino, sync file',
  async open(dir) {
    const file = join(dir, 'pino.ndjson')
    const destination = pino.destination({ dest: file, sync: true })
    await once(destination, 'ready')
    const log = pino(settings, destination)
    return {
      call: (i) => log.info(orderNumber(i), 'order placed'),
      async drain() {
        destination.end()
        await once(destination, 'close')
      },
      check: (count) => checkLines(file, count, (line) => line['amount']),
    }
  },
}

/** Lines gather in memory up to 4 kB and are written by the thread pool; a crash loses them. */
export const pinoAsync: Subject = {
  title: 'pino, async file',
  async open(dir) {
    const file = join(dir, 'pino.ndjson')
    const destination = pino.destination({ dest: file, sync: false, minLength: 4096 })
    await once(destination, 'ready')
    const log = pino(settings, destination)
    return {
      call: (i) => log.info(orderNumber(i), 'order placed'),
      async drain() {
        destination.end()
        await once(destination, 'close')
      },
      check: (count) => checkLines(file, count, (line) => line['amount']),
    }
  },
}

/** Lines cross to a worker thread that writes the file; a crash loses what is on the way. */
export const pinoWorker: Subject = {
  title: 'pino, worker transport',
  async open(dir) {
    const file = join(dir, 'pino.ndjson')
    const transport = pino.transport({ target: 'pino/file', options: { destination: file } })
    await once(transport, 'ready')
    const log = pino(settings, transport)
    return {
      call: (i) => log.info(orderNumber(i), 'order placed'),
      async drain() {
        transport.end()
        await once(transport, 'close')
      },
      check: (count) => checkLines(file, count, (line) => line['amount']),
    }
  },
}
