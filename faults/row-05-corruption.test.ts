// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { leafHash } from '../packages/fasten/src/core/chain.ts'
import { ask } from '../packages/fasten/src/cli/fixtures/ask.ts'
import { FastenError } from '../packages/fasten/src/core/error.ts'
import { draftText } from '../packages/fasten/src/core/leaf.ts'
import { logName } from '../packages/fasten/src/core/log-name.ts'
import type { AuditDraft, Clean } from '../packages/fasten/src/core/row.ts'
import { openForReading, openStore } from '../packages/fasten/src/store/open.ts'
import { sha256 } from '../packages/fasten/src/store/platform.ts'
import { createSpoolWriter } from '../packages/fasten/src/store/spool/writer.ts'
import { listQuarantine } from '../packages/fasten/src/store/quarantine.ts'
import { createSampleDrafts } from '../packages/fasten/src/testing/sample-drafts.ts'
import { spooled } from '../packages/fasten/src/testing/store-contract.ts'
import { createChance, seed } from './harness/chance.ts'
import { judge, verdictsOf } from './harness/judge.ts'
import { makeFolder, sqlitePlace, subfolder } from './harness/place.ts'
import { recover } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

const chance = createChance()
const storedRows = 300
const spooledRows = 60
const dead = '00000000000000dd'
/** The word of one row alone, in the middle of those that are read from the file and not from its log. */
const rareRow = 100
const rareWord = 'GADGET'
const files = ['audit.db', 'audit.db-wal', 'segment'] as const
type File = (typeof files)[number]
const kinds = ['one bit flipped', '4 KiB zeroed', 'cut off'] as const
/** Where chance would rarely look: inside a row that is read from the file, so that at least one damage is of that kind. */
type Damage = (typeof kinds)[number] | 'a letter of a row changed'

/** What one damage led to. Rows are those that were stored, or waited in the spool, before it. */
interface Outcome {
  readonly started: boolean
  /** `typed`: the file could not be opened or read, and an error with a code says so. */
  readonly end: 'PASS' | 'FAIL' | 'INCOMPLETE' | 'typed'
  /** Stored rows that read back other than they were, and that no verdict names. */
  readonly silent: readonly number[]
  /** Rows gone from the end, as if the last commits had never been: what only a signed checkpoint can tell (row 13). */
  readonly rolledBack: number
  /** Spooled rows that are neither stored, nor still in the spool, nor accounted for by bytes in quarantine. */
  readonly unaccounted: number
  readonly quarantined: number
  /** Stored rows that read back as they were. */
  readonly readable: number
  /** Whether a look by SQL alone (the number of rows) finds nothing wrong, although a row was changed. */
  readonly fooledCount: boolean
}

