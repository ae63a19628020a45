// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { logName } from '../core/log-name.ts'
import { createMerkleTree } from '../core/merkle.ts'
import { builtinPolicy, policyHash, policyText, type RetentionPolicy } from '../core/retention-policy.ts'
import type { Draft, RetentionClass } from '../core/row.ts'
import { disclosuresSweptCode, sweptBy, sweptCode } from '../core/swept.ts'
import { formatMicros, parseTime } from '../core/timestamp.ts'
import type { LogVerdict, Verdict } from '../core/verdict.ts'
import { createLogVerifier } from '../core/verify.ts'
import { verifyLogs } from '../reader/local-verify.ts'
import type { VerifyRange } from '../reader/reader.ts'
import { sha256 } from '../store/platform.ts'
import type { EvidenceRow, Store } from '../store/ports.ts'
import { encodeSealed } from '../store/privacy/sealed.ts'
import type { RowPruner } from '../store/retention/pruner.ts'
import type { ClockReading } from '../store/retention/retention-clock.ts'
import { sweep, type SweepReport } from '../store/retention/sweep.ts'
import { createSampleDrafts } from './sample-drafts.ts'
import { evidenceOf, spooled } from './store-contract.ts'

export interface PrunerPlace {
  /** A writer on the place whose clock reads what `nowMicros` answers. Several may be open at once. */
  open(nowMicros: () => number): Promise<Store & { readonly pruner: RowPruner }>
  remove(): Promise<void>
}

