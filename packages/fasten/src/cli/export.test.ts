// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { sha256 } from '../store/platform.ts'
import { openShop, temporaryFolder, type Shop } from './fixtures/shop.ts'
import { runWords } from './fixtures/world.ts'

interface Checked {
  readonly status: number | null
  readonly verdict: string
  readonly logs: readonly {
    readonly log: string
    readonly rows_checked: number
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
function check(pack: string, keys: readonly string[]): Checked {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(pack, 'verify.mjs'), pack, '--json', ...keys.flatMap((key) => ['--key', key])],
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
      const database = new DatabaseSync(shop.path)
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
