// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import type { ErasureReceipt } from '../store/privacy/erase-subject.ts'
import { loadSqliteDriver } from '../store/sqlite/driver.ts'
import { startPostgres } from '../store/postgres/fixtures/server.ts'
import { ask } from './fixtures/ask.ts'
import {
  emailOf,
  emitRows,
  filesIn,
  findings,
  newShop,
  openShop,
  people,
  root,
  type Shop,
} from './fixtures/gift-shop.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

/**
 * Show 4 of the third issue, by what an operator types: three people in shared rows, one of them erased. What was handed out before still
 * verifies, a byte search of every file finds nothing of the erased, and a backup that is put back is erased before it is served.
 */

const server = await startPostgres()
after(() => server.remove())
const rowsEach = 12
const verifier = fileURLToPath(new URL('../../../../spec/verify.mjs', import.meta.url))

interface Traces {
  /** Bytes of the person's encrypted values. */
  readonly boxes: readonly Uint8Array[]
  /** Their wrapped keys and look-ups. */
  readonly texts: readonly string[]
}

/** One database, as its operator can look into it, save it and put it back. */
interface Engine {
  readonly name: string
  /** Where its files are; null for a server whose files are not ours to read. */
  readonly files: () => string | null
  /** What may hold traces for longer, and is named in the receipt. */
  readonly isBeyondReach: (path: string) => boolean
  tracesOf(keyIds: readonly string[]): Promise<Traces>
  /** Somebody's ANALYZE takes samples of values, as the engine allows; resolves when files hold them. */
  analyze(): Promise<void>
  save(): Promise<() => Promise<void>>
  end(): Promise<void>
}

for (const start of [sqlite, postgres]) {
  test(`${start.name}: one of three people is erased`, async (t) => {
    const { shop, engine } = await start()
    const { env } = shop
    const told = (text: string): void => t.diagnostic(`${engine.name}: ${text}`)
    try {
      await work(shop, rowsEach)
      const secrets = people.map(emailOf)
      const plan = await ask(['erase', 'user:bob', '--json'], { env })
      const { key_ids } = JSON.parse(plan.out) as { key_ids: readonly string[] }
      const { boxes, texts } = await engine.tracesOf(key_ids)
      const traces = [...boxes, ...boxes.map((box) => Buffer.from(box).toString('base64')), ...texts]
      const places = [shop.folder, engine.files()].filter((path) => path !== null)
      const search = (needles: readonly (string | Uint8Array)[]): readonly string[] =>
        places.flatMap((place) => findings(place, needles))
      await engine.analyze()
      assert.ok(boxes.length > rowsEach && search(traces).length > 0, 'the search finds what is there')

      // Packs for an auditor, with and without the values, before.
      const [open, closed] = [pack(), pack()]
      await exported(shop, open, ['--disclose'])
      await exported(shop, closed, [])
      const before = [check(open), check(closed)]
      assert.deepEqual(
        before.map(({ verdict }) => verdict),
        ['PASS', 'PASS'],
      )
      assert.ok(readFileSync(join(open, 'disclosures.jsonl'), 'utf8').length > 0)
      const restore = await engine.save()

      const { out, exitCode, err } = await ask(
        ['erase', 'user:bob', '--basis', 'GDPR Art. 17(1)(b)', '--yes', '--json'],
        { env },
      )
      assert.equal(exitCode, 0, err)
      const receipt = JSON.parse(out) as ErasureReceipt
      assert.deepEqual([receipt.values, receipt.is_complete], [boxes.length, true])
      told(
        `${receipt.values} values in ${receipt.rows} rows erased, ${receipt.key_ids.length} keys destroyed`,
      )

      // Who holds a pack holds what is in it: it still verifies, values and all. A new one explains what is gone.
      assert.deepEqual([check(open), check(closed)], before)
      told('packs of before, with and without values: PASS, as before; their values are their holders’')
      const later = pack()
      // The rows that account for the erasure are evidence once they are signed.
      assert.equal((await ask(['checkpoint'], { env })).exitCode, 0)
      await exported(shop, later, ['--disclose'])
      const checked = check(later)
      assert.deepEqual([checked.verdict, checked.rows_erased], ['PASS', receipt.rows])
      const shown = readFileSync(join(later, 'disclosures.jsonl'), 'utf8')
      assert.ok(!disclosedBy(shown).includes(emailOf('bob')) && disclosedBy(shown).includes(emailOf('ann')))
      told(`a new pack: PASS, ${checked.rows_erased} rows erased and accounted for`)

      // Whose files everything lies in, the database's write-ahead log included: nobody's value in clear, nothing of bob's at all.
      const left = [...search(secrets), ...search(traces).filter((path) => !engine.isBeyondReach(path))]
      assert.deepEqual(left, [])
      const searched = places.flatMap(filesIn)
      told(
        `searched ${searched.length} files for ${secrets.length} values in clear and ${traces.length} traces of keys and encrypted values: 0 found`,
      )

      // The operator puts back what was saved, and services start again.
      await restore()
      assert.ok(!(await disclosedIn(shop)).includes(emailOf('bob')), 'not served, though it is there again')
      await work(shop, 1)
      const again = search(traces).filter((path) => !engine.isBeyondReach(path))
      assert.deepEqual(again, [])
      const served = await disclosedIn(shop)
      assert.ok(served.includes(emailOf('ann')) && served.includes(emailOf('eve')))
      const { out: verdict } = await ask(['verify', '--json'], { env })
      assert.equal((JSON.parse(verdict) as { verdict: string }).verdict, 'PASS')
      told('a restored backup: bob’s values were not served, and are destroyed again; verify says PASS')
    } finally {
      await engine.end()
    }
  })
}

