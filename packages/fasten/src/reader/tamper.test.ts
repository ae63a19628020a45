// SPDX-License-Identifier: Apache-2.0
/**
 * What somebody with the database file and a SQL shell can do to a trail of 10,000 rows, and what verification says of it:
 * the exact places, the right kinds, honest counts, and nothing about rows that still hold.
 */
import assert from 'node:assert/strict'
import { constants, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { columnNames } from '../core/columns.ts'
import { FastenError } from '../core/error.ts'
import { streams, type StreamName } from '../core/row.ts'
import type { BreakKind, Verdict } from '../core/verdict.ts'
import { openForReading } from '../store/open.ts'
import { damages, type Damage, type Expected } from './fixtures/damages.ts'
import { readerOf } from './fixtures/opened.ts'
import { createShell, type Draw, type Shell } from './fixtures/sql-shell.ts'
import { fillTrail, logOf, table } from './fixtures/trail.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

const rowsEmitted = 10_000

let folder: string
let base: string
let sizes: Shell['sizes']

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-tamper-'))
  base = join(folder, 'base.db')
  await fillTrail(base, rowsEmitted)
  const database = openBeside(base)
  sizes = createShell(database).sizes
  database.close()
  assert.equal(sizes.audit + sizes.sys + sizes.api, rowsEmitted + 3, 'each log begins with a row of its own')
})
after(() => rmSync(folder, { recursive: true, force: true }))

/**
 * A copy of the trail with the damage done to some of its streams. Where good rows are left behind the damage, one of them is
 * damaged too and must be found as well; all others must be found good.
 */
async function verifyDamaged(damage: Damage, { hit, numbers }: Drawn): Promise<Found> {
  const path = freshCopy()
  const database = openBeside(path)
  database.exec('PRAGMA synchronous=OFF; BEGIN')
  const shell = createShell(database)
  const draw = drawFrom(numbers)
  const expected: Record<string, Expected[string]> = {}
  for (const stream of hit) Object.assign(expected, damage(shell, stream, draw))
  for (const stream of hit) {
    const found = expected[logOf(stream)] ?? []
    const first = found.reduce((most, [, , to]) => Math.max(most, to), -1) + 2
    const seq = first + draw(sizes[stream] - first)
    if (found.length === 0 || first >= sizes[stream] || !shell.isGood(stream, seq)) continue
    shell.set(stream, seq, 'request_id', 'another')
    expected[logOf(stream)] = [...found, ['column_mismatch', seq, seq]]
  }
  database.exec('COMMIT')
  const rows = shell.rowsByLog()
  database.close()
  return { verdict: await verifyFile(path), expected, rows }
}

interface Drawn {
  readonly hit: readonly StreamName[]
  readonly numbers: readonly number[]
}

interface Found {
  readonly verdict: Verdict
  readonly expected: Expected
  /** Physical rows of each log. */
  readonly rows: ReadonlyMap<string, number>
}

function drawFrom(numbers: readonly number[]): Draw {
  let drawn = 0
  return (end) => {
    const number = numbers[drawn++ % numbers.length] ?? 0
    return number === lastOfAll ? Math.max(0, Math.floor(end) - 1) : number % Math.max(1, Math.floor(end))
  }
}

/** Stands for the last number of any range. */
const lastOfAll = 0xffff_ffff
const drawn: fc.Arbitrary<Drawn> = fc.record({
  hit: fc.shuffledSubarray([...streams], { minLength: 1 }),
  numbers: fc.array(fc.oneof({ weight: 6, arbitrary: fc.nat() }, fc.constantFrom(0, lastOfAll)), {
    minLength: 24,
    maxLength: 24,
  }),
})

async function verifyFile(path: string): Promise<Verdict> {
  const store = await openForReading(path)
  try {
    return await readerOf({ streams: { audit: store, sys: store, api: store } }).verify({})
  } finally {
    await store.close()
    if (path !== base) rmSync(path)
  }
}