/** What every pruner promises (store/retention/pruner.ts), asked of a fresh place for each case. */
export function describePruner(name: string, makePlace: () => Promise<PrunerPlace>): void {
  const it = (title: string, work: (world: PrunerWorld) => Promise<void>): void => {
    test(title, async () => {
      const place = await makePlace()
      const world = await openWorld(place)
      try {
        await work(world)
      } finally {
        await world.store.close()
        await place.remove()
      }
    })
  }

  describe(`pruner contract: ${name}`, () => {
    it('rows go when the period of their class is over, and not an instant before', async (world) => {
      await world.append('short', 3)
      await world.append('medium', 2)
      await world.append('permanent', 1)
      world.pass(30 * day - 1)
      assert.equal((await world.sweep()).rows, 0)
      world.pass(1)
      assert.deepEqual((await world.sweep()).classes, { short: 3 })
      assert.equal((await world.sweep()).rows, 0)
      world.pass(150 * day)
      assert.deepEqual((await world.sweep()).classes, { medium: 2 })
      world.pass(36_500 * day)
      assert.equal((await world.sweep()).rows, 0)
    })

    it('what is left verifies, links, makes the same tree, and says what is gone', async (world) => {
      for (let turn = 0; turn < 40; turn++) await world.append(turn % 3 === 0 ? 'long' : 'short', 60)
      const before = await world.hashes()
      world.pass(31 * day)
      const { rows } = await world.sweep()
      assert.equal(rows, 1560)
      const verdict = await world.verdict()
      assert.deepEqual(
        { ...verdict, breaks: verdict.breaks.length, notes: [] },
        {
          ...verdict,
          verdict: 'PASS',
          rows_expired: 1560,
          rows_checked: verdict.rows_expected - 1560,
          rows_missing: 0,
          rows_bad: 0,
          breaks: 0,
          notes: [],
        },
      )
      assert.deepEqual((await world.hashes()).slice(0, before.length), before)
      assert.equal(rootOf(await world.hashes(before.length)), rootOf(before))
      const leaves: string[] = []
      while (leaves.length < before.length) {
        const more = (await world.store.leafHashes?.(world.log, leaves.length, before.length)) ?? before
        assert.ok(more.length > 0, 'proofs lack the hash of an expired row')
        leaves.push(...more)
      }
      assert.deepEqual(leaves, before)
      const stays = await world.store.scan({ stream: 'audit', order: 'oldest', limit: 10_000 })
      assert.equal(stays.length, verdict.rows_checked)
      assert.equal(await world.store.count('audit', { code: 'ORDER_PLACED' }, 1e6), 840)
      assert.equal((await world.store.describe()).rows, verdict.rows_checked)
      const told = stays.flatMap(({ row }) => sweptBy(row) ?? [])
      assert.equal(
        told.reduce((sum, { count }) => sum + count, 0),
        1560,
      )
      assert.ok(
        told.every(
          (each) => each.policy_hash === policyHash(builtinPolicy, sha256) && each.class === 'short',
        ),
      )
    })

    it('a log goes on behind a sweep, in every process', async (world) => {
      await world.append('short', 5)
      const other = await world.open()
      try {
        await world.append('short', 1, other)
        world.pass(31 * day)
        assert.equal((await world.sweep()).rows, 6)
        await world.append('short', 2, other)
        await world.append('short', 2)
        const verdict = await world.verdict()
        assert.deepEqual([verdict.verdict, verdict.rows_expired, verdict.rows_expected], ['PASS', 6, 12])
        assert.deepEqual((await world.store.heads()).length, 1)
      } finally {
        await other.close()
      }
    })

    it('evidence yields kept hashes and rows in one order, from and to where it is asked', async (world) => {
      await world.append('long', 2)
      await world.append('short', 700)
      await world.append('long', 2)
      world.pass(31 * day)
      await world.sweep()
      const seqs = async (from?: number, to?: number): Promise<number[]> =>
        (await evidenceOf(world.store, world.log, from, to)).map(({ monotonic_seq }) => monotonic_seq)
      const all = Array.from({ length: 708 }, (_, index) => index)
      assert.deepEqual(await seqs(), all)
      assert.deepEqual(await seqs(2), all.slice(2))
      assert.deepEqual(await seqs(500), all.slice(500))
      assert.deepEqual((await seqs(3, 600)).slice(0, 598), all.slice(3, 601))
      assert.deepEqual(await seqs(704), all.slice(704))
    })

    it('rows under a hold stay until it is released, and both are told in the log', async (world) => {
      await world.append('short', 4, world.store, { actor: 'alice' })
      await world.append('short', 3, world.store, { actor: 'bob' })
      const hold = await world.store.pruner.placeHold({
        rows: { actor: 'alice' },
        reason: 'case 7',
        by: 'counsel',
      })
      world.pass(31 * day)
      const { rows, kept } = await world.sweep()
      assert.deepEqual([rows, kept], [3, { held: 4, unreplicated: 0, unanchored: 0 }])
      assert.deepEqual(await world.store.pruner.holds(), [hold])
      await world.store.pruner.releaseHold(hold.hold_id, 'counsel', 'settled')
      await assert.rejects(world.store.pruner.releaseHold(hold.hold_id, 'counsel', 'again'), {
        code: 'HOLD_UNKNOWN',
      })
      assert.equal((await world.sweep()).rows, 4)
      const told = await world.store.scan({
        stream: 'audit',
        filter: { code: 'HOLD_*' },
        order: 'oldest',
        limit: 9,
      })
      assert.deepEqual(
        told.map(
          ({ row }) => row.stream === 'audit' && [row.code, row.actor, row.reason, 'alice' in row.detail],
        ),
        [
          ['HOLD_PLACED', 'counsel', 'case 7', false],
          ['HOLD_RELEASED', 'counsel', 'settled', false],
        ],
      )
      assert.ok(!JSON.stringify(told).includes('alice'))
      assert.equal((await world.verdict()).verdict, 'PASS')
    })

    it('rows that are not replicated, or covered by no checkpoint, stay where that is asked for', async (world) => {
      await world.append('short', 9)
      world.pass(31 * day)
      const { kept } = await world.sweep({ needsReplication: true })
      assert.deepEqual(kept, { held: 0, unreplicated: 9, unanchored: 0 })
      assert.equal((await world.sweep({ needsCheckpoint: true })).kept.unanchored, 9)
      const at = '2026-11-26T10:00:00.000000Z'
      const { log } = world
      assert.deepEqual(await world.store.shipped?.(), [])
      await world.store.pruner.markReplicated([{ log, size: 9 }], '2026-11-26T09:00:00.000000Z')
      // Whoever has the rows has lost some; and what is not there is nobody's.
      await world.store.pruner.markReplicated(
        [
          { log, size: 5 },
          { log: '_/no/such/audit', size: 7 },
        ],
        at,
      )
      assert.deepEqual(await world.store.shipped?.(), [{ log, size: 5, at }])
      const second = await world.sweep({ needsReplication: true })
      assert.deepEqual([second.rows, second.kept.unreplicated], [4, 5])
    })

    it('a change of policy is told in the log, with its text, before anything is swept by it', async (world) => {
      await world.append('medium', 3)
      const shorter: RetentionPolicy = { ...builtinPolicy, classes: { ...builtinPolicy.classes, medium: 10 } }
      world.pass(11 * day)
      assert.equal((await world.sweep()).rows, 0)
      assert.equal((await world.sweep({ policy: shorter })).rows, 3)
      assert.equal((await world.sweep({ policy: shorter })).rows, 0)
      const [told, swept] = (await world.store.scan({ stream: 'audit', order: 'oldest', limit: 99 })).slice(
        -2,
      )
      assert.deepEqual(told?.row.stream === 'audit' && [told.row.code, told.row.severity, told.row.detail], [
        'RETENTION_POLICY_CHANGED',
        'warn',
        {
          new_hash: policyHash(shorter, sha256),
          old_hash: policyHash(builtinPolicy, sha256),
          policy: policyText(shorter),
          shortened: ['medium=10d'],
        },
      ])
      assert.equal(sweptBy(swept?.row)?.policy_hash, policyHash(shorter, sha256))
      assert.equal((await world.verdict()).verdict, 'PASS')
    })

    it('sys and api rows go by the period of their stream, and tell of it in its shape', async (world) => {
      const samples = createSampleDrafts({ boot_id: '00000000000000e1' })
      const timestamp = formatMicros(world.nowMicros())
      const drafts = [samples.sys({ timestamp }), samples.api({ timestamp }), samples.sys({ timestamp })]
      await world.appendDrafts(drafts)
      world.pass(8 * day)
      assert.equal((await world.sweep()).rows, 0)
      const { classes } = await world.sweep({ policy: { ...builtinPolicy, sys: 7, api: 7 } })
      assert.deepEqual(classes, { sys: 2, api: 1 })
      for (const { log } of await world.store.heads()) {
        const { verdict, rows_expired } = await world.verdict(log)
        assert.deepEqual([verdict, rows_expired], ['PASS', log.endsWith('sys') ? 2 : 1])
      }
    })

    it('a clock that jumps forward sweeps nothing; one that is right again sweeps what is due', async (world) => {
      await world.append('short', 5)
      await world.sweep()
      world.jump(3650 * day)
      const early = await world.sweep()
      assert.deepEqual([early.rows, early.retention_time], [0, formatMicros(start)])
      world.pass(2 * day)
      assert.equal((await world.sweep()).rows, 0)
      world.jump(-3650 * day)
      world.pass(27 * day)
      assert.equal((await world.sweep()).rows, 0)
      world.pass(day)
      assert.equal((await world.sweep()).rows, 5)
    })

    it('a clock that jumps back sweeps later, and loses no time for it', async (world) => {
      await world.append('short', 5)
      await world.sweep()
      world.jump(-100 * day)
      world.pass(20 * day)
      assert.equal((await world.sweep()).rows, 0)
      world.jump(100 * day)
      world.pass(10 * day)
      assert.equal((await world.sweep()).rows, 5)
    })

    it('time that no machine saw pass is not believed, until somebody says so', async (world) => {
      await world.append('short', 5)
      await world.sweep()
      world.restartMachine(60 * day)
      assert.equal((await world.sweep()).rows, 0)
      assert.equal((await world.sweep({ trustsWall: true })).rows, 5)
    })

    it('one sweeps at a time', async (world) => {
      const other = await world.open()
      try {
        const inner = await world.store.pruner.exclusively(async () =>
          other.pruner.exclusively(async () => 'both'),
        )
        assert.equal(inner, null)
        assert.equal(await other.pruner.exclusively(async () => 'later'), 'later')
      } finally {
        await other.close()
      }
    })

    it('what would go is known before it goes, and looking changes nothing', async (world) => {
      await world.append('short', 5)
      await world.append('long', 5)
      world.pass(31 * day)
      const order = {
        log: world.log,
        stretches: [0],
        policy: builtinPolicy,
        nowMicros: world.nowMicros(),
        needsReplication: false,
        needsCheckpoint: false,
      }
      const before = await world.store.heads()
      const { expired, dueMicros, oldest } = await world.store.pruner.look(order)
      assert.deepEqual([expired.length, oldest, dueMicros], [5, formatMicros(start), start + 1095 * day])
      assert.deepEqual(await world.store.heads(), before)
    })

    it('the personal values of a detail go on the clock of the class short, their rows on their own', async (world) => {
      await world.appendPersonal('long', 3)
      await world.appendPersonal('long', 2, { actor: 'alice' })
      await world.appendPersonal('short', 1)
      const hold = await world.store.pruner.placeHold({
        rows: { actor: 'alice' },
        reason: 'case 7',
        by: 'counsel',
      })
      world.pass(30 * day - 1)
      assert.deepEqual(sums(await world.sweep()), { rows: 0, details: 0 })
      const { logs } = await world.whole()
      assert.deepEqual([logs[0]?.verdict, logs[0]?.rows_checked], ['PASS', 8])
      world.pass(1)
      const unsigned = await world.sweep({ needsCheckpoint: true })
      assert.deepEqual([sums(unsigned), unsigned.kept.unanchored], [{ rows: 0, details: 0 }, 4])
      const first = await world.sweep()
      assert.deepEqual([sums(first), first.kept.held], [{ rows: 1, details: 3 }, 2])
      assert.deepEqual(sums(await world.sweep()), { rows: 0, details: 0 })
      await world.store.pruner.releaseHold(hold.hold_id, 'counsel', 'settled')
      assert.deepEqual(sums(await world.sweep()), { rows: 0, details: 2 })
      const told = await world.store.scan({
        stream: 'audit',
        filter: { code: disclosuresSweptCode },
        order: 'oldest',
        limit: 9,
      })
      assert.deepEqual(
        told.map(({ row }) => sweptBy(row, disclosuresSweptCode)?.runs),
        [[[1, 3]], [[4, 5]]],
      )
      // What else is personal keeps the clock of its row.
      const ip = '/source/ip'
      assert.deepEqual(await world.pointers(), [ip, ip, ip, ip, ip])
      const verdict = await world.whole()
      assert.deepEqual(
        [verdict.verdict, verdict.logs[0]?.rows_expired, verdict.logs[0]?.rows_bad],
        ['PASS', 1, 0],
      )
      assert.ok(
        verdict.notes.includes(
          'the personal values in the details of 5 rows have expired, as rows of sweeps say',
        ),
      )
      // A range that ends before the sweep is explained by it all the same; without the sweep it is not.
      assert.equal((await world.whole({ to_seq: 5 })).verdict, 'PASS')
      assert.deepEqual(
        (await world.unswept(5)).breaks.map(({ kind, from_index, to_index }) => [kind, from_index, to_index]),
        [['disclosure_missing', 1, 5]],
      )
      world.pass(1065 * day)
      assert.equal((await world.sweep()).rows, 5)
      assert.equal((await world.whole()).verdict, 'PASS')
    })

    it('a transaction that took long makes the next one smaller, a short one larger', async (world) => {
      await world.append('short', 1000)
      world.pass(31 * day)
      let nanos = 0n
      let isEnd = false
      // Each transaction takes 100 ms, by this clock.
      const monotonicNanos = (): bigint => {
        if (isEnd) nanos += 100_000_000n
        isEnd = !isEnd
        return nanos
      }
      assert.equal((await world.sweep({ clock: { monotonicNanos } })).rows, 1000)
      const told = await world.store.scan({
        stream: 'audit',
        filter: { code: sweptCode },
        order: 'oldest',
        limit: 99,
      })
      const counts = told.map(({ row }) => sweptBy(row)?.count)
      assert.deepEqual(counts.slice(0, 4), [256, 128, 64, 64])
      assert.equal((await world.verdict()).rows_expired, 1000)
      await world.append('short', 1000)
      world.pass(31 * day)
      assert.equal((await world.sweep({ clock: { monotonicNanos: () => 0n } })).rows, 1000)
      const more = await world.store.scan({
        stream: 'audit',
        filter: { code: sweptCode },
        order: 'newest',
        limit: 3,
      })
      // The last ones of it; the first stretch ends at row 1,023.
      assert.ok((sweptBy(more[0]?.row)?.count ?? 0) > 256)
    })

    it('a stretch is looked at again only when something in it is due', async (world) => {
      for (let turn = 0; turn < 30; turn++) await world.append(turn % 2 === 0 ? 'medium' : 'long', 100)
      const hash = policyHash(builtinPolicy, sha256)
      const due = async (): Promise<readonly number[]> =>
        world.store.pruner.dueStretches(world.log, hash, world.nowMicros())
      assert.deepEqual(await due(), [0, 1, 2])
      await world.sweep()
      assert.deepEqual(await due(), [2])
      world.pass(180 * day)
      assert.deepEqual(await due(), [0, 1, 2])
      assert.equal(await world.store.pruner.nextDue(hash), start + 180 * day)
      assert.equal((await world.sweep()).rows, 1500)
      assert.deepEqual(await due(), [2])
    })

    it('rows are swept while others are stored', async (world) => {
      for (let turn = 0; turn < 10; turn++) await world.append('short', 1000)
      world.pass(31 * day)
      const other = await world.open()
      try {
        const state = { isDone: false }
        const sweeping = world.sweep().finally(() => (state.isDone = true))
        let stored = 0
        while (!state.isDone) {
          await world.append('short', 5, other)
          stored += 5
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
        assert.equal((await sweeping).rows, 10_000)
        const verdict = await world.verdict()
        assert.deepEqual([verdict.verdict, verdict.rows_expired], ['PASS', 10_000])
        assert.equal(await world.store.count('audit', { code: 'ORDER_PLACED' }, 1e6), stored)
      } finally {
        await other.close()
      }
    })
  })
}

const day = 86_400_000_000
const start = parseTime('2027-01-01', 0) ?? 0

interface PrunerWorld {
  readonly store: Store & { readonly pruner: RowPruner }
  readonly log: string
  open(): Promise<Store & { readonly pruner: RowPruner }>
  append(
    of: RetentionClass,
    rows: number,
    store?: Store,
    members?: { readonly actor?: string },
  ): Promise<void>
  appendDrafts(drafts: readonly Draft[], store?: Store): Promise<void>
  /** Rows with `pii_in_detail`: their detail is sealed, and so is where they came from. */
  appendPersonal(of: RetentionClass, rows: number, members?: { readonly actor?: string }): Promise<void>
  /** Of the values that lie beside rows, in the order of their rows. */
  pointers(): Promise<readonly string[]>
  sweep(options?: Partial<Parameters<typeof sweep>[0]>): Promise<SweepReport>
  verdict(log?: string): Promise<LogVerdict>
  /** What a reader says of all of it, personal values too. */
  whole(range?: VerifyRange): Promise<Verdict>
  /** What a verifier says of the first rows when nobody hands it what is behind them. */
  unswept(toSeq: number): Promise<LogVerdict>
  hashes(size?: number): Promise<readonly string[]>
  nowMicros(): number
  /** Time passes, and every clock sees it. */
  pass(micros: number): void
  /** Somebody sets the wall clock. */
  jump(micros: number): void
  /** The machine is off for some time. */
  restartMachine(micros: number): void
}

async function openWorld(place: PrunerPlace): Promise<PrunerWorld> {
  let machine = 1
  let uptimeMicros = 0
  let wallMicros = start
  let position = 0n
  const open = (): ReturnType<PrunerPlace['open']> => place.open(() => wallMicros)
  const store = await open()
  const samples = createSampleDrafts()
  const log = logName(samples.audit())
  const reading = (): ClockReading => ({ machine: `machine-${machine}`, uptimeMicros, wallMicros })
  await store.pruner.retentionTime(reading())
  const world: PrunerWorld = {
    store,
    log,
    open,
    append: async (of, rows, into = store, members = {}) => {
      const timestamp = formatMicros(wallMicros)
      const drafts = Array.from({ length: rows }, () =>
        samples.audit({ retention_class: of, timestamp, ...members }),
      )
      await world.appendDrafts(drafts, into)
    },
    appendPersonal: async (of, rows, members = {}) => {
      const timestamp = formatMicros(wallMicros)
      const sd = { '/detail/email': commitment, '/source/ip': commitment }
      const about = {
        retention_class: of,
        timestamp,
        detail: {},
        pii_in_detail: true as const,
        sd,
        ...members,
      }
      const drafts = Array.from({ length: rows }, () => samples.audit(about))
      const sealed = encodeSealed({
        keys: [dataKey],
        values: Object.keys(sd).map((pointer) => ({ pointer, key: dataKey.id, box: 'AAAA' })),
      })
      const bytes = new TextEncoder().encode(sealed)
      position += BigInt(rows)
      await store.append({
        spool: '00000000000000aa',
        position,
        drafts: drafts.map((draft) => ({ ...spooled(draft), sealed: bytes })),
      })
    },
    pointers: async () =>
      (await evidenceOf(store, log)).flatMap(({ personal = [] }) => personal.map(({ pointer }) => pointer)),
    appendDrafts: async (drafts, into = store) => {
      position += BigInt(drafts.length)
      await into.append({
        spool: '00000000000000aa',
        position,
        drafts: drafts.map((draft) => spooled(draft)),
      })
    },
    sweep: async (options = {}) => {
      const report = await sweep({
        pruner: store.pruner,
        policy: builtinPolicy,
        digest: sha256,
        reading,
        needsReplication: false,
        needsCheckpoint: false,
        ...options,
      })
      assert.ok(report)
      return report
    },
    verdict: async (of = log) => verdictOn(await evidenceOf(store, of), store, of),
    whole: async (range = {}) => verifyLogs([store], range, sha256),
    unswept: async (to_seq) => {
      const head = (await store.heads())[0] ?? null
      const verifier = createLogVerifier({ log, head, to_seq, digest: sha256 })
      for (const { personal = [], ...row } of await evidenceOf(store, log, 0, to_seq)) {
        const disclosures = personal.map(({ pointer, key_id }) => ({
          pointer,
          key_id,
          state: 'sealed' as const,
        }))
        verifier.push({ ...row, disclosures })
      }
      return verifier.finish()
    },
    hashes: async (size) => {
      const hashes = (await evidenceOf(store, log)).map(({ hash }) => hash ?? '')
      return size === undefined ? hashes : hashes.slice(0, size)
    },
    nowMicros: () => wallMicros,
    pass(micros) {
      wallMicros += micros
      uptimeMicros += micros
    },
    jump(micros) {
      wallMicros += micros
    },
    restartMachine(micros) {
      machine++
      uptimeMicros = 0
      wallMicros += micros
    },
  }
  return world
}

async function verdictOn(rows: readonly EvidenceRow[], store: Store, log: string): Promise<LogVerdict> {
  const head = (await store.heads()).find((each) => each.log === log) ?? null
  const verifier = createLogVerifier({ log, head, digest: sha256 })
  for (const row of rows) if (row.monotonic_seq < (head?.size ?? 0)) verifier.push(row)
  return verifier.finish()
}

const sums = ({ rows, details }: SweepReport): Pick<SweepReport, 'rows' | 'details'> => ({ rows, details })

/** A key that opens nothing: here it only matters that values are there. */
const dataKey = {
  id: 'ab'.repeat(16),
  tenant: '',
  subject: 'cd'.repeat(16),
  kek: 'node',
  made_at: formatMicros(start),
  wrapped: 'AAAA',
}
const commitment = 'bIV-s9DKn6KESBKBsTLwyxJLyXstyBSpLrwRUKzn_EM'

function rootOf(hashes: readonly string[]): string {
  const tree = createMerkleTree(sha256)
  for (const hash of hashes) tree.append(hash)
  return tree.root()
}