async function work(shop: Shop, rows: number): Promise<void> {
  const fasten = openShop(shop)
  emitRows(fasten, rows)
  assert.equal(await fasten.flush(60_000), true)
  await fasten.checkpoint()
  await fasten.close()
}

const pack = (): string => mkdtempSync(join(root, 'pack-'))

async function exported({ env }: Shop, folder: string, more: readonly string[]): Promise<void> {
  const { exitCode, err } = await ask(['export', folder, ...more], { env })
  assert.equal(exitCode, 0, err)
}

/** As an auditor does it, with the verifier of this repository and the key that the log names. */
function check(folder: string): { readonly verdict: string; readonly rows_erased: number } {
  const rows = readFileSync(join(folder, 'rows.jsonl'), 'utf8')
  const keys = Array.from(rows.matchAll(/"public_key":"([^"]*)"/g), ([, key = '']) => ['--key', key]).flat()
  const { stdout, stderr } = spawnSync(process.execPath, [verifier, folder, '--json', ...keys], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  const { verdict, logs } = JSON.parse(stdout) as {
    verdict: string
    logs: readonly { rows_erased?: number }[]
  }
  return { verdict, rows_erased: logs.reduce((sum, { rows_erased = 0 }) => sum + rows_erased, 0) }
}

/** What the disclosures of a pack say once they are read. */
function disclosedBy(lines: string): string {
  return Array.from(lines.matchAll(/"disclosure":"([^"]*)"/g), ([, text = '']) =>
    Buffer.from(text, 'base64url').toString(),
  ).join('\n')
}

async function disclosedIn({ env }: Shop): Promise<string> {
  return (await ask(['query', '--disclose', '--json', '--all', '--stream', 'audit'], { env })).out
}

