// SPDX-License-Identifier: Apache-2.0
import { Writable } from 'node:stream'
import type { Level } from '../../core/row.ts'
import type { Fasten } from '../engine.ts'
import { currentFasten } from '../init.ts'
import { lineIds } from './line-ids.ts'
import { keepOrigins, withinOrigin } from './winston-origin.ts'

/** A winston info object: `level`, `message`, and whatever was logged with them. */
interface WinstonInfo {
  level: string
  message: unknown
  [key: string]: unknown
}

const levelOfWord: Readonly<Record<string, Level>> = {
  silly: 'debug',
  debug: 'debug',
  verbose: 'debug',
  trace: 'debug',
  http: 'info',
  info: 'info',
  notice: 'info',
  data: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  crit: 'fatal',
  alert: 'fatal',
  emerg: 'fatal',
  fatal: 'fatal',
}

/**
 * A winston format that stamps `request_id` (and `trace_id`) on each line. Put it before the format that prints, in a logger that has the transport below: by itself it cannot
 * know whose line it is given once lines wait for a slow transport.
 *
 * @example winston.createLogger({ format: combine(winstonFormat(), json()), transports: [new transports.Console(), winstonTransport()] })
 */
export function winstonFormat(): { transform(info: WinstonInfo): WinstonInfo } {
  return {
    transform(info) {
      const { request_id, trace_id } = lineIds()
      if (request_id !== undefined) info['request_id'] ??= request_id
      if (trace_id !== undefined) info['trace_id'] ??= trace_id
      return info
    },
  }
}

/** What winston asks of a transport: a writable of info objects with a `log` of two arguments. */
export interface WinstonTransport extends Writable {
  log(info: WinstonInfo, done: () => void): void
}

/**
 * A winston transport that records each line in the sys stream, under the ids of the work that logged it, also where another transport is slow and lines
 * wait in the logger. For that it is given each logger it is added to. The other transports print as before.
 */
export function winstonTransport(options: { readonly fasten?: Fasten } = {}): WinstonTransport {
  function log(info: WinstonInfo, done: () => void): void {
    const {
      level,
      message,
      request_id: _requestId,
      trace_id: _traceId,
      timestamp: _timestamp,
      label,
      ...fields
    } = info
    withinOrigin(info, () => {
      ;(options.fasten ?? currentFasten())?.recordLog({
        level: levelOfWord[level] ?? 'info',
        event: typeof message === 'string' ? message : 'log',
        fields: typeof message === 'string' ? fields : { ...fields, message },
        logger: typeof label === 'string' ? label : undefined,
      })
    })
    done()
  }
  const transport = new Writable({
    objectMode: true,
    write: (info: WinstonInfo, _encoding, done) => log(info, done),
  })
  transport.on('pipe', keepOrigins)
  return Object.assign(transport, { log })
}