describe(`a trail of ${rowsEmitted} rows in three logs`, () => {
  test('passes untouched, and says what it cannot show', async () => {
    const verdict = await verifyFile(base)
    assert.equal(verdict.verdict, 'PASS')
    assert.deepEqual(
      verdict.logs.map(({ log, verdict: said, rows_checked, rows_expected, breaks_total }) => [
        log,
        said,
        rows_checked,
        rows_expected,
        breaks_total,
      ]),
      (['api', 'audit', 'sys'] as const).map((stream) => [
        logOf(stream),
        'PASS',
        sizes[stream],
        sizes[stream],
        0,
      ]),
    )
    assert.deepEqual(verdict.emission, {
      boots: 1,
      rows_emitted: rowsEmitted,
      rows_missing: 0,
      gaps_total: 0,
      gaps: [],
    })
    assert.deepEqual(verdict.notes, [
      'no signed checkpoint covers these rows: somebody who can write the whole store could have rewritten them',
    ])
  })

  for (const [name, damage] of Object.entries(damages)) {
    test(`fails, and names the place, when ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(drawn, async (one) => {
          const { verdict, expected, rows } = await verifyDamaged(damage, one)
          assert.deepEqual(breaksOf(verdict), expected)
          assert.equal(verdict.verdict, 'FAIL')
          for (const log of verdict.logs) {
            const found = expected[log.log] ?? []
            const span = (kinds: (kind: BreakKind) => boolean): number =>
              found.reduce((sum, [kind, from, to]) => sum + (kinds(kind) ? to - from + 1 : 0), 0)
            assert.deepEqual(
              {
                log: log.log,
                verdict: log.verdict,
                rows_checked: log.rows_checked,
                rows_missing: log.rows_missing,
                rows_bad: log.rows_bad,
              },
              {
                log: log.log,
                verdict: found.length > 0 ? 'FAIL' : 'PASS',
                rows_checked: rows.get(log.log) ?? 0,
                rows_missing: span((kind) => kind === 'rows_missing'),
                rows_bad: span((kind) => kind !== 'rows_missing'),
              },
            )
          }
        }),
        // Shrinking would take longer than looking: the seed and the numbers are printed.
        { numRuns: 1, endOnFailure: true },
      )
    })
  }

  test('fails when any one column of any one row is changed, or emptied, or filled', async () => {
    for (const change of ['changed', 'emptied', 'filled'] as const) {
      const expected: Record<string, Expected[string]> = {}
      const path = await tampered((shell) => {
        for (const stream of streams) {
          const found: (readonly [BreakKind, number, number])[] = []
          for (const name of columnNames[stream]) {
            const from = (found.at(-1)?.[1] ?? 0) + 2
            const seq = shell.rowWhere(stream, from, `${name} IS ${change === 'filled' ? '' : 'NOT'} NULL`)
            if (seq === undefined) continue
            const isText = shell.isText(stream, name)
            const value = { changed: isText ? 'x' : 4_711, emptied: null, filled: isText ? '' : 0 }[change]
            shell.set(stream, seq, name, value)
            found.push(['column_mismatch', seq, seq])
          }
          assert.ok(found.length > 2, 'some columns of each stream are empty, and others are not')
          expected[logOf(stream)] = found
        }
      })
      assert.deepEqual(breaksOf(await verifyFile(path)), expected, change)
    }
  })

  test('never passes, whatever cell is changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...cells), drawn, async ([name, columns], { numbers }) => {
        const draw = drawFrom(numbers)
        let change = ''
        const path = await tampered((shell) => {
          change = shell.changeCell(name, columns[draw(columns.length)] ?? '', draw)
        })
        fc.pre(change !== '')
        const outcome = await verifyFile(path).then(
          ({ verdict }) => verdict,
          (error: unknown) => (error instanceof FastenError ? error.code : String(error)),
        )
        assert.match(outcome, /^(FAIL|INCOMPLETE|STORE_[A-Z]+)$/, change)
      }),
      { numRuns: 8, endOnFailure: true },
    )
  })

  test('fails when the lists of logs and tables are dropped, lost or turned to say something else', async () => {
    const all = (stream: StreamName, kind: BreakKind): Expected[string] => [[kind, 0, sizes[stream] - 1]]
    const dropped = await verifyFile(await tampered(({ sql }) => sql('DROP TABLE fasten_logs')))
    assert.deepEqual(
      breaksOf(dropped),
      Object.fromEntries(
        streams.map((stream, index) => [
          `unknown-log/${table[stream]}/${index + 1}`,
          all(stream, 'beyond_head'),
        ]),
      ),
    )
    const missing = Object.fromEntries(streams.map((stream) => [logOf(stream), all(stream, 'rows_missing')]))
    for (const statement of [
      'DROP TABLE fasten_tables',
      'DELETE FROM fasten_tables',
      "UPDATE fasten_tables SET stream = 'x'",
    ]) {
      const path = await tampered(({ sql }) => sql(statement))
      assert.deepEqual(breaksOf(await verifyFile(path)), missing, statement)
    }
    const turned = await tampered(({ sql }) => {
      sql("UPDATE fasten_tables SET stream = 'sys' WHERE stream = 'audit'")
      sql("UPDATE fasten_logs SET log = '_/plant/edge-7/sys' WHERE table_name = 'audit_log'")
    })
    const { verdict, notes } = await verifyFile(turned)
    assert.equal(verdict, 'INCOMPLETE')
    assert.match(notes.join('\n'), /the table "audit_log" is in the same place and was not checked/)
    const named = await openForReading(`sqlite:///${base}?table=audit_log`)
    const { verdict: said } = await readerOf({ streams: { audit: named, sys: named, api: named } }).verify({})
    assert.equal(said, 'PASS', 'who names one table has asked for no other')
    await named.close()
  })

  test('is never passed by nothing', async () => {
    const emptied = await tampered(({ sql }) => {
      for (const name of [...Object.values(table), 'fasten_logs']) sql(`DELETE FROM ${name}`)
    })
    const reset = await tampered(({ sql }) => {
      for (const name of Object.values(table)) sql(`DELETE FROM ${name}`)
      sql("UPDATE fasten_logs SET size = 0, head_hash = 'genesis'")
    })
    const one = await tampered(({ sql }) => {
      sql('DELETE FROM sys_log')
      sql("UPDATE fasten_logs SET size = 0, head_hash = 'genesis' WHERE table_name = 'sys_log'")
    })
    const said = [await verifyFile(emptied), await verifyFile(reset), await verifyFile(one)]
    assert.deepEqual(
      said.map(({ verdict, rows_checked }) => [verdict, rows_checked]),
      [
        ['INCOMPLETE', 0],
        ['INCOMPLETE', 0],
        ['INCOMPLETE', sizes.audit + sizes.api],
      ],
    )
    assert.deepEqual(said[0]?.notes, ['the store holds no log in this range'])
    assert.match(said[1]?.notes.join('\n') ?? '', /the range holds no row, which proves nothing/)
  })

  test('what whoever may write everything can hide from the chain, the rows that are left still tell', async () => {
    const cut = await tampered((shell) => {
      const { audit } = sizes
      shell.head('audit', 'head_hash', shell.hash('audit', audit - 21))
      shell.head('audit', 'size', audit - 20)
      shell.remove('audit', audit - 20, Infinity)
    })
    const gone = await tampered(({ sql }) => {
      sql('DELETE FROM audit_log')
      sql("DELETE FROM fasten_logs WHERE table_name = 'audit_log'")
    })
    for (const [path, rows] of [
      [cut, 20],
      [gone, sizes.audit - 1],
    ] as const) {
      const { verdict, emission, notes } = await verifyFile(path)
      assert.deepEqual([verdict, emission?.rows_emitted, emission?.rows_missing], ['PASS', rowsEmitted, rows])
      assert.match(
        notes[0] ?? '',
        /rows that boot [0-9a-f]{16} emitted are not in this store: refused, in quar/,
      )
      assert.match(notes.at(-1) ?? '', /^no signed checkpoint covers these rows/)
    }
  })
})

