// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openNumber } from '../../core/open-number.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound, spooled } from '../../testing/store-contract.ts'
import { parseDsn } from '../dsn.ts'
import { openStore } from '../open.ts'
import { createSystemClock, createSystemRandom } from '../platform.ts'
import type { SpooledDraft, Store } from '../ports.ts'
import { sqlAt } from '../postgres/fixtures/places.ts'
import { startPostgres } from '../postgres/fixtures/server.ts'
import { discardQuarantine, quarantine } from '../quarantine.ts'
import { createFrameEncoder } from '../spool/frame.ts'
import { createSpoolWriter } from '../spool/writer.ts'
import { openBeside } from '../sqlite/fixtures/beside.ts'
import { eraseSubject, type EraseOptions, type ErasureReceipt } from './erase-subject.ts'
import { createKeyRing } from './key-ring.ts'
import type { PersonalStore } from './personal-store.ts'
import { createSealer } from './sealer.ts'

/** What arrives while an erasure is on its way: between its looks, from every place where a row can wait. */

const root = mkdtempSync(join(tmpdir(), 'fasten-erasure-'))
const server = await startPostgres()
after(async () => {
  await server.remove()
  rmSync(root, { recursive: true, force: true })
})

const random = createSystemRandom()
const clock = createSystemClock()
const ring = createKeyRing([random(32)], random)
const pseudonyms = ring.pseudonyms('', 'user:bob')

type NamedDraft = SpooledDraft & { readonly id: string }
const spool = '00000000000000cc'

/** Rows about Bob, of a process with data keys of its own. */
function createEmitter(boot_id: string): (target: string) => NamedDraft {
  const samples = createSampleDrafts({ boot_id })
  const sealer = createSealer({ ring, clock, random })
  return (target) => {
    const draft = samples.audit({ target })
    const sealing = sealer.start(draft.id, undefined)
    const value = { pointer: '/detail/email', name: 'email', value: 'bob@example.org', subject: 'user:bob' }
    const sd = { '/detail/email': sealing.commit(value) }
    return { ...spooled({ ...draft, sd }), sealed: Buffer.from(sealing.sealed() ?? ''), id: draft.id }
  }
}

const engines = [
  {
    name: 'SQLite',
    makeDsn: async (folder: string) => `sqlite:///${join(folder, 'rows.db')}`,
    async insert(dsn: string, key: string, frame: Uint8Array) {
      const database = openBeside(dsn.slice('sqlite:///'.length))
      database.prepare("INSERT INTO fasten_outbox (key, frame, at) VALUES (?, ?, '')").run(key, frame)
      database.close()
    },
  },
  {
    name: 'Postgres',
    makeDsn: () => server.freshStore(),
    async insert(dsn: string, key: string, frame: Uint8Array) {
      const [row] = await server.query("SELECT value FROM fasten_meta WHERE key = 'store_id'", [], dsn)
      await server.query(
        'INSERT INTO fasten_outbox (key, frame, store_id) VALUES ($1, $2, $3)',
        [key, frame, row?.['value']],
        dsn,
      )
    },
  },
]

interface Case {
  readonly store: Store
  readonly personal: PersonalStore
  readonly spoolRoot: string
  readonly first: ReturnType<typeof createEmitter>
  readonly second: ReturnType<typeof createEmitter>
  /** Stores a row, as a drainer does. */
  append(draft: SpooledDraft): Promise<void>
  insert(draft: NamedDraft): Promise<void>
  /** Erases Bob; `between` runs at the last moment before the first transaction, `behind` right after it. */
  erase(at?: { between?: () => Promise<void> | void; behind?: () => Promise<void> }): Promise<ErasureReceipt>
}

