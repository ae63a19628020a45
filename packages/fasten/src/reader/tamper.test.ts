// SPDX-License-Identifier: Apache-2.0
/**
 * What somebody with the database file and a SQL shell can do to a trail of 10,000 rows, and what verification says of it:
 * the exact places, the right kinds, honest counts, and nothing about rows that still hold.
 */
import assert from 'node:assert/strict'
import { constants, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { createFasten } from '../capture/create.ts'
import { runWithContext } from '../capture/context.ts'
import { canonicalize } from '../core/canonical.ts'
import { leafHash } from '../core/chain.ts'
import { columnNames, columnsOf, type ColumnValue } from '../core/columns.ts'
import { streams, type JsonValue, type Row, type StreamName } from '../core/row.ts'
import type { BreakKind, Verdict } from '../core/verdict.ts'
import { openForReading } from '../store/open.ts'
import { sha256 } from '../store/platform.ts'
import { readerOf } from './fixtures/opened.ts'

const rowsEmitted = 10_000
const table: Readonly<Record<StreamName, string>> = { audit: 'audit_log', sys: 'sys_log', api: 'api_log' }
const logOf = (stream: StreamName): string => `_/plant/edge-7/${stream}`

let folder: string
let base: string
let sizes: Readonly<Record<StreamName, number>>

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-tamper-'))
  base = join(folder, 'base.db')
  await fill(base, rowsEmitted)
  sizes = sizesIn(base)
  assert.equal(sizes.audit + sizes.sys + sizes.api, rowsEmitted + 3, 'each log begins with a row of its own')
})
after(() => rmSync(folder, { recursive: true, force: true }))

/** A service at work: audit rows, log lines and accesses, with every column filled somewhere and empty elsewhere. */
async function fill(path: string, rows: number): Promise<void> {
  const dsn = `sqlite:///${path}`
  const fasten = createFasten({
    service_id: 'plant',
    node_id: 'edge-7',
    audit_dsn: dsn,
    sys_dsn: dsn,
    api_dsn: dsn,
    stdout: ['none'],
    notices: { write: () => true },
    exit_hooks: false,
  })
  for (let index = 0; index < rows; index++) {
    const context = {
      request_id: `req-${index >> 2}`,
      ...(index % 8 < 4 ? { trace_id: String(index >> 2).padStart(32, 'a') } : {}),
    }
    runWithContext(context, () => {
      if (index % 5 < 2) {
        fasten.emit({
          code: 'DOCTOR_PROBE',
          target: `valve/${index}`,
          actor: `operator ${index % 7} “é”`,
          ...(index % 3 === 0 ? { on_behalf_of: 'shift', reason: 'inspection' } : {}),
          detail: { after: index / 4, before: null, note: 'ventil überprüft' },
        })
      } else if (index % 5 === 2) {
        const log = index % 2 === 0 ? fasten.log : fasten.log.child({ logger: 'loop' })
        log.info('setpoint_applied', { index })
      } else {
        fasten.recordApi({
          method: 'PUT',
          path: `/valves/${index}`,
          ...(index % 2 === 0 ? { route: '/valves/:id', actor: 'operator' } : {}),
          status: 200,
          duration_us: 900 + index,
        })
      }
    })
  }
  assert.ok(await fasten.flush(60_000), String(fasten.stats().last_error))
  await fasten.close()
}

function sizesIn(path: string): Readonly<Record<StreamName, number>> {
  const database = new DatabaseSync(path)
  try {
    const size = (stream: StreamName): number =>
      Number(database.prepare(`SELECT count(*) AS rows FROM ${table[stream]}`).get()?.['rows'])
    return { audit: size('audit'), sys: size('sys'), api: size('api') }
  } finally {
    database.close()
  }
}

