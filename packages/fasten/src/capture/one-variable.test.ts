// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openForReading } from '../store/open.ts'
import { startPostgres } from '../store/postgres/fixtures/server.ts'
import { assertSound } from '../testing/store-contract.ts'

const server = await startPostgres()
after(() => server.remove())

const application = fileURLToPath(new URL('fixtures/one-variable.ts', import.meta.url))

test('the same application stores the same rows wherever one variable says, and ends by itself', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-one-variable-'))
  const url = await server.freshDatabase()
  const told: object[] = []
  try {
    for (const dsn of [`sqlite:///${join(folder, 'rows.db')}`, url, `${url}?table=trail.audit_log`]) {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--conditions=fasten-source', application],
        {
          cwd: folder,
          timeout: 600_000,
          env: {
            ...process.env,
            FASTEN_AUDIT_DSN: dsn,
            FASTEN_SERVICE_ID: 'shop',
            FASTEN_NODE_ID: 'node-1',
            FASTEN_STDOUT: 'none',
            // A crowded machine is no failure.
            FASTEN_FLUSH_TIMEOUT_MS: '60000',
          },
        },
      )
      const cited = JSON.parse(stdout) as { log: string; monotonic_seq: number; hash: string }
      const store = await openForReading(dsn)
      try {
        await assertSound(store)
        const rows = await store.scan({ stream: 'audit', order: 'stored', limit: 10 })
        const targets = rows.map(({ row }) => row.stream === 'audit' && [row.code, row.target])
        const [found] = rows.filter(({ hash }) => hash === cited.hash)
        told.push({ targets, cited: found?.row.monotonic_seq === cited.monotonic_seq })
      } finally {
        await store.close()
      }
    }
    assert.deepEqual(told[0], {
      targets: [
        ['LOG_CREATED', '_/shop/node-1/audit'],
        ['ORDER_PAID', 'order:7'],
        ['ORDER_PAID', 'order:8'],
      ],
      cited: true,
    })
    assert.deepEqual(told.slice(1), [told[0], told[0]])
    // An emptied spool leaves nothing; the two schemas had one each.
    const spools = readdirSync(join(folder, '.fasten-spool'))
    assert.equal(spools.length, 2)
    for (const spool of spools) assert.deepEqual(readdirSync(join(folder, '.fasten-spool', spool)), [])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
