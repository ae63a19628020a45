// SPDX-License-Identifier: Apache-2.0

export interface FaultRow {
  /** Number in the table; the test file is faults/row-<two digits>-<name>.test.ts. */
  readonly row: number
  readonly name: string
  readonly fault: string
  /** What must be true afterwards. */
  readonly promise: string
  /** What the control arm breaks on purpose, and the harm that the same attack then does. */
  readonly control: string
  /** What it needs of the machine; it is skipped with this reason otherwise. */
  readonly needs?: string
  /** Further tests of the same fault, closer to the code. */
  readonly alsoIn?: readonly string[]
}

/** Every fault that is attacked by a test, in the order of docs/faults.md. */
export const faultTable: readonly FaultRow[] = [
  {
    row: 1,
    name: 'kill',
    fault: '`kill -9` at random instants, two processes on one place, SQLite and Postgres',
    promise: 'every row whose `emit()` had returned is stored exactly once',
    control: 'a queue in memory loses rows',
  },
  {
    row: 2,
    name: 'power-loss',
    fault: 'the power of the disk fails: what was not flushed is gone',
    promise: 'every row whose `durable` or `stored` had resolved is stored exactly once',
    control: 'without flushes, and with `synchronous = NORMAL`, rows are lost',
    needs: 'root on Linux, loop devices',
    alsoIn: ['packages/fasten/src/store/spool/spool.test.ts'],
  },
  {
    row: 3,
    name: 'failing-writes',
    fault: '`EIO` at the K-th flush, write or rename of the whole process, then power loss',
    promise: 'a promise is only kept after the disk took the row; a failed flush is never trusted later',
    control: 'when failed calls count as done, rows are lost',
    needs: 'strace; root on Linux for the power loss',
    alsoIn: [
      'packages/fasten/src/store/spool/spool.test.ts',
      'packages/fasten/src/store/sqlite/faults.test.ts',
    ],
  },
  {
    row: 4,
    name: 'disk-full',
    fault: 'a small disk is filled to the last page, and freed',
    promise:
      'refusals have a code, fail-closed codes throw, `DISK_FULL` is recorded from the reserve, all resumes without a restart',
    control: 'when failed writes count as done, rows are lost',
    needs: 'root on Linux',
    alsoIn: ['packages/fasten/src/store/sqlite/faults.test.ts'],
  },
  {
    row: 5,
    name: 'corruption',
    fault:
      'one bit flipped, 4 KiB zeroed or the file cut off, in database, write-ahead log, spool and memory of signatures',
    promise:
      'the process starts; each changed row is named by a FAIL or refused by a code; damaged spool bytes are set aside',
    control: 'counting rows does not see the damage',
    alsoIn: ['packages/fasten/src/reader/tamper.test.ts'],
  },
  {
    row: 6,
    name: 'database-down',
    fault:
      'SQLite locked, Postgres crashed while rows are emitted; four days of a virtual clock without a database',
    promise:
      'memory stays flat, all rows arrive, the first of the outage first; attempts stay a minute apart',
    control: 'a queue in memory loses the first hours',
  },
  {
    row: 7,
    name: 'clock',
    fault: 'the clock steps back an hour, ahead ten years, stands still, repeats a second',
    promise:
      'numbers ascend, chains verify, who follows by position sees each row once, and `CLOCK_STEP` is recorded',
    control: 'who follows by time passes rows over',
  },
  {
    row: 8,
    name: 'duplicates',
    fault:
      'batches delivered up to three times, on either engine, by two senders, and later again; adopters race; an id with other content',
    promise:
      'each row is stored once; other content under a used id is told by `ROW_DUPLICATE`, and both are kept',
    control: 'a table that takes what it gets holds rows twice',
    alsoIn: ['packages/fasten/src/store/spool/adopt.test.ts'],
  },
  {
    row: 10,
    name: 'poison-rows',
    fault: 'one row in a hundred is too large, no JSON, no UTF-8 or in the wrong place',
    promise:
      'good rows go on; bad ones are on disk with their reason, and a retry after the repair stores them once',
    control: 'without quarantine, one bad row holds up its batch',
    alsoIn: ['packages/fasten/src/store/quarantine.test.ts'],
  },
  {
    row: 11,
    name: 'hostile-input',
    fault:
      'control characters, forged lines, formulas, markup, SQL, odd values and deep nesting in every member; hostile requests',
    promise: 'every surface shows them as data, what was hashed is what is stored, and the reader goes on',
    control: 'printing members as they are acts on the terminal',
    alsoIn: ['packages/fasten/src/core/visible.test.ts', 'packages/fasten/src/reader/csv.test.ts'],
  },
  {
    row: 12,
    name: 'file-replaced',
    fault: 'the database file is deleted, moved, emptied or replaced by an older copy under the process',
    promise:
      'rows emitted afterwards are stored where the path leads, in a new log that says which one it follows',
    control: 'a connection that is trusted for ever writes into a file that nobody finds',
    alsoIn: ['packages/fasten/src/store/sqlite/replaced.test.ts'],
  },
  {
    row: 13,
    name: 'truncated-tail',
    fault: 'the last rows cut, the head moved back, checkpoints deleted, while no process runs',
    promise:
      '`fasten verify` fails and names the missing range; the next start continues in a new log that says how many rows were signed',
    control: 'a node that signs nothing continues as if nothing had been there',
    alsoIn: ['packages/fasten/src/store/seal/sealer.test.ts'],
  },
  {
    row: 14,
    name: 'concurrent-writers',
    fault:
      'eight processes write one log and are stopped and resumed at random instants, SQLite and Postgres',
    promise: 'no fork, no hole, nothing lost or twice',
    control: 'a writer that trusts the head it read forks the log',
  },
  {
    row: 15,
    name: 'hung-sink',
    fault: 'the database accepts a transaction and never ends it',
    promise:
      '`emit()` returns, memory stays flat, the bound of the spool is told by a code, and all is stored later',
    control: 'a client that writes through to the database loses rows',
  },
  {
    row: 22,
    name: 'migrations',
    fault:
      '`kill -9` at every statement of every migration, SQLite and Postgres; an older program on newer data',
    promise:
      'the layout is the old one or the new one, the next start finishes; the older program is refused by a code',
    control: 'the same statements without a transaction leave half a layout',
    alsoIn: ['packages/fasten/src/store/sqlite/layout.test.ts'],
  },
  {
    row: 24,
    name: 'destroyed-tenant',
    fault:
      'a tenant is deleted with cascades, in one transaction with its event; then the tables are dropped',
    promise:
      'the event is stored if and only if the transaction commits; the trail is whole and has no foreign keys',
    control: 'a trail with a foreign key is wiped with the tenant',
    alsoIn: ['packages/fasten/src/capture/transaction/postgres.test.ts'],
  },
  {
    row: 25,
    name: 'verifier-edges',
    fault: 'the first, middle or last rows cut, rows swapped, rows damaged before ten thousand good ones',
    promise:
      'each is named by kind and exact range, every other row is checked, untouched parts verify by themselves',
    control: 'a verifier that stops at the first failure never looks behind it',
    alsoIn: ['packages/fasten/src/reader/tamper.test.ts'],
  },
]