/** The rows of one log as a database administrator handles them. */
function createShell(database: DatabaseSync) {
  const sql = (text: string, ...values: readonly (string | number | bigint | null | Uint8Array)[]): void =>
    void database.prepare(text).run(...values)
  const logId = (stream: StreamName): number =>
    Number(database.prepare('SELECT log_id FROM fasten_logs WHERE log = ?').get(logOf(stream))?.['log_id'])
  const ids = Object.fromEntries(streams.map((stream) => [stream, logId(stream)])) as Record<
    StreamName,
    number
  >
  const shell = {
    sql,
    logId,
    cell(stream: StreamName, seq: number, column: string): ColumnValue {
      const found = database.prepare(
        `SELECT ${column} AS cell FROM ${table[stream]} WHERE log_id = ? AND monotonic_seq = ?`,
      )
      return (found.get(ids[stream], seq)?.['cell'] ?? null) as ColumnValue
    },
    set(stream: StreamName, seq: number, column: string, value: string | number | bigint | null): void {
      sql(
        `UPDATE ${table[stream]} SET ${column} = ? WHERE log_id = ? AND monotonic_seq = ?`,
        value,
        ids[stream],
        seq,
      )
    },
    hash: (stream: StreamName, seq: number): string => String(shell.cell(stream, seq, 'hash')),
    row: (stream: StreamName, seq: number): Row => JSON.parse(String(shell.cell(stream, seq, 'leaf'))) as Row,
    /** Replaces the row with one that says what `members` say: leaf, hash and columns all fit. The new hash. */
    rewrite(stream: StreamName, seq: number, members: Readonly<Record<string, JsonValue>>): string {
      const row = { ...shell.row(stream, seq), ...members } as unknown as Row
      const leaf = canonicalize(row as unknown as JsonValue)
      const hash = leafHash(new TextEncoder().encode(leaf), sha256)
      const columns = columnsOf(row)
      const names = columnNames[stream]
      const sets = ['leaf', 'hash', ...names].map((name) => `${name} = ?`)
      sql(
        `UPDATE ${table[stream]} SET ${sets.join(', ')} WHERE log_id = ? AND monotonic_seq = ?`,
        leaf,
        hash,
        ...names.map((name) => columns[name] ?? null),
        ids[stream],
        seq,
      )
      return hash
    },
    /** Moves the rows at `from` and behind by some places, past the unique index. */
    shift(stream: StreamName, from: number, by: number): void {
      sql(
        `UPDATE ${table[stream]} SET monotonic_seq = -1000000 - monotonic_seq WHERE monotonic_seq >= ?`,
        from,
      )
      sql(
        `UPDATE ${table[stream]} SET monotonic_seq = -1000000 - monotonic_seq + ? WHERE monotonic_seq < -1`,
        by,
      )
    },
    remove(stream: StreamName, from: number, to: number): void {
      sql(`DELETE FROM ${table[stream]} WHERE monotonic_seq BETWEEN ? AND ?`, from, to)
    },
    /** A copy of the row at `seq`, at another place. */
    copy(stream: StreamName, seq: number, to: number | bigint, position?: number): void {
      sql(`DROP INDEX IF EXISTS ${table[stream]}_id`)
      sql(`DROP INDEX IF EXISTS ${table[stream]}_place`)
      const names = ['log_id', 'hash', ...columnNames[stream], 'leaf'].join(', ')
      sql(
        `INSERT INTO ${table[stream]} (position, monotonic_seq, ${names})
         SELECT ?, ?, ${names} FROM ${table[stream]} WHERE monotonic_seq = ? LIMIT 1`,
        position ?? 1_000_000_000 + seq,
        to,
        seq,
      )
    },
    /** A row of the forger's own at a free place, linked to the row before it and sound in itself. The hash. */
    forge(stream: StreamName, seq: number): string {
      shell.copy(stream, seq - 1, seq)
      return shell.rewrite(stream, seq, {
        id: `evt-7ZZZZZZZZZZZZZZZZZ${String(seq).padStart(9, '0')}`.slice(0, 30),
        monotonic_seq: seq,
        prev_hash: shell.hash(stream, seq - 1),
      })
    },
    /** True for a row that lies where it was stored, in a log whose name and end are as they were. */
    isGood(stream: StreamName, seq: number): boolean {
      const exists = database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table[stream])
      const head = database.prepare(
        'SELECT 1 FROM fasten_logs WHERE log = ? AND table_name = ? AND size >= ?',
      )
      return (
        exists !== undefined &&
        head.get(logOf(stream), table[stream], seq + 1) !== undefined &&
        shell.cell(stream, seq, 'leaf') !== null &&
        shell.row(stream, seq).monotonic_seq === seq
      )
    },
    rowsByLog(): ReadonlyMap<string, number> {
      const rows = new Map<string, number>()
      for (const name of Object.values(table)) {
        if (database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) === undefined) continue
        const counted = database.prepare(`
          SELECT ifnull(log, 'unknown-log/${name}/' || t.log_id) AS log, count(*) AS rows FROM ${name} t
          LEFT JOIN fasten_logs f ON f.log_id = t.log_id AND f.table_name = '${name}' GROUP BY 1`)
        for (const { log, rows: count } of counted.all()) rows.set(String(log), Number(count))
      }
      return rows
    },
    head(stream: StreamName, column: string, value: string | number): void {
      sql(`UPDATE fasten_logs SET ${column} = ? WHERE log = ?`, value, logOf(stream))
    },
  }
  return shell
}
type Shell = ReturnType<typeof createShell>