async function sqlite(): Promise<{ shop: Shop; engine: Engine }> {
  const shop = newShop()
  const parts = ['rows.db', 'rows.db-keys']
  return {
    shop,
    engine: {
      name: 'SQLite',
      files: () => null,
      isBeyondReach: () => false,
      async tracesOf(keyIds) {
        const rows = openBeside(join(shop.folder, 'rows.db'), { readOnly: true })
        const keys = openBeside(join(shop.folder, 'rows.db-keys/data-keys.db'), { readOnly: true })
        const boxes = keyIds.flatMap((id) =>
          rows.prepare('SELECT box, lookup FROM fasten_disclosures WHERE key_id = ?').all(id),
        )
        const wrapped = keyIds.flatMap((id) => keys.prepare('SELECT wrapped FROM keys WHERE id = ?').all(id))
        rows.close()
        keys.close()
        return tracesIn(boxes, wrapped)
      },
      async analyze() {
        // This build of SQLite samples indices; that of Node.js does not.
        const driver = await loadSqliteDriver('better-sqlite3')
        const rows = driver.open(join(shop.folder, 'rows.db'), { isReadOnly: false, busyTimeoutMs: 60_000 })
        rows.exec('ANALYZE')
        const samples = rows.prepare("SELECT sample FROM sqlite_stat4 WHERE tbl = 'fasten_disclosures'").all()
        assert.ok(samples.length > 0)
        rows.close()
      },
      async save() {
        const backup = mkdtempSync(join(root, 'backup-'))
        for (const name of parts) cpSync(join(shop.folder, name), join(backup, name), { recursive: true })
        return async () => {
          for (const name of parts) {
            rmSync(join(shop.folder, name), { recursive: true })
            cpSync(join(backup, name), join(shop.folder, name), { recursive: true })
          }
        }
      },
      end: async () => {},
    },
  }
}

async function postgres(): Promise<{ shop: Shop; engine: Engine }> {
  const url = await server.freshDatabase()
  const shop = newShop(url)
  const client = new Client(url)
  await client.connect()
  const directory = server.isOwn
    ? String((await client.query('SHOW data_directory')).rows[0]?.['data_directory'])
    : null
  const sampled = async (): Promise<readonly unknown[]> =>
    (
      await client.query(
        "SELECT attname FROM pg_stats WHERE schemaname = 'public' AND attname IN ('box', 'lookup', 'wrapped', 'frame')",
      )
    ).rows
  return {
    shop,
    engine: {
      name: 'Postgres',
      files: () => directory,
      // The receipt says so: the server recycles it, and nobody can erase from it.
      isBeyondReach: (path) => path.includes('pg_wal'),
      async tracesOf(keyIds) {
        const boxes = await client.query(
          'SELECT box, lookup FROM fasten_disclosures WHERE key_id = ANY($1)',
          [keyIds],
        )
        const keys = await client.query('SELECT wrapped FROM fasten_data_keys WHERE id = ANY($1)', [keyIds])
        return tracesIn(boxes.rows, keys.rows)
      },
      async analyze() {
        // As it went by itself before layout 7.
        await client.query(
          'ALTER TABLE fasten_disclosures ALTER COLUMN lookup SET STATISTICS -1, ALTER COLUMN box SET STATISTICS -1',
        )
        await client.query('ALTER TABLE fasten_data_keys ALTER COLUMN wrapped SET STATISTICS -1')
        await client.query('ANALYZE')
        await client.query('CHECKPOINT')
        assert.equal((await sampled()).length, 3)
      },
      async save() {
        // Outside of the server, as a dump is.
        const keys = (await client.query('SELECT * FROM fasten_data_keys')).rows
        const values = (await client.query('SELECT * FROM fasten_disclosures')).rows
        return async () => {
          // What a dump of before brings back: the values, the keys, and no memory of an erasure.
          for (const table of ['destroyed_keys', 'erased_subjects', 'tombstones', 'erased_keys'])
            await client.query(`DELETE FROM fasten_${table}`)
          for (const { id, tenant, subject, kek, made_at, wrapped } of keys)
            await client.query(
              'INSERT INTO fasten_data_keys VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING',
              [id, tenant, subject, kek, made_at, wrapped],
            )
          for (const { position, pointer, box, lookup } of values)
            await client.query(
              'UPDATE fasten_disclosures SET box = $3, lookup = $4 WHERE position = $1 AND pointer = $2',
              [position, pointer, box, lookup],
            )
        }
      },
      end: () => client.end(),
    },
  }
}

function tracesIn(
  boxes: readonly Readonly<Record<string, unknown>>[],
  keys: readonly Readonly<Record<string, unknown>>[],
): Traces {
  const lookups = boxes.flatMap(({ lookup }) => (typeof lookup === 'string' ? [lookup] : []))
  return {
    boxes: boxes.map(({ box }) => box as Uint8Array),
    texts: [...keys.map(({ wrapped }) => String(wrapped)), ...new Set(lookups)],
  }
}
