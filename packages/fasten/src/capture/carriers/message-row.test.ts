// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import type { ApiRow } from '../../core/row.ts'
import { createRecorder, type RecordedAccess } from '../../testing/http-shim-contract.ts'
import { currentContext, runWithContext } from '../context.ts'
import { bench } from '../fixtures/instance.ts'
import { createMessageRows, endWith, type MessageRowOptions } from './message-row.ts'

/** Rows as they were recorded, without what differs from run to run. */
function recording(options: MessageRowOptions = {}, isSkipped?: (address: string) => boolean) {
  const rows: RecordedAccess[] = []
  const fasten = createRecorder({ currentContext }, rows)
  return { begin: createMessageRows({ fasten, records: true, ...options }, isSkipped), rows }
}
const told = (rows: readonly RecordedAccess[]): unknown[] =>
  rows.map(({ context, ...row }) => ({ ...row, duration_us: 0, request_id: context?.request_id }))

describe('message rows', () => {
  test('a row says what happened to the message, in the context it set out in', async () => {
    const { begin, rows } = recording()
    const row = runWithContext({ request_id: 'r-1' }, () =>
      begin({ method: 'DELIVER', address: 'plant/1', route: 'plant/+', bytes_in: 7 }),
    )
    runWithContext({ request_id: 'another' }, () => row?.end())
    row?.end({ failure: new Error('too late') })
    const context = { request_id: 'r-2' }
    begin({ method: 'PUBLISH', address: 'plant/2', bytes_out: 3 }, context)?.end({
      status: 403,
      error: 'Denied',
    })
    assert.deepEqual(told(rows), [
      {
        method: 'DELIVER',
        path: 'plant/1',
        route: 'plant/+',
        status: 200,
        duration_us: 0,
        bytes_in: 7,
        request_id: 'r-1',
      },
      {
        method: 'PUBLISH',
        path: 'plant/2',
        status: 403,
        duration_us: 0,
        bytes_out: 3,
        error: 'Denied',
        request_id: 'r-2',
      },
    ])
    for (const { duration_us } of rows) assert.ok(Number.isInteger(duration_us) && duration_us >= 0)
  })

  test('none is left unless asked for, nor for what is skipped, nor without an instance', () => {
    const facts = { method: 'DELIVER', address: 'noise/1' }
    assert.equal(recording({ records: false }).begin(facts), undefined)
    assert.equal(recording({}, (address) => address.startsWith('noise/')).begin(facts), undefined)
    assert.equal(createMessageRows({ records: true, fasten: () => undefined })(facts), undefined)
  })

  test('it ends as the work ends, and the work ends as it would without', async () => {
    const { begin, rows } = recording()
    const start = () => begin({ method: 'DELIVER', address: 'a' })
    const failure = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    assert.equal(
      endWith(start(), () => 7),
      7,
    )
    assert.equal(await endWith(start(), async () => 8), 8)
    const fail = (): never => {
      throw failure
    }
    assert.throws(
      () => endWith(start(), fail),
      (thrown) => thrown === failure,
    )
    await assert.rejects(
      endWith(start(), async () => fail()),
      (thrown) => thrown === failure,
    )
    await assert.rejects(endWith(start(), () => Promise.reject(new RangeError('no'))))
    assert.equal(
      endWith(undefined, () => 9),
      9,
    )
    assert.deepEqual(
      rows.map(({ status, error }) => [status, error]),
      [
        [200, undefined],
        [200, undefined],
        [500, 'ECONNREFUSED'],
        [500, 'ECONNREFUSED'],
        [500, 'RangeError'],
      ],
    )
  })

  test('an address is escaped as a path is, and can be read back', async (t) => {
    const fasten = bench(t).start({ stdout: [] })
    const begin = createMessageRows({ records: true, fasten })
    const addresses = [
      'a/+/b/#',
      '$SYS/x',
      '/a?b/c',
      'line\r\nDELIVER b 200',
      'küche/\u202eevil',
      '100%',
      '\ud800',
      '',
    ]
    const long = ['x'.repeat(65_535), '€'.repeat(20_000)]
    for (const address of [...addresses, ...long]) begin({ method: 'DELIVER', address })?.end()
    const rows = await fasten.sources().streams.api.scan({ stream: 'api', order: 'oldest', limit: 100 })
    const paths = rows.map(({ row }) => (row as ApiRow).path)
    for (const path of paths) assert.match(path, /^[\x21-\x3e\x40-\x7e]*…?$/)
    assert.deepEqual(
      paths.slice(0, addresses.length).map(decodeURIComponent),
      addresses.map((address) => address.toWellFormed()),
    )
    for (const path of paths.slice(addresses.length))
      assert.ok(path.length < 4_097 && path.endsWith('…'), `${path.length} characters`)
  })

  test('what is on its way when the process exits says so', () => {
    const program = `
      import { createMessageRows } from ${JSON.stringify(new URL('message-row.ts', import.meta.url).href)}
      const fasten = { recordApi: (row) => process.stdout.write(JSON.stringify([row.path, row.status, row.error]) + '\\n') }
      const begin = createMessageRows({ records: true, fasten })
      begin({ method: 'PUBLISH', address: 'left' })
      begin({ method: 'PUBLISH', address: 'done' }).end()
    `
    const { stdout } = spawnSync(
      process.execPath,
      ['--conditions=fasten-source', '--input-type=module', '-e', program],
      { encoding: 'utf8' },
    )
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [
        ['done', 200, null],
        ['left', 500, 'exited'],
      ],
    )
  })

  test('wrong options are refused by name', () => {
    assert.throws(() => createMessageRows({ records: 'yes' as never }), {
      name: 'TypeError',
      message: /^records: /,
    })
    assert.throws(() => createMessageRows({ fasten: {} as never }), {
      name: 'TypeError',
      message: /^fasten: /,
    })
  })
})