/** Breaks by log. */
type Expected = Readonly<Record<string, readonly (readonly [BreakKind, number, number])[]>>

/** Draws a whole number from 0 on, below `end`; the edges come often. */
type Draw = (end: number) => number

/** Does something to the rows of one stream and answers the breaks that must name it. */
type Damage = (shell: Shell, stream: StreamName, draw: Draw) => Expected

const one = (stream: StreamName, ...breaks: readonly (readonly [BreakKind, number, number])[]): Expected => ({
  [logOf(stream)]: breaks,
})
/** A member of each stream that no column repeats, and one that a column does. */
const hidden = { audit: 'detail', sys: 'fields', api: 'bytes_in' } as const
const shown = { audit: 'actor', sys: 'event', api: 'path' } as const

/** What the row behind `seq` says of it after its hash was renewed: nothing that follows, only the head, if it is the newest. */
function afterwards(stream: StreamName, seq: number): readonly [BreakKind, number, number] {
  const isNewest = seq === sizes[stream] - 1
  return isNewest ? ['head_mismatch', seq, seq] : ['link_mismatch', seq + 1, seq + 1]
}

function edited(shell: Shell, stream: StreamName, draw: Draw, name: string, value: JsonValue): Expected {
  const seq = draw(sizes[stream])
  shell.rewrite(stream, seq, { [name]: value })
  return one(stream, afterwards(stream, seq))
}

