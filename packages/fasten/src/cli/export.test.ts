// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, symlinkSync, rmSync, writeFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createFasten } from '../capture/create.ts'
import { createCodeRegistry } from '../core/code.ts'
import { streams } from '../core/row.ts'
import { formatMicros, parseTime } from '../core/timestamp.ts'
import { openStore } from '../store/open.ts'
import { sha256 } from '../store/platform.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { spooled } from '../testing/store-contract.ts'
import { openShop, temporaryFolder, type Shop } from './fixtures/shop.ts'
import { runWords } from './fixtures/world.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

interface Checked {
  readonly status: number | null
  readonly verdict: string
  readonly notes: readonly string[]
  readonly logs: readonly {
    readonly log: string
    readonly rows_checked: number
    readonly rows_erased: number
    readonly rows_expired: number
    readonly breaks: readonly { readonly kind: string; readonly from_index: number }[]
    readonly notes: readonly string[]
  }[]
}

/** A shop that ran, signed its logs at the end, and is closed. */
async function closedShop(t: TestContext, refunds = 4): Promise<Shop> {
  const shop = openShop(t)
  for (let at = 0; at < refunds; at++) shop.refund(`order-${at}`)
  await shop.stored()
  await shop.fasten.close()
  return shop
}

/** What an auditor does: the verifier that lies in the pack, with keys from elsewhere (here: from row 0 of an untouched pack). */
function check(pack: string, keys: readonly string[], kept?: string): Checked {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(pack, 'verify.mjs'),
      pack,
      '--json',
      ...keys.flatMap((key) => ['--key', key]),
      ...(kept === undefined ? [] : ['--checkpoint', kept]),
    ],
    { encoding: 'utf8' },
  )
  assert.equal(stderr, '')
  return { status, ...(JSON.parse(stdout) as Omit<Checked, 'status'>) }
}

function keysOf(pack: string): string[] {
  const rows = readFileSync(join(pack, 'rows.jsonl'), 'utf8')
  return Array.from(rows.matchAll(/"public_key":"([^"]*)"/g), ([, key = '']) => key)
}