describe('row 5: damaged bytes', () => {
  test('a process starts, damage is named or refused by a code, and the rest can be read', async (t) => {
    const folder = makeFolder(t)
    const base = await makeBase(subfolder(folder, 'base'))
    const rounds = times({ short: 4, long: 220 })
    const outcomes: (Outcome & { readonly file: File })[] = []
    for (const file of files)
      for (let round = 0; round < rounds; round++) {
        const kind = kinds[round % kinds.length] ?? 'cut off'
        const here = subfolder(folder, `${file}-${round}`)
        outcomes.push({ file, ...(await damageOnce(base, here, file, kind)) })
      }
    const letter = await damageOnce(
      base,
      subfolder(folder, 'letter'),
      'audit.db',
      'a letter of a row changed',
    )
    outcomes.push({ file: 'audit.db', ...letter })
    const ends = (file: File): string =>
      `${file}: ${['PASS', 'FAIL', 'INCOMPLETE', 'typed']
        .map((end) => [end, outcomes.filter((one) => one.file === file && one.end === end).length] as const)
        .filter(([, count]) => count > 0)
        .map(([end, count]) => `${count} ${end}`)
        .join(' ')}`
    t.diagnostic(
      `row 5 · one bit flipped, 4 KiB zeroed or cut off at a random place, ${outcomes.length} times · ` +
        `${outcomes.filter(({ started }) => started).length} started, 0 silent · ${files.map(ends).join(', ')} · ` +
        `${outcomes.filter(({ rolledBack }) => rolledBack > 0).length} rolled back to an earlier commit · ` +
        `${outcomes.reduce((sum, { quarantined }) => sum + quarantined, 0)} stretches in quarantine · seed ${seed}`,
    )
    assert.deepEqual(
      outcomes.filter(({ started }) => !started),
      [],
      'a process did not start',
    )
    assert.deepEqual(
      outcomes.filter(({ silent }) => silent.length > 0),
      [],
      'a changed row passed',
    )
    assert.deepEqual(
      outcomes.filter(({ unaccounted }) => unaccounted > 0),
      [],
      'spooled rows vanished',
    )
    assert.equal(letter.end, 'FAIL')
    assert.ok(outcomes.some(({ quarantined }) => quarantined > 0))
    reportControl(t, 5, {
      broken: 'counting rows instead of verifying them',
      harm: 'damages not seen',
      count: outcomes.filter(({ fooledCount }) => fooledCount).length,
    })
    assert.ok(letter.fooledCount)
  })

  test('in what the node remembers of its signatures: rows are still taken, and a cut log never verifies by it', async (t) => {
    const place = sqlitePlace(subfolder(makeFolder(t), 'system'))
    await recover(place)
    const path = place.dsn.replace('sqlite:///', '')
    const memory = join(`${path}-keys`, 'sealed')
    const [file = ''] = readdirSync(memory).map((name) => join(memory, name))
    const whole = readFileSync(file)
    for (const kind of kinds) {
      damage(file, kind)
      assert.ok((await recover(place, { refusedMs: 300 })).firstDurableMs > 0)
      writeFileSync(file, whole)
    }
    await recover(place)
    const judged = await judge(place, new Set())
    const signed = readFileSync(file)
    const cut = openBeside(path)
    const head = cut.prepare('SELECT hash FROM audit_log WHERE monotonic_seq = 0').get()
    cut.exec('DELETE FROM audit_log WHERE monotonic_seq > 0; DELETE FROM fasten_checkpoints')
    cut.prepare('UPDATE fasten_logs SET size = 1, head_hash = ?').run(String(head?.['hash']))
    cut.close()
    const codes: number[] = []
    for (let at = 0; at < signed.length; at += times({ short: 23, long: 1 })) {
      const bytes = Buffer.from(signed)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.between(0, 6))
      writeFileSync(file, bytes)
      codes.push((await ask(['verify', path])).exitCode)
    }
    const also = `a cut log verified ${codes.filter((code) => code === 0).length} of ${codes.length} times`
    const attack = {
      row: 5,
      attacked: 'damage to the memory of signatures',
      times: kinds.length + codes.length,
      also,
    }
    report(t, attack, { ...judged, acked: judged.stored })
    assert.ok(!codes.includes(0), also)
  })
})

interface Base {
  readonly folder: string
  /** Hashes of the stored rows by number, the row that opens the log among them. */
  readonly hashes: readonly string[]
  readonly spooledIds: readonly string[]
}

/** A database whose last rows are in its write-ahead log, and the spool of a dead process. */
async function makeBase(folder: string): Promise<Base> {
  const { dsn, spoolRoot } = sqlitePlace(folder)
  const path = dsn.replace('sqlite:///', '')
  const store = await openStore({ dsn: { kind: 'sqlite', path, isMemory: false }, streams: ['audit'] })
  const samples = createSampleDrafts({ boot_id: dead })
  let made = 0
  const next = (): AuditDraft =>
    samples.audit(++made === rareRow ? { detail: { qty: 3, sku: rareWord } } : {})
  for (let position = 50; position <= storedRows; position += 50) {
    const drafts = Array.from({ length: 50 }, () => spooled(next()))
    await store.append({ spool: '00000000000000ff', position: BigInt(position), drafts })
    // What is in the file is what checkpoints moved there; the last rows stay in the log.
    if (position === storedRows - 50) {
      const database = openBeside(path)
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
      database.close()
    }
  }
  const rows = await store.scan({ stream: 'audit', order: 'stored', limit: 1000 })
  const kept = subfolder(folder, 'kept')
  for (const name of ['audit.db', 'audit.db-wal']) copyFileSync(join(folder, name), join(kept, name))
  await store.close()
  mkdirSync(spoolRoot, { recursive: true })
  const writer = createSpoolWriter({ id: dead, directory: join(kept, dead) })
  const drafts = Array.from({ length: spooledRows }, () => samples.audit())
  for (const draft of drafts) writer.append(logName(draft), draftText(draft as Clean))
  writer.close()
  return { folder: kept, hashes: rows.map(({ hash }) => hash ?? ''), spooledIds: drafts.map(({ id }) => id) }
}