for (const { name, makeDsn, insert } of engines) {
  const using = async (work: (one: Case) => Promise<void>): Promise<void> => {
    const folder = mkdtempSync(join(root, 'case-'))
    const text = await makeDsn(folder)
    const target = { dsn: parseDsn(text), streams: ['audit'] as const, keyDirectory: folder }
    const [store, drainer] = [await openStore(target), await openStore(target)]
    const { personal } = store
    assert.ok(personal)
    const spoolRoot = join(folder, 'spool')
    const second = createEmitter('00000000000000bb')
    let position = 0n
    await work({
      store,
      personal,
      spoolRoot,
      first: createEmitter('00000000000000aa'),
      second,
      async append(draft) {
        const { rejected } = await drainer.append({
          spool: '00000000000000aa',
          position: ++position,
          drafts: [draft],
        })
        assert.deepEqual(rejected, [])
      },
      async insert(draft) {
        const frame = createFrameEncoder()
        const open = openNumber(Buffer.from(draft.text).toString())
        const size = frame.encode(draft.log, open, Buffer.from(draft.sealed ?? '').toString())
        await insert(text, draft.id, Buffer.from(frame.bytes.subarray(0, size)))
      },
      erase({ between, behind } = {}) {
        let isFirst = true
        const erase: PersonalStore['erase'] = async (tombstone, deed) => {
          const acts = isFirst
          isFirst = false
          if (acts) await between?.()
          const logs = await personal.erase(tombstone, deed)
          if (acts) await behind?.()
          return logs
        }
        const options: EraseOptions = {
          store: { ...personal, erase, spoolPosition: (id) => store.spoolPosition(id) },
          ring,
          ledger: null,
          spoolRoot,
          tenant: '',
          subject: 'user:bob',
          basis: 'GDPR Art. 17(1)(b)',
          erased_at: '2031-03-01T12:00:00.000000Z',
        }
        return eraseSubject(options)
      },
    })
    await assertSound(store)
    await drainer.close()
    await store.close()
  }
  const hold = ({ store }: Case) =>
    store.pruner?.placeHold({ rows: { target: 'gift:99' }, reason: 'case 7', by: 'pat' })

  describe(`an erasure on ${name}`, () => {
    it('erases, and accounts for, a row that comes under a key of its own while it runs', () =>
      using(async (one) => {
        await one.append(one.first('gift:0'))
        const receipt = await one.erase({ behind: () => one.append(one.second('gift:99')) })
        assert.deepEqual([receipt.values, receipt.key_ids.length, receipt.is_complete], [2, 2, true])
        assert.deepEqual(await one.personal.keys.ofSubjects(pseudonyms), [])
        const graves = await one.personal.erased()
        assert.deepEqual(graves.flatMap(({ key_ids }) => key_ids).sort(), receipt.key_ids)
      }))

    it('leaves such a row its values when a hold keeps it', () =>
      using(async (one) => {
        await one.append(one.first('gift:0'))
        const placed = await hold(one)
        const attempt = one.erase({ behind: () => one.append(one.second('gift:99')) })
        await assert.rejects(attempt, { code: 'ERASURE_HELD', hint: /what was there before is erased/ })
        const [key, ...more] = await one.personal.keys.ofSubjects(pseudonyms)
        assert.ok(key !== undefined && more.length === 0)
        assert.deepEqual(
          (await one.personal.plan([key.id])).map(({ values }) => values),
          [1],
        )
        await one.store.pruner?.releaseHold(placed?.hold_id ?? '', 'pat', 'closed')
        const receipt = await one.erase()
        assert.deepEqual([receipt.values, receipt.key_ids], [1, [key.id]])
      }))

    const places = {
      'a spool': {
        put({ spoolRoot }: Case, { log, text, sealed }: SpooledDraft) {
          const writer = createSpoolWriter({ id: spool, directory: join(spoolRoot, spool) })
          writer.append(log, Buffer.from(text).toString(), Buffer.from(sealed ?? '').toString())
          writer.close()
        },
        take: ({ spoolRoot }: Case) => rmSync(join(spoolRoot, spool), { recursive: true }),
      },
      quarantine: {
        put({ spoolRoot }: Case, { log, text, sealed = Buffer.of() }: SpooledDraft) {
          const about = { code: 'ROW_TOO_LARGE', message: 'x', quarantined_at: '', spool, position: 0 }
          quarantine(spoolRoot, [{ name: 'one', kind: 'row', log, bytes: text, sealed, ...about }])
        },
        take: ({ spoolRoot }: Case) => discardQuarantine(spoolRoot, ['one']),
      },
      'the outbox': { put: (one: Case, draft: NamedDraft) => one.insert(draft), take: () => {} },
    }
    it('sees a held row that comes at the last moment into a spool, quarantine or the outbox', () =>
      using(async (one) => {
        mkdirSync(one.spoolRoot)
        await one.append(one.first('gift:0'))
        await hold(one)
        const keys = await one.personal.keys.ofSubjects(pseudonyms)
        for (const [place, { put, take }] of Object.entries(places)) {
          const draft = one.second('gift:99')
          const attempt = one.erase({ between: () => put(one, draft) })
          await assert.rejects(attempt, { code: 'ERASURE_HELD', message: /a row that waits/ }, place)
          assert.deepEqual(await one.personal.keys.ofSubjects(pseudonyms), keys)
          assert.deepEqual(await one.personal.erased(), [])
          take(one)
        }
      }))
  })
}

