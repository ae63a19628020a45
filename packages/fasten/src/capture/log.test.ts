// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import pino from 'pino'
import winston from 'winston'
import type { SysRow } from '../core/row.ts'
import { pinoBridge } from './bridges/pino.ts'
import { winstonFormat, winstonTransport } from './bridges/winston.ts'
import { bench } from './fixtures/instance.ts'
import type { Logger } from './log.ts'
import { prettyLine } from './lines.ts'
import { withRequestID } from './request-id.ts'

const endOfTurn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('log', () => {
  it('takes event first, fields first and errors, and stamps the request', async (t) => {
    const { start, lines } = bench(t)
    const { log } = start()
    withRequestID('req-9', () => {
      log.info('user_created', { id: 7 })
      log.warn({ id: 8 }, 'user odd')
      log.error(new RangeError('too far'), 'saving')
      log.fatal('gone')
    })
    await endOfTurn()
    const seen = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      seen.map(({ shape, level, event, request_id, service_id }) => ({
        shape,
        level,
        event,
        request_id,
        service_id,
      })),
      [
        { shape: 'sys', level: 'info', event: 'user_created', request_id: 'req-9', service_id: 'shop' },
        { shape: 'sys', level: 'warn', event: 'user odd', request_id: 'req-9', service_id: 'shop' },
        { shape: 'sys', level: 'error', event: 'saving', request_id: 'req-9', service_id: 'shop' },
        { shape: 'sys', level: 'fatal', event: 'gone', request_id: 'req-9', service_id: 'shop' },
      ],
    )
    assert.deepEqual(seen[0]?.['fields'], { id: 7 })
    const { err } = (seen[2]?.['fields'] ?? {}) as { err: { name: string; message: string; stack: string } }
    assert.deepEqual([err.name, err.message], ['RangeError', 'too far'])
    assert.match(err.stack, /log\.test\.ts/)
  })

  it('cannot be made to forge one of our members, or a line', async (t) => {
    const { start, lines } = bench(t)
    const { log } = start()
    log.info('innocent\n{"shape":"audit","code":"FORGED"}', {
      shape: 'audit',
      level: 'fatal',
      event: 'x',
      request_id: 'spoofed',
      timestamp: 'never',
      ['__proto__']: { polluted: true },
    })
    await endOfTurn()
    assert.equal(lines.length, 1)
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
    assert.deepEqual(
      [line['shape'], line['level'], line['event']],
      ['sys', 'info', 'innocent\n{"shape":"audit","code":"FORGED"}'],
    )
    assert.notEqual(line['request_id'], 'spoofed')
  })

  it('redacts fields and event text', async (t) => {
    const { start, lines } = bench(t)
    const { log } = start()
    log.info('connecting to postgres://app:hunter2@db/shop', { password: 'hunter2', prompt_tokens: 812 })
    await endOfTurn()
    assert.doesNotMatch(lines.join(), /hunter2/)
    assert.match(lines.join(), /"prompt_tokens":812/)
  })

  it('makes nothing below its level, and lets it change at any time', async (t) => {
    const { start, lines } = bench(t)
    const { log } = start({ log_level: 'warn' })
    const child = log.child({ part: 'a' })
    log.info('no')
    log.level = 'debug'
    log.debug('yes')
    child.info('still no')
    assert.equal(log.isLevelEnabled('debug'), true)
    assert.throws(() => (log.level = 'loud' as never), /no level/)
    await endOfTurn()
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { event: string }).event),
      ['yes'],
    )
  })

  it('gives children their fields and name; the call wins over them', async (t) => {
    const { start, lines } = bench(t)
    const { log } = start()
    log.child({ logger: 'billing', tenant: 'acme' }).child({ part: 2 }).info('charged', { tenant: 'other' })
    await endOfTurn()
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
    assert.deepEqual([line['logger'], line['fields']], ['billing', { part: 2, tenant: 'other' }])
  })

  it('keeps the newest lines in its ring, and all of them in a store when one is named', async (t) => {
    const { start, dsn, rows } = bench(t)
    const ringing = start({ sys_ring_size: 3, stdout: [] })
    for (let index = 0; index < 10; index++) ringing.log.info(`event ${index}`)
    const ring = await ringing.sources().streams.sys.scan({ stream: 'sys', order: 'newest', limit: 100 })
    assert.deepEqual(
      ring.map(({ row }) => (row as SysRow).event),
      ['event 9', 'event 8', 'event 7'],
    )
    assert.ok(ring.every(({ hash }) => hash === null))
    assert.equal(ringing.stats().emitted, 0)

    const storing = start({ sys_dsn: dsn, stdout: [] })
    for (let index = 0; index < 10; index++) storing.log.info(`kept ${index}`)
    await storing.flush()
    assert.deepEqual(
      (await rows('sys')).map((row) => (row as SysRow).event),
      Array.from({ length: 10 }, (_, index) => `kept ${index}`),
    )
  })

  it('shows a person no escape sequence of a stranger', async (t) => {
    const { start } = bench(t)
    const shown: string[] = []
    const fasten = start({ log_format: 'pretty', writable: { write: (text) => shown.push(text) } })
    fasten.log.info('\u001b[2Jwiped \u202egnp.exe', { note: 'a\rb' })
    await endOfTurn()
    assert.ok(
      !shown.join('').includes('\u001b[2J') &&
        !shown.join('').includes('\u202e') &&
        !shown.join('').includes('\r'),
    )
    assert.match(shown.join(''), /\\u001b\[2Jwiped \\u202egnp\.exe note=a\\u000db/)
    assert.equal(typeof prettyLine, 'function')
  })
})

