// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startPostgres } from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import { createChance, seed } from '../harness/chance.ts'
import { openSimPlace } from './sim-fleet.ts'
import { simulate } from './simulate.ts'

// Nothing here crashes the database, so it need not flush.
const server = await startPostgres({ settings: { fsync: 'off' } })
const place = await openSimPlace(await server.freshDatabase())
const root = mkdtempSync(join(tmpdir(), 'simulation-'))
after(async () => {
  await place.close()
  await server.remove()
  rmSync(root, { recursive: true, force: true })
})

const seeds = createChance(seed)
for (let round = 0; round < 100; round++) {
  // The first is the one that was asked for, and a seed says how large its world is: FAULTS_SEED repeats what any of them showed.
  const own = round === 0 ? seed : seeds.between(1, 0x7fff_ffff)
  test(`seed ${own}`, async (t) => {
    const folder = join(root, String(round))
    const order = { place, seed: own, prefix: `r${round}`, folder }
    const { rows, logs, simulatedMs, counts } = await simulate({
      ...order,
      nodes: 4 + (own % 3) * 4,
      servers: 1 + (own % 3),
      minutes: 1 + (own % 5) * 2,
    })
    const seconds = Math.round(simulatedMs / 1000)
    t.diagnostic(
      `${rows} rows in ${logs} logs, ${seconds} s simulated, ${JSON.stringify(counts)} · seed ${own}`,
    )
    rmSync(folder, { recursive: true, force: true })
  })
}