/** A copy of the trail with something done to it. */
async function tampered(work: (shell: Shell) => void): Promise<string> {
  const path = freshCopy()
  const database = openBeside(path)
  database.exec('PRAGMA synchronous=OFF; BEGIN')
  work(createShell(database))
  database.exec('COMMIT')
  database.close()
  return path
}

function freshCopy(): string {
  const path = join(folder, `damaged-${copies++}.db`)
  copyFileSync(base, path, constants.COPYFILE_FICLONE)
  return path
}
let copies = 0

/** Every cell that anything is read from. Positions order rows for followers and are no evidence; times of heads are for people. */
const cells: readonly (readonly [string, readonly string[]])[] = [
  ...streams.map(
    (stream) => [table[stream], ['log_id', 'monotonic_seq', 'hash', 'leaf', ...columnNames[stream]]] as const,
  ),
  ['fasten_logs', ['log_id', 'table_name', 'log', 'size', 'head_hash']],
  ['fasten_tables', ['table_name', 'stream']],
]

function breaksOf({ logs }: Verdict): Expected {
  return Object.fromEntries(
    logs
      .filter(({ breaks }) => breaks.length > 0)
      .map(({ log, breaks }) => [
        log,
        breaks.map(({ kind, from_index, to_index }) => [kind, from_index, to_index]),
      ]),
  ) as Expected
}
