// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { genesis, leafBytesMax, leafHash } from '../core/chain.ts'
import { draftText } from '../core/leaf.ts'
import { logName } from '../core/log-name.ts'
import { readJson } from '../core/read-json.ts'
import type { Clean, Draft } from '../core/row.ts'
import { createLogVerifier } from '../core/verify.ts'
import { sha256 } from '../store/platform.ts'
import type { AppendBatch, EvidenceRow, RowSource, SpooledDraft, Store } from '../store/ports.ts'
import { createSampleDrafts, sampleTime } from './sample-drafts.ts'
import { describeSource } from './source-contract.ts'

/** One empty place for a store; what is opened on it shares its rows. */
export interface StorePlace {
  /** A writer on the place. Several may be open at once. */
  open(): Promise<Store>
  /**
   * Another process that runs `appendJob` on the place. Absent for stores that one process only can reach, which skip the cases
   * that need it.
   */
  start?(job: AppendJob): ChildProcess
  remove(): Promise<void>
}

/** What a second process is to do: append `batches` batches of `rowsPerBatch` drafts to its log, one after another. */
export interface AppendJob {
  readonly source_node_id: string
  readonly boot_id: string
  readonly spool: string
  readonly batches: number
  readonly rowsPerBatch: number
}

/**
 * What every store promises (store/ports.ts), asked of a fresh place for each case. Authors of stores run it in their own test file:
 * `describeStore('mine', makePlace)`. `skips` names cases by title, each with the reason.
 */
