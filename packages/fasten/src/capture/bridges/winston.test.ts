// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import winston from 'winston'
import type { Row } from '../../core/row.ts'
import { bench } from '../fixtures/instance.ts'
import { withRequestID } from '../request-id.ts'
import { winstonFormat, winstonTransport } from './winston.ts'

test('lines that wait for a slow transport keep the ids of who logged them', async (t) => {
  const place = bench(t)
  const fasten = place.start({ stdout: ['none'], sys_dsn: place.dsn })
  const printed: { request_id?: string; of: string }[] = []
  const held: (() => void)[] = []
  let isSlow = true
  const log = (info: { readonly request_id?: string; readonly of: string }, done: () => void): void => {
    printed.push({ ...info })
    if (isSlow) held.push(done)
    else done()
  }
  const write = (info: Parameters<typeof log>[0], _encoding: string, done: () => void): void =>
    log(info, done)
  const slow = Object.assign(new Writable({ objectMode: true, write }), { log })
  const logger = winston.createLogger({
    format: winston.format.combine(winstonFormat() as winston.Logform.Format, winston.format.json()),
    transports: [slow, winstonTransport({ fasten })],
  })
  const child = logger.child({ part: 'stock' })
  // More than the buffers of all streams between hold: some wait to be formatted, some to be passed on.
  const request = (of: string): Promise<void> =>
    withRequestID(of, async () => {
      for (let line = 0; line < 100; line++) {
        ;(line % 2 === 0 ? logger : child).info(`line ${line}`, { of })
        await turn()
      }
    })
  await Promise.all([request('one'), request('two')])
  assert.ok(printed.length < 200, 'some wait')
  isSlow = false
  await withRequestID('three', async () => {
    for (let done = held.shift(); done !== undefined; done = held.shift()) done()
    while (printed.length < 200) await turn()
  })
  logger.info('outside', { of: 'nobody' })
  assert.ok(await fasten.flush(60_000))
  const stored = (await place.rows('sys')) as Extract<Row, { stream: 'sys' }>[]
  const rows = stored.map(
    ({ request_id, fields }) => `${request_id} ${JSON.stringify(fields['of']).slice(1, -1)}`,
  )
  const counts = (lines: readonly string[]): Record<string, number> =>
    Object.fromEntries(
      ['one one', 'two two'].map((line) => [line, lines.filter((one) => one === line).length]),
    )
  assert.deepEqual(counts(rows), { 'one one': 100, 'two two': 100 })
  assert.deepEqual(counts(printed.map(({ request_id, of }) => `${request_id} ${of}`)), {
    'one one': 100,
    'two two': 100,
  })
  assert.match(rows.find((line) => line.endsWith('nobody')) ?? '', /^orphan-/)
})