/** Resolves once so many sessions wait for a lock, or when `work` has ended without one. */
async function untilWaiting(url: string, sessions: number, work: Promise<unknown>): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  work.then(end, end)
  const waiting = async (): Promise<number> =>
    Number(
      (
        await server.query(
          "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
          [],
          url,
        )
      )[0]?.['n'],
    )
  while (!ended.signal.aborted && (await waiting()) < sessions)
    await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('an erasure on Postgres beside an open transaction', () => {
  it('waits for a batch that is being stored, and erases its values', async () => {
    const url = await server.freshStore()
    const target = { dsn: parseDsn(url), streams: ['audit'] as const, keyDirectory: root }
    const [store, drainer] = [await openStore(target), await openStore(target)]
    const counter = await sqlAt(url)
    await counter.begin()
    // The last thing that a batch takes: it has looked for buried keys by then.
    await counter.run("SELECT value FROM fasten_counters WHERE name = 'position' FOR UPDATE")
    const draft = createEmitter('00000000000000dd')('gift:0')
    const appending = drainer.append({ spool, position: 1n, drafts: [draft] })
    await untilWaiting(url, 1, appending)
    const { personal } = store
    const [key] = (await personal?.keys.ofSubjects(pseudonyms)) ?? []
    assert.ok(personal && key)
    const about = { tenant: '', basis: 'x', erased_at: '2031-03-01T12:00:00.000000Z' }
    const erasing = personal.erase({ ...about, subjects: pseudonyms, key_ids: [key.id] })
    await untilWaiting(url, 2, erasing)
    await counter.rollback()
    await appending
    assert.deepEqual(
      (await erasing).map(({ values }) => values),
      [1],
    )
    const boxes = await server.query('SELECT box FROM fasten_disclosures', [], url)
    assert.deepEqual(boxes, [{ box: null }])
    await counter.client.end()
    await drainer.close()
    await store.close()
  })

  it('answers a key that is being put', async () => {
    const url = await server.freshStore()
    const store = await openStore({ dsn: parseDsn(url), streams: ['audit'], keyDirectory: root })
    const { personal } = store
    assert.ok(personal)
    const other = await sqlAt(url)
    const id = 'a'.repeat(32)
    const made_at = '2031-03-01T00:00:00.000000Z'
    const { subject, kek, wrapped } = ring.wrap(random(32), { id, tenant: '', subject: 'user:bob', made_at })
    await other.begin()
    await other.run('INSERT INTO fasten_data_keys VALUES ($1, $2, $3, $4, $5, $6)', [
      id,
      '',
      subject,
      kek,
      made_at,
      wrapped,
    ])
    const about = { tenant: '', basis: 'x', erased_at: '2031-03-01T12:00:00.000000Z' }
    const destroying = personal.keys.destroy({ ...about, subjects: pseudonyms, key_ids: [] })
    await untilWaiting(url, 1, destroying)
    await other.commit()
    assert.deepEqual(await destroying, [id])
    await other.client.end()
    await store.close()
  })
})