export function describeStore(
  name: string,
  makePlace: () => Promise<StorePlace>,
  skips: Readonly<Record<string, string>> = {},
): void {
  const it = (title: string, work: (place: StorePlace, store: Store) => Promise<void>): void => {
    test(title, { skip: skips[title] ?? false }, async () => {
      const place = await makePlace()
      const store = await place.open()
      try {
        await work(place, store)
      } finally {
        await store.close()
        await place.remove()
      }
    })
  }

  describe(`store contract: ${name}`, () => {
    it('drafts get dense places in the order they came, behind a row that tells of the log', async (_place, store) => {
      const samples = createSampleDrafts()
      const drafts = [samples.audit(), samples.sys(), samples.audit(), samples.api(), samples.audit()]
      const { appended, rejected } = await store.append(batch(drafts, 5))
      assert.deepEqual(rejected, [])
      assert.deepEqual(
        appended.map(({ id, log, monotonic_seq }) => ({ id, log, monotonic_seq })),
        drafts.map((draft, index) => ({
          id: draft.id,
          log: logName(draft),
          monotonic_seq: [1, 1, 2, 1, 3][index],
        })),
      )
      for (const head of await store.heads()) {
        const [first, ...rest] = await evidenceOf(store, head.log)
        const row = readJson(Buffer.from(first?.leaf ?? []).toString()) as Record<string, unknown>
        assert.match(JSON.stringify(row), /LOG_CREATED/)
        assert.deepEqual([row['monotonic_seq'], row['prev_hash'], row['log']], [0, genesis, head.log])
        assert.equal(rest.at(-1)?.hash, head.head_hash)
      }
      await assertSound(store)
    })

    it('each tenant, service, node and stream has a log of its own', async (_place, store) => {
      const drafts = [
        createSampleDrafts({ boot_id: '00000000000000a1' }).audit(),
        createSampleDrafts({ boot_id: '00000000000000a2', tenant_id: 'acme' }).audit(),
        createSampleDrafts({ boot_id: '00000000000000a3', service_id: 'a/b ~ä' }).audit(),
        createSampleDrafts({ boot_id: '00000000000000a4', source_node_id: 'edge-2' }).audit(),
        createSampleDrafts({ boot_id: '00000000000000a5' }).sys(),
      ]
      const { appended } = await store.append(batch(drafts, 1))
      assert.deepEqual(
        appended.map(({ monotonic_seq }) => monotonic_seq),
        [1, 1, 1, 1, 1],
      )
      assert.deepEqual(
        (await store.heads()).map(({ log }) => log).toSorted(),
        drafts.map((draft) => logName(draft)).toSorted(),
      )
      await assertSound(store)
    })

    it('leaf and hash come back as they were appended', async (_place, store) => {
      const samples = createSampleDrafts()
      const draft = samples.audit({
        target: 'Zürich 🚲 "\\\u0001',
        detail: { '10': 1, a: [1.5, null, { ü: '\ud83d\ude00' }] },
      })
      const { appended } = await store.append(batch([draft], 1))
      const [stored] = await store.scan({
        stream: 'audit',
        filter: { id: draft.id },
        order: 'newest',
        limit: 1,
      })
      const bytes = new TextEncoder().encode(stored?.leaf ?? '')
      assert.deepEqual([stored?.hash, leafHash(bytes, sha256)], [appended[0]?.hash, appended[0]?.hash])
      assert.deepEqual(placeless(stored?.row), draft)
      const [evidence] = await evidenceOf(store, logName(draft), 1)
      assert.deepEqual(Buffer.from(evidence?.leaf ?? []), Buffer.from(bytes))
    })

    it('the position is stored with the rows, exactly, and forgotten on demand only', async (place, store) => {
      const position = 2n ** 53n + 1n
      assert.equal(await store.spoolPosition(spool), 0n)
      await store.append({ ...batch([createSampleDrafts().audit()], 1), position })
      const again = await place.open()
      try {
        assert.deepEqual(
          [await store.spoolPosition(spool), await again.spoolPosition(spool)],
          [position, position],
        )
        assert.equal(await again.spoolPosition('00000000000000ff'), 0n)
        await again.forgetSpool(spool)
        assert.equal(await store.spoolPosition(spool), 0n)
      } finally {
        await again.close()
      }
    })

    it('an empty batch records its position and nothing else', async (_place, store) => {
      assert.deepEqual(await store.append(batch([], 7)), { appended: [], rejected: [] })
      assert.deepEqual([await store.spoolPosition(spool), await store.heads()], [7n, []])
    })

    it('bad drafts are named, all at once, and then nothing of the batch is stored', async (_place, store) => {
      const samples = createSampleDrafts()
      const kept = samples.audit()
      await store.append(batch([kept], 1))
      const good = [samples.audit(), samples.sys(), samples.audit()]
      const bad: SpooledDraft[] = [
        spooled(samples.audit({ detail: { note: 'x'.repeat(leafBytesMax) } })),
        { ...spooled(samples.audit()), text: new TextEncoder().encode('no draft') },
        { ...spooled(samples.audit()), text: new TextEncoder().encode('{"a":\0\0\0,}') },
        { ...spooled(samples.audit()), text: new Uint8Array([0x7b, 0xff, 0, 0x2c, 0, 0x2c, 0, 0x2c, 0x7d]) },
        { ...spooled(samples.audit()), log: '_/another/node/audit' },
        { ...spooled(samples.audit()), log: 'no log' },
        spooled(samples.audit({ id: kept.id })),
        spooled(samples.audit({ timestamp: '2031-03-01 10:00' })),
      ]
      const mixed = [
        spooled(good[0]),
        ...bad.slice(0, 4),
        spooled(good[1]),
        ...bad.slice(4),
        spooled(good[2]),
      ]
      const { appended, rejected } = await store.append({ spool, position: 20n, drafts: mixed })
      assert.deepEqual(appended, [])
      assert.deepEqual(
        rejected.map(({ index, code }) => [index, code]),
        [
          [1, 'ROW_TOO_LARGE'],
          [2, 'DRAFT_MALFORMED'],
          [3, 'DRAFT_MALFORMED'],
          [4, 'DRAFT_MALFORMED'],
          [6, 'DRAFT_MALFORMED'],
          [7, 'DRAFT_MALFORMED'],
          [8, 'ROW_DUPLICATE'],
          [9, 'DRAFT_MALFORMED'],
        ],
      )
      assert.equal(await store.spoolPosition(spool), 1n)
      assert.deepEqual(
        (await store.heads()).map(({ stream, size }) => [stream, size]),
        [['audit', 2]],
      )

      const retried = await store.append({
        spool,
        position: 20n,
        drafts: good.map((draft) => spooled(draft)),
      })
      assert.deepEqual(
        retried.appended.map(({ monotonic_seq }) => monotonic_seq),
        [2, 1, 3],
      )
      assert.equal(await store.spoolPosition(spool), 20n)
      await assertSound(store)
    })

    it('a batch that is tried again is answered with the places it has', async (place, store) => {
      const samples = createSampleDrafts()
      const first = batch([samples.audit(), samples.sys(), samples.audit()], 3)
      const answer = await store.append(first)
      assert.deepEqual(await store.append(first), answer)
      const again = await place.open()
      try {
        const more = samples.audit()
        const { appended } = await again.append({
          ...first,
          position: 4n,
          drafts: [...first.drafts, spooled(more)],
        })
        assert.deepEqual(appended.slice(0, 3), answer.appended)
        assert.deepEqual(appended[3]?.monotonic_seq, 3)
      } finally {
        await again.close()
      }
      assert.deepEqual((await store.heads()).map(({ size }) => size).toSorted(), [2, 4])
      await assertSound(store)
    })

    it('rows, heads and positions are there after closing and opening again', async (place, store) => {
      const samples = createSampleDrafts()
      await store.append(batch([samples.audit(), samples.audit()], 2))
      const [heads, position] = [await store.heads(), await store.position('audit')]
      await store.close()
      await store.close()
      const again = await place.open()
      try {
        assert.deepEqual(
          [await again.heads(), await again.position('audit'), await again.spoolPosition(spool)],
          [heads, position, 2n],
        )
        const { appended } = await again.append(batch([samples.audit()], 3))
        assert.equal(appended[0]?.monotonic_seq, 3)
        assert.ok((await again.position('audit')) > position)
        await assertSound(again)
      } finally {
        await again.close()
      }
    })

    it('a reader that follows positions sees every row once, in the order of the commits', async (place, store) => {
      const other = await place.open()
      try {
        const writers = [store, other].map((writer, index) => ({
          writer,
          samples: createSampleDrafts({ boot_id: `00000000000000b${index}` }),
        }))
        const sent: string[] = []
        const seen: string[] = []
        let after = { timestamp: '', position: 0 }
        for (let turn = 0; turn < 12; turn++) {
          const { writer, samples } = writers[turn % 2] as (typeof writers)[number]
          // Times run backwards, which must not matter to a follower.
          const drafts = [0, 1, 2].map((index) =>
            samples.audit({ timestamp: sampleTime(9000 - turn * 10 + index) }),
          )
          await writer.append({ ...batch(drafts, turn + 1), spool: `00000000000000c${turn % 2}` })
          sent.push(...drafts.map(({ id }) => id))
          const rows = await store.scan({ stream: 'audit', order: 'stored', after, limit: 2 + (turn % 4) })
          for (const { row, position } of rows) {
            assert.ok(position > after.position)
            after = { timestamp: row.timestamp, position }
            seen.push(row.id)
          }
        }
        const rest = await store.scan({ stream: 'audit', order: 'stored', after, limit: 1000 })
        seen.push(...rest.map(({ row }) => row.id))
        assert.deepEqual(
          seen.filter((id) => sent.includes(id)),
          sent,
        )
        assert.equal(new Set(seen).size, seen.length)
        assert.equal(rest.at(-1)?.position ?? after.position, await store.position('audit'))
      } finally {
        await other.close()
      }
    })

    it('evidence is every row of a log in its order, from and to where it is asked', async (_place, store) => {
      const samples = createSampleDrafts()
      const drafts = Array.from({ length: 300 }, () => samples.audit())
      await store.append(batch(drafts, 300))
      const log = logName(samples.audit())
      const seqs = async (from?: number, to?: number): Promise<number[]> =>
        (await evidenceOf(store, log, from, to)).map(({ monotonic_seq }) => monotonic_seq)
      assert.deepEqual(
        await seqs(),
        Array.from({ length: 301 }, (_, index) => index),
      )
      assert.deepEqual(await seqs(298), [298, 299, 300])
      assert.deepEqual((await seqs(5, 7)).slice(0, 3), [5, 6, 7])
      assert.deepEqual(await seqs(301), [])
      assert.deepEqual(await evidenceOf(store, '_/no/where/audit'), [])
      const [, row] = await evidenceOf(store, log, 0, 1)
      assert.deepEqual(
        [row?.columns['id'], row?.columns['code'], row?.columns['tenant_id']],
        [drafts[0]?.id, 'ORDER_PLACED', null],
      )
    })

    it('what it says of itself is true', async (_place, store) => {
      const before = await store.describe()
      assert.deepEqual([before.rows, before.last_insert_at], [0, null])
      const samples = createSampleDrafts()
      await store.append(batch([samples.audit(), samples.sys()], 2))
      const { rows, last_insert_at, streams, isDurable } = await store.describe()
      assert.equal(
        rows,
        (await store.heads()).reduce((sum, { size }) => sum + size, 0),
      )
      assert.match(last_insert_at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
      assert.ok(streams.includes('audit') && isDurable)
    })

    it('two processes on one place make no fork and no hole', async ({ start }, store) => {
      assert.ok(start, needsStart)
      const jobs = ['d1', 'd2'].map((boot) => ({
        // The same log for both: the store alone keeps them apart.
        source_node_id: 'edge-1',
        boot_id: `00000000000000${boot}`,
        spool: `00000000000000${boot}`,
        batches: 25,
        rowsPerBatch: 4,
      }))
      const exits = jobs.map((job) => once(start(job), 'exit'))
      const samples = createSampleDrafts({ boot_id: '00000000000000d3' })
      const ours: string[] = []
      for (let turn = 0; turn < 25; turn++) {
        const drafts = [samples.audit(), samples.sys()]
        await store.append({ ...batch(drafts, turn + 1), spool: '00000000000000d3' })
        ours.push(...drafts.map(({ id }) => id))
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const exit of exits) assert.deepEqual(await exit, [0, null])
      await assertSound(store)
      for (const { boot_id, spool: own, batches, rowsPerBatch } of jobs) {
        assert.equal(await store.spoolPosition(own), BigInt(batches * rowsPerBatch))
        const rows = await store.scan({ stream: 'audit', order: 'stored', limit: 10_000 })
        const order = rows.filter(({ row }) => row.boot_id === boot_id).map(({ row }) => row.boot_seq)
        assert.deepEqual(
          order,
          Array.from({ length: batches * rowsPerBatch }, (_, index) => index),
        )
      }
      const found = await Promise.all(ours.map((id) => store.count(id === '' ? 'sys' : 'audit', { id }, 10)))
      assert.equal(found.filter((rows) => rows === 1).length, 25)
    })

    it('a process killed at any moment leaves whole batches with their positions', async ({
      start,
    }, store) => {
      assert.ok(start, needsStart)
      let boot = 0
      for (let round = 0; round < 3; round++) {
        const id = `00000000000000${(0xe0 + boot++).toString(16)}`
        const job = { source_node_id: 'edge-7', boot_id: id, spool: id, batches: 10_000, rowsPerBatch: 3 }
        const child = start(job)
        const acked = await killAfter(child, 3 + round * 9)
        const position = Number(await store.spoolPosition(id))
        assert.ok(position >= acked, `${acked} rows were acknowledged, ${position} are recorded`)
        assert.equal(position % job.rowsPerBatch, 0)
        const rows = await store.scan({
          stream: 'audit',
          filter: { source_node_id: 'edge-7' },
          order: 'stored',
          limit: 10_000,
        })
        assert.equal(rows.filter(({ row }) => row.boot_id === id).length, position)
      }
      await assertSound(store)
    })
  })

  describeSource(`${name}, as a source`, async (drafts) => {
    const place = await makePlace()
    const store = await place.open()
    const add = async (more: readonly Draft[]): Promise<void> =>
      void (await store.append(batch(more, Date.UTC(2031))))
    await add(drafts)
    return {
      source: store,
      add,
      async close() {
        await store.close()
        await place.remove()
      },
    }
  })
}

/** The work of the second process: prints the number of rows acknowledged so far, a line per batch. */
export async function appendJob(store: Store, job: AppendJob, print: (line: string) => void): Promise<void> {
  const samples = createSampleDrafts({ source_node_id: job.source_node_id, boot_id: job.boot_id })
  for (let done = 1; done <= job.batches; done++) {
    const drafts = Array.from({ length: job.rowsPerBatch }, () => samples.audit())
    await store.append({
      spool: job.spool,
      position: BigInt(done * job.rowsPerBatch),
      drafts: drafts.map((draft) => spooled(draft)),
    })
    print(String(done * job.rowsPerBatch))
  }
}

/** The draft as a spool would hand it over. */
export function spooled(draft: Draft | undefined): SpooledDraft {
  if (draft === undefined) throw new TypeError('no draft')
  // Samples hold nothing that redaction would touch.
  return {
    stream: draft.stream,
    log: logName(draft),
    text: new TextEncoder().encode(draftText(draft as Clean)),
  }
}

/** Every log of the store verifies, and there is at least one. */
export async function assertSound(store: RowSource): Promise<void> {
  const heads = await store.heads()
  assert.ok(heads.length > 0)
  for (const { log, size, head_hash } of heads) {
    const verifier = createLogVerifier({ log, head: { size, head_hash }, digest: sha256 })
    for await (const row of store.evidence(log)) verifier.push(row)
    const { verdict, rows_checked, breaks } = verifier.finish()
    assert.deepEqual(
      { log, verdict, rows_checked, breaks },
      { log, verdict: 'PASS', rows_checked: size, breaks: [] },
    )
  }
}

/** All evidence of a log, gathered. */
export async function evidenceOf(
  store: RowSource,
  log: string,
  fromSeq?: number,
  toSeq?: number,
): Promise<EvidenceRow[]> {
  const rows: EvidenceRow[] = []
  for await (const row of store.evidence(log, fromSeq, toSeq)) rows.push(row)
  return rows
}

const spool = '00000000000000aa'
const needsStart = 'the place cannot start a process: give it `start`, or skip this case with a reason'

function batch(drafts: readonly Draft[], position: number): AppendBatch {
  return { spool, position: BigInt(position), drafts: drafts.map((draft) => spooled(draft)) }
}

function placeless(row: Readonly<Record<string, unknown>> | object | undefined): unknown {
  const { log: _log, monotonic_seq: _seq, prev_hash: _prev, ...draft } = { ...row } as Record<string, unknown>
  return draft
}

/** Kills the process once it has acknowledged `batches` batches; resolves with the rows it had acknowledged when it died. */
async function killAfter(child: ChildProcess, batches: number): Promise<number> {
  if (child.stdout === null) throw new TypeError('the process that `start` starts must have its output piped')
  const exited = once(child, 'exit')
  let acked = 0
  let lines = 0
  for await (const line of createInterface({ input: child.stdout })) {
    acked = Number(line)
    if (++lines === batches) child.kill('SIGKILL')
  }
  await exited
  return acked
}
