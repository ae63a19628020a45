// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fasten, {
  background,
  currentRequestID,
  mintID,
  mintSentinel,
  withRequestID,
  type EmitInput,
} from './index.ts'
import type { AuditRow } from '../core/row.ts'

describe('the front door', () => {
  let folder: string
  const lines: string[] = []
  const quiet = {
    writable: { write: (text: string) => lines.push(...text.trimEnd().split('\n')) },
    notices: { write: () => true },
  }
  const options = (): Parameters<typeof fasten.init>[0] => ({
    service_id: 'door',
    node_id: 'n',
    audit_dsn: `sqlite:///${join(folder, 'a.db')}`,
    exit_hooks: false,
    flush_timeout_ms: 60_000,
    ...quiet,
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fasten-door-'))
    lines.length = 0
  })
  afterEach(async () => {
    await fasten.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const stored = async (): Promise<AuditRow[]> => {
    await fasten.flush()
    const rows = await fasten.sources().streams.audit.scan({ stream: 'audit', order: 'stored', limit: 1000 })
    return rows.map(({ row }) => row as AuditRow).slice(1)
  }

  it('refuses to emit before init, as the programmer’s mistake it is', () => {
    assert.throws(
      () => fasten.emit({ code: 'X', target: 'y' }),
      /emit\(\) was called before fasten\.init\(\)/,
    )
    assert.equal(fasten.currentFasten(), undefined)
  })

  it('keeps log lines from before init and writes them then', async () => {
    fasten.log.child({ part: 'boot' }).info('early', { n: 1 })
    fasten.init(options())
    fasten.log.info('late')
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const seen = lines.map((line) => JSON.parse(line) as { event: string; fields: object })
    assert.deepEqual(
      seen.map(({ event, fields }) => [event, fields]),
      [
        ['early', { part: 'boot', n: 1 }],
        ['late', {}],
      ],
    )
  })

  it('starts again with other options, and stores what the first instance had accepted', async () => {
    fasten.register('door', { DOOR_OPENED: { category: 'door', action: 'open' } })
    fasten.init(options())
    const input: EmitInput<'DOOR_OPENED'> = { code: 'DOOR_OPENED', target: 'front' }
    fasten.emit(input)
    fasten.init({ ...options(), tenant_id: 'acme' })
    fasten.emit({ code: 'DOOR_OPENED', target: 'back' })
    await fasten.flush()
    const deadline = performance.now() + 60_000
    while (
      (await fasten.sources().streams.audit.scan({ stream: 'audit', order: 'stored', limit: 9 })).length <
        4 &&
      performance.now() < deadline
    )
      await new Promise((resolve) => setTimeout(resolve, 20))
    const rows = await fasten
      .sources()
      .streams.audit.scan({ stream: 'audit', filter: { code: 'DOOR_OPENED' }, order: 'stored', limit: 9 })
    assert.deepEqual(rows.map(({ row }) => (row as AuditRow).target).sort(), ['back', 'front'])
  })

  it('loads code files, checks detail against them in strict mode, and reloads', async () => {
    const file = join(folder, 'shop.codes.yaml')
    const yaml = (codes: string): void => writeFileSync(file, `domain: shop\ncodes:\n${codes}`)
    yaml(
      '  SHOP_SOLD:\n    category: sale\n    action: sell\n    detail:\n      required: [sku]\n      properties: { sku: string, quantity: integer }\n',
    )
    fasten.init({ ...options(), codes: [file], strict: true })
    fasten.emit({ code: 'SHOP_SOLD', target: 'order/1', detail: { sku: 'A', quantity: 2 } })
    assert.throws(
      () => fasten.emit({ code: 'SHOP_SOLD', target: 'order/1', detail: { quantity: 2 } }),
      /detail of SHOP_SOLD: .*sku/,
    )
    assert.throws(() => fasten.emit({ code: 'SHOP_SHUT', target: 'shop' }), /not registered/)
    yaml('  SHOP_SHUT:\n    category: shop\n    action: shut\n')
    await fasten.codes.reload()
    fasten.emit({ code: 'SHOP_SHUT', target: 'shop' })
    assert.equal(fasten.metaOf('SHOP_SOLD'), undefined)
    assert.match(fasten.dump(), /^SHOP_SHUT,shop,info$/m)
    assert.deepEqual(
      (await stored()).map(({ code }) => code),
      ['SHOP_SOLD', 'SHOP_SHUT'],
    )
  })

  it('refuses a DSN that asks for what there is not, at once and without the password', () => {
    assert.throws(
      () => fasten.init({ ...options(), audit_dsn: 'postgres://app:hunter2@db/shop?sslmode=maybe' }),
      (error: Error) => /"sslmode=maybe" in "postgres:\/\/app:\*\*\*@db/.test(error.message),
    )
    assert.equal(fasten.currentFasten(), undefined)
  })

  it('threads one id through nested and background work', async () => {
    assert.equal(currentRequestID(), null)
    const seen = await withRequestID('outer-1', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      return [
        currentRequestID(),
        background('bg', () => currentRequestID()),
        withRequestID('inner-1', () => currentRequestID()),
      ]
    })
    assert.deepEqual(seen, ['outer-1', 'outer-1', 'inner-1'])
    assert.match(
      String(background('sched', () => currentRequestID(), 'my svc')),
      /^sched-my_svc-[0-9a-f]{12}$/,
    )
    assert.match(mintID(), /^[0-9a-f]{12}$/)
    assert.match(mintSentinel('lib'), /^lib-svc-[0-9a-f]{12}$/)
    assert.throws(() => mintSentinel('martian' as never), /no kind of background work/)
    for (const bad of [undefined, null, '', 'with space', 'x'.repeat(129)])
      assert.match(String(withRequestID(bad, () => currentRequestID())), /^[0-9a-f]{12}$/)
  })
})
