// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import type { LogVerdict } from '../../packages/fasten/src/core/verdict.ts'
import { seed } from './chance.ts'
import type { Judgement } from './judge.ts'

/** Where a test says something to the person who runs it. */
export interface Teller {
  diagnostic(line: string): void
}

export interface Attack {
  /** Row of docs/faults.md. */
  readonly row: number
  /** What was done to what, e.g. `kill -9 of two emitting processes`. */
  readonly attacked: string
  readonly times: number
  /** What else was seen, e.g. a measured time. */
  readonly also?: string
}

/**
 * Says what was attacked, how often, and what came of it, and fails unless nothing promised is lost, nothing is stored twice
 * and every log verifies. Needs at least `ackedMin` promises: a test in which nobody promised anything shows nothing.
 */
export function report(test: Teller, attack: Attack, judged: Judgement, ackedMin = 1): void {
  tell(test, attack, judged)
  assert.ok(judged.acked >= ackedMin, `only ${judged.acked} rows were promised, which shows nothing`)
  assert.deepEqual(judged.lost, [], 'rows were promised and are lost')
  assert.deepEqual(judged.duplicated, [], 'rows are stored twice')
  assert.deepEqual(
    judged.verdicts.filter(({ verdict }) => verdict !== 'PASS').map(brief),
    [],
    'a log does not verify',
  )
  assert.ok(judged.verdicts.length > 0, 'the store holds no log')
}

/** The line alone, for a row whose end is another than "nothing happened". */
export function tell(
  test: Teller,
  { row, attacked, times, also }: Attack,
  { acked, lost, duplicated, verdicts }: Pick<Judgement, 'acked' | 'lost' | 'duplicated' | 'verdicts'>,
): void {
  const rows = verdicts.reduce((sum, { rows_checked }) => sum + rows_checked, 0)
  test.diagnostic(
    `row ${row} · ${attacked}, ${times} times · ${acked} acked, ${lost.length} lost, ${duplicated.length} duplicated, ` +
      `verdict ${worst(verdicts)} (${verdicts.length} logs, ${rows} rows) · ${also === undefined ? '' : `${also} · `}seed ${seed}`,
  )
}

/** The control arm: the same attack on a system that is broken on purpose must do harm, or the test does not bite. */
export function reportControl(
  test: Teller,
  row: number,
  { broken, harm, count }: { readonly broken: string; readonly harm: string; readonly count: number },
): void {
  test.diagnostic(`row ${row} · control arm, ${broken}: ${count} ${harm} · seed ${seed}`)
  assert.ok(count > 0, `the attack did no harm to a system that is broken on purpose (${broken})`)
}

function worst(verdicts: readonly LogVerdict[]): string {
  const kinds = new Set(verdicts.map(({ verdict }) => verdict))
  return kinds.has('FAIL') ? 'FAIL' : kinds.has('INCOMPLETE') || kinds.size === 0 ? 'INCOMPLETE' : 'PASS'
}

const brief = ({ log, verdict, breaks, notes }: LogVerdict): unknown => ({
  log,
  verdict,
  breaks: breaks.slice(0, 3),
  notes,
})