async function damageOnce(base: Base, here: string, file: File, kind: Damage): Promise<Outcome> {
  const place = sqlitePlace(here)
  const spool = subfolder(place.spoolRoot, dead)
  const segment = '0000000000000000.seg'
  for (const name of ['audit.db', 'audit.db-wal']) copyFileSync(join(base.folder, name), join(here, name))
  copyFileSync(join(base.folder, dead, segment), join(spool, segment))
  damage(file === 'segment' ? join(spool, segment) : join(here, file), kind)
  const left = readFileSync(join(spool, segment))
  // Of a row whose bytes are not there any more, nobody can know.
  const knowable =
    file === 'segment' && kind === 'cut off'
      ? base.spooledIds.filter((id) => left.includes(id))
      : base.spooledIds
  // Waiting for what cannot be stored would only take time.
  const started = await recover(place, { refusedMs: 300 }).then(
    ({ firstDurableMs }) => firstDurableMs > 0,
    () => false,
  )
  return { started, ...(await lookAt({ ...base, spooledIds: knowable }, place.dsn, place.spoolRoot)) }
}

function damage(path: string, kind: Damage): void {
  const { size } = statSync(path)
  if (kind === 'cut off') return truncateSync(path, chance.between(0, size - 1))
  const bytes = readFileSync(path)
  if (kind === 'a letter of a row changed') {
    // Pages that were split keep copies that nobody reads: in each of them, and so in the one that is read.
    for (let at = bytes.indexOf(rareWord); at !== -1; at = bytes.indexOf(rareWord)) bytes.write('V', at)
    return writeFileSync(path, bytes)
  }
  const at = chance.between(0, size - 1)
  if (kind === 'one bit flipped') bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.between(0, 7))
  else bytes.fill(0, at - (at % 4096), Math.min(at - (at % 4096) + 4096, size))
  writeFileSync(path, bytes)
}

async function lookAt(base: Base, dsn: string, spoolRoot: string): Promise<Omit<Outcome, 'started'>> {
  const quarantine = listQuarantine(spoolRoot)
  const seen = { quarantined: quarantine.length, silent: [], rolledBack: 0, unaccounted: 0, readable: 0 }
  let store
  try {
    store = await openForReading(dsn)
  } catch (error) {
    if (!(error instanceof FastenError)) throw error
    return { ...seen, end: 'typed', fooledCount: false }
  }
  try {
    const verdicts = await verdictsOf(store)
    const read = new Map<number, string>()
    const ids = new Set<string>()
    const ours = verdicts.find(({ log }) => log.includes('edge-1'))
    if (ours !== undefined)
      for await (const row of store.evidence(ours.log)) {
        const leaf = Buffer.from(row.leaf ?? []).toString()
        read.set(row.monotonic_seq, leafHash(row.leaf ?? new Uint8Array(), sha256))
        ids.add(/"id":"([^"]+)"/.exec(leaf)?.[1] ?? '')
      }
    const end = verdicts.some(({ verdict }) => verdict === 'FAIL')
      ? 'FAIL'
      : ours === undefined
        ? 'INCOMPLETE'
        : 'PASS'
    const size = ours?.rows_expected ?? 0
    const isNamed = (seq: number): boolean =>
      (ours?.breaks ?? []).some(({ from_index, to_index }) => from_index <= seq && seq <= to_index)
    const wrong = base.hashes.flatMap((hash, seq) => (read.get(seq) === hash ? [] : [seq]))
    // Rows behind the first that a rolled-back commit took are other rows: those that were stored after the restart.
    const rolledBackFrom = rollbackOf(base, size, wrong)
    const silent = wrong.filter((seq) => seq < rolledBackFrom && !isNamed(seq))
    const waiting = bytesBelow(join(spoolRoot, dead))
    const missing = base.spooledIds.filter(
      (id) => !ids.has(id) && !waiting.some((bytes) => bytes.includes(id)),
    )
    return {
      ...seen,
      end,
      silent,
      rolledBack: base.hashes.length - rolledBackFrom,
      unaccounted: quarantine.length > 0 || end !== 'PASS' ? 0 : missing.length,
      readable: base.hashes.length - wrong.length,
      fooledCount: end === 'FAIL' && size >= base.hashes.length && wrong.length > 0,
    }
  } catch (error) {
    if (!(error instanceof FastenError)) throw error
    return { ...seen, end: 'typed', fooledCount: false }
  } finally {
    await store.close()
  }
}

/** What the files in a folder hold; nothing when it is gone. */
const bytesBelow = (folder: string): Buffer[] =>
  existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name))) : []

/** The number from which on the log is another one, because commits from there on are gone; its length when none are. */
function rollbackOf(base: Base, size: number, wrong: readonly number[]): number {
  const first = wrong[0] ?? base.hashes.length
  const isTail = wrong.length === base.hashes.length - first
  return isTail && (size <= base.hashes.length + spooledRows + 2 || first === size)
    ? first
    : base.hashes.length
}
