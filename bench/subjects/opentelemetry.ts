// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { SeverityNumber } from '@opentelemetry/api-logs'
import { BatchLogRecordProcessor, LoggerProvider, type ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { checkLines } from './lines.ts'
import { orderNumber } from './order.ts'
import type { Subject } from './subject.ts'

/**
 * The batch processor with the least an exporter can do: one JSON line per record, one write per batch. Its queue is
 * made large enough to keep every record; with the default of 2,048 it would drop most of a burst without a word, and
 * our check would rightly fail it.
 */
export const openTelemetryBatch: Subject = {
  title: 'OpenTelemetry logs, batch to file',
  async open(dir) {
    const path = join(dir, 'otel.ndjson')
    const file = openSync(path, 'a')
    const exporter = {
      export(records: ReadableLogRecord[], done: (result: { code: number }) => void) {
        let text = ''
        for (const record of records) text += `${lineOf(record)}\n`
        writeSync(file, text)
        done({ code: 0 })
      },
      forceFlush: async () => {},
      shutdown: async () => closeSync(file),
    }
    const provider = new LoggerProvider({
      processors: [
        new BatchLogRecordProcessor({ exporter, maxQueueSize: 1_000_000, maxExportBatchSize: 512 }),
      ],
    })
    const log = provider.getLogger('bench')
    return {
      call: (i) => {
        const { ship_to, ...attributes } = orderNumber(i)
        log.emit({
          severityNumber: SeverityNumber.INFO,
          body: 'order placed',
          attributes: { ...attributes, city: ship_to.city, zip: ship_to.zip },
        })
      },
      drain: () => provider.shutdown(),
      check: (count) =>
        checkLines(path, count, (line) => (line['attributes'] as { [member: string]: unknown })['amount']),
    }
  },
}

function lineOf(record: ReadableLogRecord): string {
  return JSON.stringify({
    time: record.hrTime,
    severity: record.severityNumber,
    body: record.body,
    attributes: record.attributes,
  })
}
