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
    fault: '`kill -9` at random instants, two processes on one place',
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
    fault: 'one bit flipped, 4 KiB zeroed or the file cut off, in database, write-ahead log and spool',
    promise:
      'the process starts; each changed row is named by a FAIL or refused by a code; damaged spool bytes are set aside',
    control: 'counting rows does not see the damage',
    alsoIn: ['packages/fasten/src/reader/tamper.test.ts'],
  },
]