describe('fasten export', () => {
  it('writes a pack of every row that its own verifier passes, and the same bytes a second time', async (t) => {
    const shop = await closedShop(t)
    const folder = temporaryFolder(t)
    const [pack, again] = [join(folder, 'pack'), join(folder, 'again')]
    const ran = await runWords(['export', pack, '--store', shop.path])
    assert.equal(ran.exitCode, 0, ran.err)
    assert.match(ran.out, /^_\/shop\/edge-07\/audit {2}9 rows, signed up to 9$/m)
    const keys = keysOf(pack)
    assert.equal(keys.length, 3)
    const { status, verdict, logs } = check(pack, keys)
    assert.deepEqual([status, verdict, logs.map((log) => log.rows_checked)], [0, 'PASS', [5, 9, 5]])
    assert.equal(check(pack, keys.slice(0, 2)).status, 4)

    assert.equal((await runWords(['export', again, '--store', shop.path])).exitCode, 0)
    const files = readdirSync(pack, { recursive: true, encoding: 'utf8' }).sort()
    assert.deepEqual(readdirSync(again, { recursive: true, encoding: 'utf8' }).sort(), files)
    for (const file of files.filter((name) => name.includes('.')))
      assert.deepEqual(readFileSync(join(again, file)), readFileSync(join(pack, file)), file)
    const refused = await runWords(['export', pack, '--store', shop.path])
    assert.deepEqual([refused.exitCode, refused.err.startsWith('BAD_ARGUMENT')], [2, true])
  })

  it('is no pack any more where a file is a link to elsewhere', async (t) => {
    const shop = await closedShop(t)
    const pack = join(temporaryFolder(t), 'pack')
    await runWords(['export', pack, '--store', shop.path])
    const [rows, elsewhere] = [join(pack, 'rows.jsonl'), join(pack, 'elsewhere')]
    writeFileSync(elsewhere, readFileSync(rows))
    rmSync(rows)
    symlinkSync(elsewhere, rows)
    const { status, stderr } = spawnSync(process.execPath, [join(pack, 'verify.mjs'), pack], {
      encoding: 'utf8',
    })
    assert.deepEqual([status, /is no regular file/.test(stderr)], [2, true])
  })

  it('proves the rows that a filter selects, one by one', async (t) => {
    const shop = await closedShop(t)
    const [whole, pack] = [join(temporaryFolder(t), 'whole'), join(temporaryFolder(t), 'pack')]
    await runWords(['export', whole, '--store', shop.path])
    const ran = await runWords(['export', pack, '--store', shop.path, '--request-id', 'order-2'])
    assert.equal(ran.exitCode, 0, ran.err)
    const { verdict, logs } = check(pack, keysOf(whole))
    assert.equal(verdict, 'PASS')
    assert.deepEqual(
      logs.map((log) => [log.rows_checked, log.notes]),
      [1, 2, 1].map((rows) => [rows, ['selected_rows_only']]),
    )
    const none = await runWords(['export', join(pack, 'none'), '--store', shop.path, '--code', 'NO_SUCH_*'])
    assert.deepEqual([none.exitCode, /proves nothing/.test(none.err)], [1, true])
  })

  it('shows part of a log, with the hashes around it', async (t) => {
    const shop = await closedShop(t)
    const [whole, pack] = [join(temporaryFolder(t), 'whole'), join(temporaryFolder(t), 'pack')]
    await runWords(['export', whole, '--store', shop.path])
    const range = ['--stream', 'audit', '--from-seq', '3', '--to-seq', '6']
    await runWords(['export', pack, '--store', shop.path, ...range])
    const { verdict, logs } = check(pack, keysOf(whole))
    assert.deepEqual([verdict, logs[0]?.rows_checked, logs[0]?.notes], ['PASS', 4, ['part_of_the_log']])
  })

  it('makes evidence of a store that was tampered with, and the verifier names the damage', async (t) => {
    const shop = await closedShop(t)
    const folder = temporaryFolder(t)
    await runWords(['export', join(folder, 'honest'), '--store', shop.path])
    const keys = keysOf(join(folder, 'honest'))
    const damages: readonly (readonly [string, string, string, number])[] = [
      [
        'edited',
        `UPDATE audit_log SET leaf = replace(leaf, '120.00', '920.00') WHERE monotonic_seq = 3`,
        'hash_mismatch',
        3,
      ],
      ['deleted', 'DELETE FROM audit_log WHERE monotonic_seq = 4', 'rows_missing', 4],
    ]
    for (const [name, sql, kind, at] of damages) {
      const database = openBeside(shop.path)
      database.exec(`${dropGuards(database)} BEGIN; ${sql}; COMMIT`)
      database.close()
      const pack = join(folder, name)
      assert.equal((await runWords(['export', pack, '--store', shop.path])).exitCode, 0)
      const { status, logs } = check(pack, keys)
      assert.equal(status, 3, name)
      assert.ok(
        logs.some((log) => log.breaks.some((each) => each.kind === kind && each.from_index === at)),
        `${name}: ${JSON.stringify(logs)}`,
      )
    }
  })

  it('is followed from an old key to a new one, and from an older checkpoint', async (t) => {
    const shop = await closedShop(t)
    const folder = temporaryFolder(t)
    const [first, second] = [join(folder, 'first'), join(folder, 'second')]
    await runWords(['export', first, '--store', shop.path])
    const keys = keysOf(first)
    const log = '_/shop/edge-07/audit'
    const kept = join(folder, 'kept')
    const { out } = await runWords(['checkpoint', '--log', log, '--store', shop.path])
    writeFileSync(kept, out)
    assert.equal((await runWords(['key', 'rotate', '--store', shop.path])).exitCode, 0)
    const again = openShop(t, shop.folder)
    again.refund('later')
    await again.stored()
    await again.fasten.close()
    const part = ['--store', shop.path, '--log', log, '--from-seq', '2', '--to-seq', '3']
    const held = await runWords(['export', second, ...part, '--checkpoint', kept])
    assert.equal(held.exitCode, 0, held.err)
    const { verdict, logs, notes } = check(second, keys, kept)
    assert.deepEqual([verdict, notes, logs[0]?.notes], ['PASS', [], ['key_rotated', 'part_of_the_log']])
    const bare = join(folder, 'bare')
    await runWords(['export', bare, ...part])
    assert.equal(check(bare, keys, kept).verdict, 'INCOMPLETE')
    const whole = join(folder, 'whole')
    await runWords(['export', whole, '--store', shop.path])
    assert.equal(check(whole, keys, kept).verdict, 'PASS')
    const selected = join(folder, 'selected')
    await runWords([
      'export',
      selected,
      '--store',
      shop.path,
      '--request-id',
      'order-2',
      '--checkpoint',
      kept,
    ])
    assert.equal(check(selected, keys, kept).verdict, 'PASS')
  })

  it('publishes a log as tiles, goes on where it stopped, and refuses another history', async (t) => {
    const shop = openShop(t)
    const folder = join(temporaryFolder(t), 'tiles')
    const words = ['export', '--tiles', folder, '--store', shop.path, '--log', '_/shop/edge-07/audit']
    for (let at = 0; at < 140; at++) shop.refund(`first-${at}`)
    await shop.fasten.close()
    const first = await runWords(words)
    assert.equal(first.exitCode, 0, first.err)
    const full = readFileSync(join(folder, 'tile/0/000'))
    const again = openShop(t, shop.folder)
    again.refund('second')
    await again.fasten.close()
    const second = await runWords(words)
    assert.match(second.out, /281 rows there before/)
    assert.deepEqual(readFileSync(join(folder, 'tile/0/000')), full)
    assert.equal(readFileSync(join(folder, 'checkpoint'), 'utf8').split('\n')[1], '283')

    // Every entry hashes to its place in the tile, as any reader of tiled logs would check.
    const [hashes, entries] = [
      readFileSync(join(folder, 'tile/0/001.p/27')),
      readFileSync(join(folder, 'tile/entries/001.p/27')),
    ]
    let at = 0
    for (let index = 0; index < 27; index++) {
      const leaf = entries.subarray(at + 2, at + 2 + entries.readUInt16BE(at))
      at += 2 + leaf.length
      const hash = sha256(Buffer.concat([Buffer.of(0), leaf]))
      assert.equal(hash, hashes.toString('hex', index * 32, index * 32 + 32))
    }
    assert.equal(at, entries.length)

    const stranger = await closedShop(t)
    const refused = await runWords(words.map((word) => (word === shop.path ? stranger.path : word)))
    assert.deepEqual([refused.exitCode, refused.err.startsWith('TILES_DIVERGED')], [5, true])
  })

  it('asks for one folder, and says when a log is not signed', async (t) => {
    const shop = await closedShop(t)
    for (const words of [['export'], ['export', 'a', '--tiles', 'b']]) {
      const { exitCode, err } = await runWords([...words, '--store', shop.path])
      assert.deepEqual([exitCode, err.startsWith('BAD_ARGUMENT')], [2, true])
    }
    const several = await runWords(['export', '--tiles', 'b', '--store', shop.path])
    assert.deepEqual([several.exitCode, /add --log/.test(several.err)], [2, true])
    const unsigned = await runWords([
      'export',
      '--tiles',
      'b',
      '--store',
      shop.path,
      '--log',
      '_/no/such/audit',
    ])
    assert.deepEqual([unsigned.exitCode, unsigned.err.startsWith('LOG_UNSIGNED')], [5, true])
  })
})

