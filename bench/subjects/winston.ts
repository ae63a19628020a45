// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { join } from 'node:path'
import winston from 'winston'
import { checkLines } from './lines.ts'
import { orderNumber } from './order.ts'
import type { Subject } from './subject.ts'

/** Each call only queues; the formatting and writing happen later on the same thread. */
export const winstonFile: Subject = {
  title: 'winston, file',
  async open(dir) {
    const file = join(dir, 'winston.ndjson')
    const transport = new winston.transports.File({ filename: file })
    const log = winston.createLogger({
      format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
      defaultMeta: { service: 'bench' },
      transports: [transport],
    })
    return {
      call: (i) => {
        log.info('order placed', orderNumber(i))
      },
      async drain() {
        const finished = once(transport, 'finish')
        log.end()
        await finished
      },
      check: (count) => checkLines(file, count, (line) => line['amount']),
    }
  },
}
