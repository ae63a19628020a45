// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startPostgres } from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import { seedOr } from '../harness/chance.ts'
import { openSimPlace } from './sim-fleet.ts'
import { simulate } from './simulate.ts'

const seed = seedOr(12)
// Nothing here crashes the database, so it need not flush.
const server = await startPostgres({ settings: { fsync: 'off' } })
const place = await openSimPlace(await server.freshDatabase())
const root = mkdtempSync(join(tmpdir(), 'simulation-'))
after(async () => {
  await place.close()
  await server.remove()
  rmSync(root, { recursive: true, force: true })
})

test('nodes, servers and the line between them fail for minutes, and nothing is lost, forked in silence or there twice', async (t) => {
  const folder = join(root, 'whole')
  const { rows, logs, simulatedMs, counts } = await simulate({
    place,
    seed,
    prefix: 'a',
    folder,
    nodes: 4,
    servers: 2,
    minutes: 1,
  })
  t.diagnostic(
    `${rows} rows in ${logs} logs, ${Math.round(simulatedMs / 1000)} s simulated, ${JSON.stringify(counts)} · seed ${seed}`,
  )
  assert.ok(rows > 100, `only ${rows} rows, which shows nothing`)
})

test('what a seed did it does again', async () => {
  const small = { place, seed, nodes: 2, servers: 2, minutes: 0.3 }
  const first = await simulate({ ...small, prefix: 'b', folder: join(root, 'once') })
  const again = await simulate({ ...small, prefix: 'c', folder: join(root, 'again') })
  assert.deepEqual(again, first)
})