/** Whoever owns the file can take its guards away; that is what proofs are for. */
function dropGuards(database: DatabaseSync): string {
  const triggers = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all()
  return triggers.map(({ name }) => `DROP TRIGGER "${String(name)}";`).join(' ')
}

describe('fasten export of what is gone', () => {
  it('a pack from before an erasure still passes, and one from after it explains what is gone', async (t) => {
    const folder = temporaryFolder(t)
    const env = {
      FASTEN_AUDIT_DSN: `sqlite:///${join(folder, 'rows.db')}`,
      FASTEN_KEY_DIR: join(folder, 'node'),
    }
    const registry = createCodeRegistry()
    registry.register('shop', { GIFT_SENT: { pii: { 'detail.email': 'detail.id' } } })
    const fasten = createFasten({
      registry,
      auditDsn: env.FASTEN_AUDIT_DSN,
      keyDir: env.FASTEN_KEY_DIR,
      serviceId: 'shop',
      nodeId: 'n1',
      stdout: 'none',
      exitHooks: false,
      // A crowded machine is no failure.
      flushTimeoutMs: 60_000,
    } as never)
    for (const name of ['ann', 'bob', 'ann'])
      fasten.emit({
        code: 'GIFT_SENT',
        target: 'gift:1',
        detail: { id: `user:${name}`, email: `${name}@example.org` },
      })
    await fasten.close()

    const [before, bare, after] = ['before', 'bare', 'after'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    const words = (pack: string, ...more: string[]): string[] => [
      'export',
      pack,
      '--stream',
      'audit',
      ...more,
    ]
    assert.equal((await runWords(words(before, '--disclose'), { env })).exitCode, 0)
    assert.equal((await runWords(words(bare), { env })).exitCode, 0)
    const keys = keysOf(before)
    assert.match(decoded(before), /ann@example.org.*bob@example.org/s)
    assert.doesNotMatch(readFileSync(join(bare, 'rows.jsonl'), 'utf8'), /example\.org/)

    const erased = await runWords(['erase', 'user:ann', '--basis', 'gdpr-17-1-b', '--yes'], { env })
    assert.equal(erased.exitCode, 0, erased.err + erased.out)
    const signed = await runWords(['checkpoint'], { env })
    assert.equal(signed.exitCode, 0, signed.err)
    assert.equal((await runWords(words(after, '--disclose'), { env })).exitCode, 0)
    for (const pack of [before, bare, after]) assert.equal(check(pack, keys).verdict, 'PASS', pack)
    assert.doesNotMatch(decoded(after), /ann@example/)
    assert.match(decoded(after), /bob@example/)
    assert.deepEqual(
      check(after, keys).logs.map((log) => [log.rows_erased, log.breaks]),
      [[2, []]],
    )
  })
})

describe('fasten export of what has expired', () => {
  it('shows the hash, and the row that says why no more is left, also where that lies outside of the range', async (t) => {
    const path = join(temporaryFolder(t), 'rows.db')
    const key = { kind: 'file', path: `${path}-keys/node.key`, isOurs: true } as const
    const dsn = { kind: 'sqlite', path, isMemory: false } as const
    const store = await openStore({ dsn, streams, signing: { key, memory: null } })
    const samples = createSampleDrafts()
    const timestamp = formatMicros(parseTime('2020-01-01', 0) ?? 0)
    const drafts = [1, 2, 3].map(() => samples.audit({ timestamp, retention_class: 'short' }))
    await store.append({
      spool: '00000000000000aa',
      position: 4n,
      drafts: [...drafts, samples.audit({ retention_class: 'permanent' })].map((draft) => spooled(draft)),
    })
    await store.close()
    const swept = await runWords(['retention', 'run', '-s', path])
    assert.equal(swept.exitCode, 0, swept.err)
    const signed = await runWords(['checkpoint', '-s', path])
    assert.equal(signed.exitCode, 0, signed.err)
    const keys = (await runWords(['key', 'show', '-s', path])).out.trim().split('\n')
    const folder = temporaryFolder(t)
    for (const [name, range, expired] of [
      ['whole', [], 3],
      ['part', ['--from-seq', '2', '--to-seq', '3'], 2],
    ] as const) {
      const pack = join(folder, name)
      const ran = await runWords(['export', pack, '-s', path, ...range])
      assert.equal(ran.exitCode, 0, ran.err)
      const { verdict, logs } = check(pack, keys)
      assert.deepEqual([verdict, logs[0]?.rows_expired], ['PASS', expired], JSON.stringify(logs))
    }
  })
})

/** The disclosures of a pack as an auditor reads them. */
function decoded(pack: string): string {
  const lines = readFileSync(join(pack, 'disclosures.jsonl'), 'utf8').trimEnd().split('\n')
  return lines
    .map((line) => (JSON.parse(line) as { readonly disclosure?: string }).disclosure ?? '')
    .map((text) => Buffer.from(text, 'base64url').toString())
    .join('\n')
}
