// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeSeals } from '../../testing/seal-contract.ts'
import { openStore, type StoreTarget } from '../open.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import { sqliteDriverNames } from './driver.ts'
import { openBeside } from './fixtures/beside.ts'

for (const driver of sqliteDriverNames)
  describeSeals(`SQLite through ${driver}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fasten-seals-'))
    const path = join(folder, 'a.db')
    const target: StoreTarget = {
      dsn: { kind: 'sqlite', path, isMemory: false },
      streams: ['audit', 'sys', 'api'],
      driver,
    }
    return {
      open: (signing) =>
        openStore(target, { digest: sha256, clock: createSystemClock(), ids: createSystemIds(), signing }),
      async cut(rows, head_hash) {
        const database = openBeside(path)
        database.prepare('DELETE FROM audit_log WHERE monotonic_seq >= ?').run(rows)
        database.prepare('UPDATE fasten_logs SET size = ?, head_hash = ?').run(rows, head_hash)
        database.exec('DELETE FROM fasten_checkpoints')
        database.close()
      },
      async wipe() {
        for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true })
      },
      remove: () => rm(folder, { recursive: true }),
    }
  })
