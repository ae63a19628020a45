// SPDX-License-Identifier: Apache-2.0
import { killReportLine, killRounds } from './fixtures/kill-rounds.ts'
import { seededRandom } from './fixtures/seeded-random.ts'

// 2,000 rounds in lots of 100 on a fresh file each, so that the files stay small. `npm run torture -- kill [rounds] [seed]`.
const rounds = Number(process.argv[2] ?? 2000)
const seed = Number(process.argv[3] ?? 1)
const random = seededRandom(seed)
let failures = 0
for (let done = 0; done < rounds; ) {
  const lot = Math.min(100, rounds - done)
  const report = await killRounds(lot, { random })
  done += lot
  const holds = report.lost.length === 0 && report.duplicated.length === 0 && report.verdicts.every(({ verdict }) => verdict !== 'FAIL')
  if (!holds) failures++
  process.stdout.write(`${holds ? '✓' : '✗'} ${done}/${rounds} ${killReportLine(report)}, seed ${seed}\n`)
}
process.exitCode = failures === 0 ? 0 : 1
