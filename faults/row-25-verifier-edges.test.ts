// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { readerOf } from '../packages/fasten/src/reader/fixtures/opened.ts'
import type { VerifyRange } from '../packages/fasten/src/reader/reader.ts'
import type { LogVerdict } from '../packages/fasten/src/core/verdict.ts'
import { createSampleDrafts } from '../packages/fasten/src/testing/sample-drafts.ts'
import { createChance, seed } from './harness/chance.ts'
import { batchOf, openPlace } from './harness/drafts.ts'
import { makeFolder, sqlitePlace, subfolder } from './harness/place.ts'
import { reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

const chance = createChance()
/** Rows of the log, the one that opens it among them; behind the damage stand at least 10,000 good ones. */
const size = 10_601
const rounds = times({ short: 2, long: 60 })
let base = ''

interface Edge {
  readonly kind: string
  readonly from: number
  readonly to: number
}

/** What is done, and what a verdict must then name. `at` and `k` are random, and at most 300. */
const damages: Readonly<Record<string, (database: DatabaseSync, at: number, k: number) => readonly Edge[]>> =
  {
    'the first k rows are cut': (database, _at, k) => {
      database.exec(`DELETE FROM audit_log WHERE monotonic_seq < ${k}`)
      return [{ kind: 'rows_missing', from: 0, to: k - 1 }]
    },
    'k rows in the middle are cut': (database, at, k) => {
      database.exec(`DELETE FROM audit_log WHERE monotonic_seq BETWEEN ${at} AND ${at + k - 1}`)
      return [{ kind: 'rows_missing', from: at, to: at + k - 1 }]
    },
    'the last k rows are cut': (database, _at, k) => {
      database.exec(`DELETE FROM audit_log WHERE monotonic_seq >= ${size - k}`)
      return [{ kind: 'rows_missing', from: size - k, to: size - 1 }]
    },
    'two rows change places': (database, at) => {
      const swap = (from: number, to: number): void =>
        database.exec(`UPDATE audit_log SET monotonic_seq = ${to} WHERE monotonic_seq = ${from}`)
      swap(at, -5)
      swap(at + 1, at)
      swap(-5, at + 1)
      return [
        { kind: 'place_mismatch', from: at, to: at },
        { kind: 'place_mismatch', from: at + 1, to: at + 1 },
      ]
    },
    'k rows in a row are damaged': (database, at, k) => {
      database.exec(
        `UPDATE audit_log SET leaf = 'x' || leaf WHERE monotonic_seq BETWEEN ${at} AND ${at + k - 1}`,
      )
      return [{ kind: 'hash_mismatch', from: at, to: at + k - 1 }]
    },
  }

describe('row 25: edges of verification', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-fault-'))
  after(() => rmSync(folder, { recursive: true }))
  before(async () => {
    base = await makeLog(folder)
  })

  for (const [name, damage] of Object.entries(damages))
    test(`${name}: told by kind and exact range, and every row behind is still checked`, async (t) => {
      for (let round = 0; round < rounds; round++) {
        const path = join(makeFolder(t), 'audit.db')
        copyFileSync(base, path)
        const [at, k] = [chance.between(2, 200), chance.between(1, 100)]
        const database = openBeside(path)
        const edges = damage(database, at, k)
        database.close()
        const verdict = await verify(path, {})
        for (const edge of edges)
          assert.ok(
            verdict.breaks.some(
              ({ kind, from_index, to_index }) =>
                kind === edge.kind && from_index <= edge.from && to_index >= edge.to,
            ) || covered(verdict, edge),
            `${JSON.stringify(edge)} is not among ${JSON.stringify(verdict.breaks.slice(0, 4))}`,
          )
        const last = Math.max(...edges.map(({ to }) => to))
        // Behind the damage one row may break its link; the thousands after it must not.
        assert.deepEqual(
          verdict.breaks.filter(({ from_index }) => from_index > last + 1),
          [],
        )
        const isCut = edges.some(({ kind }) => kind === 'rows_missing')
        assert.equal(verdict.rows_checked, isCut ? size - k : size)
        // A part that the damage does not touch verifies by itself.
        const [from, to] = last < size - 1 ? [last + 2, size - 1] : [0, size - k - 1]
        assert.equal((await verify(path, { from_seq: from, to_seq: to })).verdict, 'PASS')
      }
      t.diagnostic(
        `row 25 · ${name}, ${rounds} times · FAIL by kind and range each time, the rest checked · seed ${seed}`,
      )
    })

  test('bites: a verifier that stops at the first failure looks at nothing behind it', async (t) => {
    const path = join(makeFolder(t), 'audit.db')
    copyFileSync(base, path)
    const database = openBeside(path)
    damages['k rows in a row are damaged']?.(database, 50, 3)
    const rows = database.prepare('SELECT leaf FROM audit_log ORDER BY monotonic_seq').all()
    database.close()
    const first = rows.findIndex(({ leaf }) => !String(leaf).startsWith('{'))
    reportControl(t, 25, {
      broken: 'stops at the first failure',
      harm: 'rows never looked at',
      count: rows.length - first - 1,
    })
  })
})

const covered = ({ breaks }: LogVerdict, { kind, from, to }: Edge): boolean =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index).every((seq) =>
    breaks.some((one) => one.kind === kind && one.from_index <= seq && seq <= one.to_index),
  )

async function verify(path: string, range: VerifyRange): Promise<LogVerdict> {
  const store = await openForReading(path)
  try {
    const { logs } = await readerOf({ streams: { audit: store, sys: store, api: store } }).verify({
      ...range,
      stream: 'audit',
    })
    const [log] = logs
    assert.ok(log)
    return log
  } finally {
    await store.close()
  }
}

async function makeLog(folder: string): Promise<string> {
  const place = sqlitePlace(subfolder(folder, 'base'))
  const store = await openPlace(place)
  const samples = createSampleDrafts()
  for (let done = 0; done < size - 1; done += 2650)
    await store.append(
      batchOf(
        '00000000000000aa',
        done + 2650,
        Array.from({ length: 2650 }, () => samples.audit()),
      ),
    )
  await store.close()
  return place.dsn.replace('sqlite:///', '')
}
