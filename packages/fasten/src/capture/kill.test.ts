// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { killReportLine, killRounds } from './fixtures/kill-rounds.ts'
import { seededRandom } from './fixtures/seeded-random.ts'

const rounds = 200

it(`keeps every acked row exactly once through ${rounds * 2} kills of two processes on one file`, async (t) => {
  const seed = process.pid
  const report = await killRounds(rounds, { random: seededRandom(seed) })
  t.diagnostic(`${killReportLine(report)}, seed ${seed}`)
  assert.ok(report.acked > rounds, 'the emitters must have emitted, or the test does not bite')
  assert.deepEqual(report.lost, [])
  assert.deepEqual(report.duplicated, [])
  assert.deepEqual(
    report.verdicts.filter(({ verdict }) => verdict === 'FAIL'),
    [],
  )
  assert.ok(report.verdicts.length >= 2)
  assert.equal(report.quarantined, 0)
  assert.equal(report.spoolsLeft, 0)
})
