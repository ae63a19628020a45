// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { killReportLine, killRounds } from './fixtures/kill-rounds.ts'
import { seededRandom } from './fixtures/seeded-random.ts'

// In lots on a fresh file each, so that the files stay small and a failing lot is known by its seed.
const lots = 20
const rounds = 100

for (let lot = 1; lot <= lots; lot++)
  it(`lot ${lot} of ${lots}: ${rounds} rounds of two processes on one file, each killed at a random instant`, async (t) => {
    const report = await killRounds(rounds, { random: seededRandom(lot) })
    t.diagnostic(`${killReportLine(report)}, seed ${lot}`)
    assert.ok(report.acked > rounds)
    assert.deepEqual([report.lost, report.duplicated], [[], []])
    assert.deepEqual(
      report.verdicts.filter(({ verdict }) => verdict === 'FAIL'),
      [],
    )
    assert.equal(report.quarantined, 0)
    assert.equal(report.spoolsLeft, 0)
  })