describe('an existing logger', () => {
  const sysRows = async (fasten: ReturnType<ReturnType<typeof bench>['start']>): Promise<SysRow[]> => {
    const rows = await fasten.sources().streams.sys.scan({ stream: 'sys', order: 'oldest', limit: 100 })
    return rows.map(({ row }) => row as SysRow)
  }

  it('pino: prints as before with the request id, and feeds the sys stream', async (t) => {
    const { start, lines } = bench(t)
    const fasten = start()
    const printed: string[] = []
    const logger = pino(
      { ...pinoBridge({ fasten }), name: 'web', base: { pid: 1 } },
      { write: (line: string) => void printed.push(line) },
    )
    withRequestID('req-p', () => {
      logger.info({ id: 7, password: 'hunter2' }, 'made %s', 'it')
      logger.child({ module: 'db' }).error(new TypeError('broken'))
    })
    assert.deepEqual(
      printed.map((line) => (JSON.parse(line) as { request_id: string }).request_id),
      ['req-p', 'req-p'],
    )
    const [first, second] = await sysRows(fasten)
    assert.deepEqual(
      {
        level: first?.level,
        event: first?.event,
        logger: first?.logger,
        request_id: first?.request_id,
        fields: first?.fields,
      },
      {
        level: 'info',
        event: 'made %s',
        logger: 'web',
        request_id: 'req-p',
        fields: { id: 7, password: '***', values: ['it'] },
      },
    )
    assert.deepEqual([second?.level, second?.event, second?.fields['module']], ['error', 'broken', 'db'])
    await endOfTurn()
    assert.deepEqual(lines, [], 'what pino printed is not printed twice')
  })

  it('winston: prints as before with the request id, and feeds the sys stream', async (t) => {
    const { start } = bench(t)
    const fasten = start()
    const printed: string[] = []
    const console = new Writable({ write: (chunk, _encoding, done) => (printed.push(String(chunk)), done()) })
    const logger = winston.createLogger({
      format: winston.format.combine(winstonFormat() as winston.Logform.Format, winston.format.json()),
      transports: [new winston.transports.Stream({ stream: console }), winstonTransport({ fasten })],
    })
    withRequestID('req-w', () => logger.warn('slow query', { ms: 712, token: 'abc' }))
    await endOfTurn()
    const rows = await sysRows(fasten)
    const row = rows.find(({ event }) => event === 'slow query')
    assert.deepEqual([row?.level, row?.request_id, row?.fields], ['warn', 'req-w', { ms: 712, token: '***' }])
    assert.equal((JSON.parse(printed[0] ?? '') as { request_id: string }).request_id, 'req-w')
  })
})

/** What a type must allow: pino's and the published SDKs' habits. */
export function habits(log: Logger): void {
  log.info('event')
  log.info('event', { a: 1 })
  log.error({ a: 1 }, 'message')
  log.error(new TypeError('x'))
  // @ts-expect-error -- a number is no event
  log.info(7)
}
