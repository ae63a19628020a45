// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { streams, type Row } from '../core/row.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { assertSound, spooled } from '../testing/store-contract.ts'
import { createLedgerSink, storeAway, type FaultSite } from './fixtures/ledger-sink.ts'
import { createRoots } from './fixtures/spools.ts'
import { openStore } from './open.ts'
import type { RowSink, SpooledDraft, Store } from './ports.ts'
import { listQuarantine, quarantine, quarantineName, type QuarantineEntry } from './quarantine.ts'
import { retryQuarantine } from './quarantine-retry.ts'

const newRoot = createRoots()
const spool = '00112233445566aa'

const entryOf = (index: number, draft: SpooledDraft): QuarantineEntry => ({
  name: quarantineName(spool, 0, index),
  kind: 'row',
  code: 'ROW_TOO_LARGE',
  message: 'too large',
  quarantined_at: '2031-03-01T00:00:00.000000Z',
  spool,
  position: 0,
  log: draft.log,
  bytes: draft.text,
})

const openIn = (root: string): Promise<Store> =>
  openStore({ dsn: { kind: 'sqlite', path: join(root, 'rows.db'), isMemory: false }, streams })

/** Three rows that were refused, as they lie in quarantine, and the ids that they must be stored under. */
function refused(root: string): string[] {
  const samples = createSampleDrafts()
  const drafts = [samples.audit(), samples.sys(), samples.audit()]
  quarantine(
    root,
    drafts.map((draft, index) => entryOf(index, spooled(draft))),
  )
  return drafts.map(({ id }) => id)
}

async function idsIn(store: Store): Promise<string[]> {
  const rows: Row[] = []
  for (const stream of ['audit', 'sys'] as const)
    rows.push(...(await store.scan({ stream, order: 'stored', limit: 100 })).map(({ row }) => row))
  return rows.filter(({ monotonic_seq }) => monotonic_seq > 0).map(({ id }) => id)
}

/** The sink, with a fault at its `at`-th call of any kind. */
function faulty(sink: RowSink, at: number, site: FaultSite): RowSink {
  let calls = 0
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    const isHit = calls++ === at
    if (isHit && site === 'before') throw storeAway()
    const result = await work()
    if (isHit) throw storeAway()
    return result
  }
  return {
    append: (batch) => call(() => sink.append(batch)),
    spoolPosition: (id) => call(() => sink.spoolPosition(id)),
    forgetSpool: (id) => call(() => sink.forgetSpool(id)),
  }
}

describe('offering quarantined rows again', () => {
  it('stores what is taken now, and nothing is left of it in quarantine', async () => {
    const root = newRoot()
    const ids = refused(root)
    const store = await openIn(root)
    const outcomes = await retryQuarantine(root, store)
    assert.deepEqual(
      outcomes.map(({ name, kind }) => [name, kind]),
      [0, 1, 2].map((index) => [quarantineName(spool, 0, index), 'stored']),
    )
    assert.deepEqual((await idsIn(store)).toSorted(), ids.toSorted())
    assert.deepEqual(listQuarantine(root), [])
    await assertSound(store)
    await store.close()
  })

  it('dies at any call and is started again: each row is stored once', async () => {
    // Three entries of three calls each: where is it, take it, forget it.
    for (let at = 0; at < 9; at++) {
      for (const site of ['before', 'after'] as const) {
        const root = newRoot()
        const ids = refused(root)
        const store = await openIn(root)
        const about = `${site} call ${at}`
        await assert.rejects(retryQuarantine(root, faulty(store, at, site)), { code: 'STORE_AWAY' }, about)
        await retryQuarantine(root, store)
        assert.deepEqual((await idsIn(store)).toSorted(), ids.toSorted(), about)
        assert.deepEqual(listQuarantine(root), [], about)
        await assertSound(store)
        await store.close()
      }
    }
  })

  it('between the commit and the removal of the file it does not even offer the row again', async () => {
    const root = newRoot()
    const draft = spooled(createSampleDrafts().audit())
    quarantine(root, [entryOf(0, draft)])
    let isDead = false
    const sink = createLedgerSink({
      faultAt: ({ kind }) => (kind === 'append' && !isDead ? 'after' : undefined),
    })
    await assert.rejects(retryQuarantine(root, sink), { code: 'STORE_AWAY' })
    isDead = true
    assert.equal(listQuarantine(root).length, 1, 'nobody has said that it is stored')
    assert.deepEqual(
      (await retryQuarantine(root, sink)).map(({ kind }) => kind),
      ['stored'],
    )
    assert.deepEqual(
      [sink.rows.length, sink.offeredAgain, sink.calls.filter(({ kind }) => kind === 'append').length],
      [1, [], 1],
    )
    assert.deepEqual(listQuarantine(root), [])
  })

  it('two people at once store it once', async () => {
    const root = newRoot()
    const ids = refused(root)
    const [store, other] = [await openIn(root), await openIn(root)]
    await Promise.all([retryQuarantine(root, store), retryQuarantine(root, other)])
    assert.deepEqual((await idsIn(store)).toSorted(), ids.toSorted())
    assert.deepEqual(listQuarantine(root), [])
    await assertSound(store)
    await store.close()
    await other.close()
  })

  it('what is refused again stays, what is no row stays, and the others go on', async () => {
    const root = newRoot()
    const samples = createSampleDrafts()
    const tooLarge = spooled(samples.audit({ detail: { note: 'x'.repeat(70_000) } }))
    quarantine(root, [
      entryOf(0, tooLarge),
      { ...entryOf(1, tooLarge), kind: 'bytes', log: null, message: 'torn' },
      { ...entryOf(2, tooLarge), log: 'no log at all', message: 'of nobody' },
      entryOf(3, spooled(samples.audit())),
    ])
    const store = await openIn(root)
    const outcomes = await retryQuarantine(root, store)
    assert.deepEqual(
      outcomes.map(({ kind, message }) => [kind, message.replace(/\d+/g, 'n')]),
      [
        ['still_refused', 'ROW_TOO_LARGE: a leaf of n bytes exceeds n'],
        ['not_a_row', 'torn'],
        ['not_a_row', 'of nobody'],
        ['stored', 'stored'],
      ],
    )
    assert.deepEqual(
      listQuarantine(root).map(({ name }) => name),
      [0, 1, 2].map((index) => quarantineName(spool, 0, index)),
    )
    assert.equal((await idsIn(store)).length, 1)
    await store.close()
  })

  it('offers only what was named', async () => {
    const root = newRoot()
    refused(root)
    const sink = createLedgerSink()
    const outcomes = await retryQuarantine(root, sink, [quarantineName(spool, 0, 1), 'nothing'])
    assert.deepEqual(
      outcomes.map(({ name, kind }) => [name, kind]),
      [[quarantineName(spool, 0, 1), 'stored']],
    )
    assert.deepEqual([sink.rows.length, listQuarantine(root).length], [1, 2])
  })
})