const damages: Readonly<Record<string, Damage>> = {
  'a byte of a leaf is changed'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    const leaf = Buffer.from(String(shell.cell(stream, seq, 'leaf')))
    const at = draw(leaf.length)
    leaf[at] = (leaf[at] ?? 0) ^ (1 + draw(255))
    shell.sql(`UPDATE ${table[stream]} SET leaf = CAST(? AS TEXT) WHERE monotonic_seq = ?`, leaf, seq)
    return one(stream, ['hash_mismatch', seq, seq])
  },
  'bytes are taken off a leaf, or put behind it'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    const leaf = String(shell.cell(stream, seq, 'leaf'))
    shell.set(stream, seq, 'leaf', draw(2) === 0 ? leaf.slice(0, 1 + draw(leaf.length - 1)) : `${leaf} `)
    return one(stream, ['hash_mismatch', seq, seq])
  },
  'a leaf and its columns are edited'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    const hash = shell.hash(stream, seq)
    shell.rewrite(stream, seq, { [shown[stream]]: 'mallory' })
    shell.set(stream, seq, 'hash', hash)
    return one(stream, ['hash_mismatch', seq, seq])
  },
  'a leaf, its columns and its hash are edited': (shell, stream, draw) =>
    edited(shell, stream, draw, shown[stream], 'mallory'),
  'a member that has no column is edited, and the hash': (shell, stream, draw) =>
    edited(shell, stream, draw, hidden[stream], { forged: true }),
  'a row and every row behind it are written anew, but for the head'(shell, stream, draw) {
    const size = sizes[stream]
    const from = size - 1 - draw(60)
    let prev_hash = shell.rewrite(stream, from, { [shown[stream]]: 'mallory' })
    for (let seq = from + 1; seq < size; seq++) prev_hash = shell.rewrite(stream, seq, { prev_hash })
    return one(stream, ['head_mismatch', size - 1, size - 1])
  },
  'a prev_hash is changed, and the hash renewed'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    shell.rewrite(stream, seq, { prev_hash: 'ab'.repeat(32) })
    return one(stream, ['link_mismatch', seq, seq], afterwards(stream, seq))
  },
  'the leaf names another place, and the hash is renewed'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    const members = [
      { monotonic_seq: seq + 1 },
      { log: '_/plant/edge-8/audit' },
      { log: `${logOf(stream)}~2` },
      { stream: streams[(streams.indexOf(stream) + 1) % 3] ?? 'audit' },
    ]
    const { stream: _, ...kept } = shell.row(stream, seq)
    const row = { ...kept, stream, ...members[draw(4)] } as unknown as JsonValue
    const leaf = canonicalize(row)
    shell.set(stream, seq, 'leaf', leaf)
    shell.set(stream, seq, 'hash', leafHash(new TextEncoder().encode(leaf), sha256))
    return one(stream, ['place_mismatch', seq, seq])
  },
  'the leaf claims another form, and the hash is renewed'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    shell.rewrite(stream, seq, { canonical_form_id: draw(2) === 0 ? '2' : '33' })
    return one(stream, ['form_unknown', seq, seq])
  },
  'the leaf is written in another way, and the hash renewed'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    const leaf = String(shell.cell(stream, seq, 'leaf'))
    const other = [
      `${leaf}\n`,
      leaf.replace('{', '{ '),
      leaf.replace(/"wire_version":"2"/, '$&,$&'),
      'nonsense',
    ][draw(4)]
    assert.ok(other !== undefined && other !== leaf)
    shell.set(stream, seq, 'leaf', other)
    shell.set(stream, seq, 'hash', leafHash(new TextEncoder().encode(other), sha256))
    return one(stream, ['leaf_unreadable', seq, seq])
  },
  'leaves are blanked'(shell, stream, draw) {
    const [from, to] = stretch(stream, draw)
    shell.sql(
      `UPDATE ${table[stream]} SET leaf = ? WHERE monotonic_seq BETWEEN ? AND ?`,
      draw(2) === 0 ? null : '',
      from,
      to,
    )
    return one(stream, ['leaf_unreadable', from, to])
  },
  'hashes are blanked'(shell, stream, draw) {
    const [from, to] = stretch(stream, draw)
    shell.sql(
      `UPDATE ${table[stream]} SET hash = ? WHERE monotonic_seq BETWEEN ? AND ?`,
      draw(2) === 0 ? null : '',
      from,
      to,
    )
    return one(stream, ['hash_missing', from, to])
  },
  'a row is edited and its hash blanked, as if it were from before hashing'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    shell.rewrite(stream, seq, { [shown[stream]]: 'mallory' })
    shell.set(stream, seq, 'hash', null)
    return one(stream, ['hash_missing', seq, seq])
  },
  'a hash is changed'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    const hash = shell.hash(stream, seq)
    const other = ['ab'.repeat(32), hash.slice(0, -1), hash.toUpperCase(), ` ${hash}`][draw(4)] ?? ''
    shell.set(stream, seq, 'hash', other === hash ? 'cd'.repeat(32) : other)
    return one(stream, ['hash_mismatch', seq, seq])
  },
  'the first rows are deleted'(shell, stream, draw) {
    const rows = 1 + draw(sizes[stream] - 1)
    shell.remove(stream, 0, rows - 1)
    return one(stream, ['rows_missing', 0, rows - 1])
  },
  'rows in the middle are deleted'(shell, stream, draw) {
    const [from, to] = stretch(stream, draw)
    shell.remove(stream, from, to)
    return one(stream, ['rows_missing', from, to])
  },
  'the last rows are deleted'(shell, stream, draw) {
    const from = sizes[stream] - 1 - draw(sizes[stream] - 1)
    shell.remove(stream, from, Infinity)
    return one(stream, ['rows_missing', from, sizes[stream] - 1])
  },
  'rows here and there are deleted'(shell, stream, draw) {
    const seqs = [...new Set([0, 1, 2, 3, 4].map(() => draw(sizes[stream] / 2) * 2))].sort((a, b) => a - b)
    for (const seq of seqs) shell.remove(stream, seq, seq)
    return one(stream, ...seqs.map((seq) => ['rows_missing', seq, seq] as const))
  },
  'all rows are deleted'(shell, stream, draw) {
    shell.sql(`DELETE FROM ${table[stream]}`)
    return one(stream, ['rows_missing', 0, sizes[stream] - 1])
  },
  'the table is dropped'(shell, stream, draw) {
    shell.sql(`DROP TABLE ${table[stream]}`)
    return one(stream, ['rows_missing', 0, sizes[stream] - 1])
  },
  'the table is dropped and taken out of the list of tables'(shell, stream, draw) {
    shell.sql(`DROP TABLE ${table[stream]}`)
    shell.sql('DELETE FROM fasten_tables WHERE table_name = ?', table[stream])
    return one(stream, ['rows_missing', 0, sizes[stream] - 1])
  },
  'rows in the middle are deleted and the size is lowered'(shell, stream, draw) {
    const size = sizes[stream]
    const rows = 1 + draw(50)
    const from = 1 + draw(size - 2 * rows - 1)
    shell.remove(stream, from, from + rows - 1)
    shell.head(stream, 'size', size - rows)
    return one(stream, ['rows_missing', from, from + rows - 1], ['beyond_head', size - rows, size - 1])
  },
  'rows are deleted and those behind them renumbered'(shell, stream, draw) {
    const size = sizes[stream]
    const rows = 1 + draw(50)
    const from = draw(size - rows - 1)
    shell.remove(stream, from, from + rows - 1)
    shell.shift(stream, from + rows, -rows)
    const moved = ['place_mismatch', from, size - rows - 1] as const
    if (draw(2) === 0) return one(stream, moved, ['rows_missing', size - rows, size - 1])
    shell.head(stream, 'size', size - rows)
    return one(stream, moved)
  },
  'the last rows are deleted and the size lowered, the hash forgotten'(shell, stream, draw) {
    const size = sizes[stream]
    const rows = 1 + draw(size - 1)
    shell.remove(stream, size - rows, Infinity)
    shell.head(stream, 'size', size - rows)
    return one(stream, ['head_mismatch', size - rows - 1, size - rows - 1])
  },
  'the last rows are deleted and the hash set back, the size forgotten'(shell, stream, draw) {
    const size = sizes[stream]
    const rows = 1 + draw(size - 1)
    shell.head(stream, 'head_hash', shell.hash(stream, size - rows - 1))
    shell.remove(stream, size - rows, Infinity)
    return one(stream, ['rows_missing', size - rows, size - 1])
  },
  'a row is forged behind the last'(shell, stream, draw) {
    shell.forge(stream, sizes[stream])
    return one(stream, ['beyond_head', sizes[stream], sizes[stream]])
  },
  'a row is forged far behind the last'(shell, stream, draw) {
    const seq = sizes[stream] + 1 + draw(1_000_000)
    shell.copy(stream, draw(sizes[stream]), seq)
    return one(stream, ['beyond_head', seq, seq])
  },
  'a row is forged where no number reaches'(shell, stream, draw) {
    shell.copy(stream, draw(sizes[stream]), 2n ** 63n - 1n - BigInt(draw(1_000)))
    return one(stream, ['place_mismatch', sizes[stream], sizes[stream]])
  },
  'a row is forged before the first'(shell, stream, draw) {
    const seq = -1 - draw(1_000_000)
    shell.copy(stream, draw(sizes[stream]), seq)
    return one(stream, ['place_mismatch', seq, seq])
  },
  'a row is forged between two, and those behind it renumbered'(shell, stream, draw) {
    const size = sizes[stream]
    const seq = 1 + draw(size - 1)
    shell.shift(stream, seq, 1)
    shell.forge(stream, seq)
    // What it pushed aside tells: each row behind it says that it belongs one place lower.
    if (draw(2) === 0) {
      const rest = seq + 1 < size ? [['place_mismatch', seq + 1, size - 1] as const] : []
      return one(stream, ...rest, ['beyond_head', size, size])
    }
    shell.head(stream, 'size', size + 1)
    return one(stream, ['place_mismatch', seq + 1, size])
  },
  'two rows change places'(shell, stream, draw) {
    const [from, to] = stretch(stream, draw, 2)
    shell.set(stream, from, 'monotonic_seq', -5)
    shell.set(stream, to, 'monotonic_seq', from)
    shell.set(stream, -5, 'monotonic_seq', to)
    return one(stream, ['place_mismatch', from, from], ['place_mismatch', to, to])
  },
  'two neighbours change places, and say so'(shell, stream, draw) {
    const seq = 1 + draw(sizes[stream] - 2)
    shell.set(stream, seq, 'monotonic_seq', -5)
    shell.set(stream, seq + 1, 'monotonic_seq', seq)
    shell.set(stream, -5, 'monotonic_seq', seq + 1)
    const prev_hash = shell.rewrite(stream, seq, {
      monotonic_seq: seq,
      prev_hash: shell.hash(stream, seq - 1),
    })
    shell.rewrite(stream, seq + 1, { monotonic_seq: seq + 1, prev_hash })
    return one(stream, afterwards(stream, seq + 1))
  },
  'a row is moved behind others'(shell, stream, draw) {
    const [from, to] = stretch(stream, draw, 2)
    shell.set(stream, from, 'monotonic_seq', -5)
    shell.sql(
      `UPDATE ${table[stream]} SET monotonic_seq = -1000000 - monotonic_seq WHERE monotonic_seq BETWEEN ? AND ?`,
      from + 1,
      to,
    )
    shell.sql(
      `UPDATE ${table[stream]} SET monotonic_seq = -1000000 - monotonic_seq - 1 WHERE monotonic_seq < -1000`,
    )
    shell.set(stream, -5, 'monotonic_seq', to)
    return one(stream, ['place_mismatch', from, to - 1], ['place_mismatch', to, to])
  },
  'a row is stored twice'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    shell.copy(stream, seq, seq)
    return one(stream, ['duplicate_seq', seq, seq])
  },
  'a forged row is stored at the place of another, before or behind it'(shell, stream, draw) {
    const seq = 1 + draw(sizes[stream] - 1)
    const position = draw(2) === 0 ? -7 : 1_000_000_000
    shell.copy(stream, seq, -5, position)
    shell.rewrite(stream, -5, { [shown[stream]]: 'mallory' })
    shell.set(stream, -5, 'monotonic_seq', seq)
    return one(stream, ['duplicate_seq', seq, seq])
  },
  'a row is moved to a log that there is not'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    shell.set(stream, seq, 'log_id', 4_711)
    return {
      ...one(stream, ['rows_missing', seq, seq]),
      [`unknown-log/${table[stream]}/4711`]: [['beyond_head', seq, seq]],
    }
  },
  'a row is moved to another log'(shell, stream, draw) {
    const seq = draw(sizes[stream])
    shell.sql(
      `INSERT INTO fasten_logs (log_id, table_name, log, size, head_hash, position, moved_at)
       SELECT ${770 + streams.indexOf(stream)}, table_name, '_/plant/edge-8/${stream}', ?, ?, 0, moved_at FROM fasten_logs WHERE log = ?`,
      seq + 1,
      shell.hash(stream, seq),
      logOf(stream),
    )
    shell.set(stream, seq, 'log_id', 770 + streams.indexOf(stream))
    const before = seq === 0 ? [] : [['rows_missing', 0, seq - 1] as const]
    return {
      ...one(stream, ['rows_missing', seq, seq]),
      [`_/plant/edge-8/${stream}`]: [...before, ['place_mismatch', seq, seq]],
    }
  },
  'a row of another stream stands in for one'(shell, stream, draw) {
    const other = streams[(streams.indexOf(stream) + 1) % 3] ?? 'audit'
    const seq = draw(Math.min(sizes[stream], sizes[other]))
    shell.set(stream, seq, 'leaf', shell.cell(other, seq, 'leaf'))
    shell.set(stream, seq, 'hash', shell.cell(other, seq, 'hash'))
    return one(stream, ['place_mismatch', seq, seq])
  },
  'a log is renamed'(shell, stream, draw) {
    shell.head(stream, 'log', `_/plant/edge-9/${stream}`)
    return { [`_/plant/edge-9/${stream}`]: [['place_mismatch', 0, sizes[stream] - 1]] }
  },
  'a log is given to another table'(shell, stream, draw) {
    const other = streams[(streams.indexOf(stream) + 1) % 3] ?? 'audit'
    shell.head(stream, 'table_name', draw(2) === 0 ? table[other] : 'elsewhere')
    return {
      ...one(stream, ['rows_missing', 0, sizes[stream] - 1]),
      [`unknown-log/${table[stream]}/${shell.logId(stream)}`]: [['beyond_head', 0, sizes[stream] - 1]],
    }
  },
  'the head counts too many rows'(shell, stream, draw) {
    const more = 1 + draw(1_000)
    shell.head(stream, 'size', sizes[stream] + more)
    return one(stream, ['rows_missing', sizes[stream], sizes[stream] + more - 1])
  },
  'the head counts too few rows'(shell, stream, draw) {
    const fewer = 1 + draw(sizes[stream] - 1)
    shell.head(stream, 'size', sizes[stream] - fewer)
    return one(stream, ['beyond_head', sizes[stream] - fewer, sizes[stream] - 1])
  },
  'the head names another hash'(shell, stream, draw) {
    const seq = sizes[stream] - 1
    shell.head(
      stream,
      'head_hash',
      ['genesis', '', 'ab'.repeat(32), shell.hash(stream, draw(seq))][draw(4)] ?? '',
    )
    return one(stream, ['head_mismatch', seq, seq])
  },
  'the head is deleted'(shell, stream, draw) {
    const logId = shell.logId(stream)
    shell.sql('DELETE FROM fasten_logs WHERE log = ?', logOf(stream))
    return { [`unknown-log/${table[stream]}/${logId}`]: [['beyond_head', 0, sizes[stream] - 1]] }
  },
}

/** Two neighbouring rows or more, away from the end so that there are good rows behind them. */
function stretch(stream: StreamName, draw: Draw, rowsMin = 1): readonly [number, number] {
  const from = draw(sizes[stream] - 200)
  return [from, from + rowsMin - 1 + draw(100)]
}

/**
 * A copy of the trail with the damage done to some of its streams. Where good rows are left behind the damage, one of them is
 * damaged too and must be found as well; all others must be found good.
 */
async function verifyDamaged(damage: Damage, { hit, numbers }: Drawn): Promise<Found> {
  const path = join(folder, 'damaged.db')
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
  copyFileSync(base, path, constants.COPYFILE_FICLONE)
  const database = new DatabaseSync(path)
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
})

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
