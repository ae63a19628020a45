// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { createFasten } from '../../capture/create.ts'
import { createCodeRegistry } from '../../core/code.ts'
import type { AuditRow } from '../../core/row.ts'
import type { ReaderRow } from '../../reader/reader.ts'
import type { ErasureReceipt } from '../../store/privacy/erase-subject.ts'
import { startPostgres } from '../../store/postgres/fixtures/server.ts'
import { ask, rowsOf } from '../fixtures/ask.ts'

const server = await startPostgres()
after(() => server.remove())
const folder = mkdtempSync(join(tmpdir(), 'fasten-erase-postgres-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const people = ['ann', 'bob', 'eve'] as const
const emailOf = (name: string): string => `${name}.unmistakable@example.org`

test('one of three people is erased from Postgres, and tables that are put back are erased again', async () => {
  const url = await server.freshDatabase()
  const env = {
    FASTEN_AUDIT_DSN: url,
    FASTEN_KEY_DIR: join(folder, 'node'),
    FASTEN_SPOOL_DIR: join(folder, 'spool'),
  }
  const open = (): ReturnType<typeof createFasten> => {
    const registry = createCodeRegistry()
    registry.register('shop', {
      GIFT_SENT: {
        pii: {
          'detail.payer.email': 'detail.payer.id',
          'detail.friends.email': 'detail.friends.id',
          actor: 'actor',
        },
      },
    })
    return createFasten({
      registry,
      auditDsn: url,
      keyDir: env.FASTEN_KEY_DIR,
      spoolDir: env.FASTEN_SPOOL_DIR,
      serviceId: 'shop',
      nodeId: 'n1',
      stdout: 'none',
      exitHooks: false,
    } as never)
  }
  const emitRows = (fasten: ReturnType<typeof createFasten>, count: number): void => {
    for (let index = 0; index < count; index++) {
      const [payer = '', one = '', other = ''] = [0, 1, 2].map((step) => people[(index + step) % 3])
      fasten.emit({
        code: 'GIFT_SENT',
        target: `gift:${index}`,
        actor: `user:${payer}`,
        detail: {
          payer: { id: `user:${payer}`, email: emailOf(payer) },
          friends: [one, other].map((name) => ({ id: `user:${name}`, email: emailOf(name) })),
        },
      })
    }
  }
  const shown = async (): Promise<Record<string, number>> => {
    const { out, err } = await ask(['query', '--disclose', '--json', '--all', '--stream', 'audit'], { env })
    const texts = (rowsOf(out) as readonly ReaderRow<AuditRow>[]).flatMap(({ disclosures = {} }) =>
      Object.values(disclosures).map(({ state, value }) =>
        state === 'disclosed' ? JSON.stringify(value) : state,
      ),
    )
    assert.ok(texts.length > 0, err)
    return Object.fromEntries(
      [...people, 'erased', 'missing'].map((word) => [
        word,
        texts.filter((text) => text.includes(word)).length,
      ]),
    )
  }
  const verdict = async (): Promise<string> => {
    const { out } = await ask(['verify', '--json'], { env })
    return (JSON.parse(out) as { verdict: string }).verdict
  }

  const fasten = open()
  emitRows(fasten, 12)
  assert.equal(await fasten.flush(30_000), true)
  await fasten.close()
  const before = await shown()
  assert.deepEqual(before, { ann: 16, bob: 16, eve: 16, erased: 0, missing: 0 })

  const client = new Client(url)
  await client.connect()
  try {
    const plan = await ask(['erase', 'user:bob', '--json'], { env })
    const { key_ids } = JSON.parse(plan.out) as { key_ids: readonly string[] }
    const keys = (await client.query('SELECT * FROM fasten_data_keys WHERE id = ANY($1)', [key_ids])).rows
    const boxes = (
      await client.query(
        'SELECT position, pointer, box, lookup FROM fasten_disclosures WHERE key_id = ANY($1)',
        [key_ids],
      )
    ).rows as readonly { position: string; pointer: string; box: Buffer; lookup: string | null }[]
    assert.deepEqual([keys.length, boxes.length], [key_ids.length, 16])

    const { out, exitCode, err } = await ask(
      ['erase', 'user:bob', '--basis', 'GDPR Art. 17(1)(b)', '--yes', '--json'],
      { env },
    )
    assert.equal(exitCode, 0, err)
    const receipt = JSON.parse(out) as ErasureReceipt
    assert.deepEqual([receipt.values, receipt.rows], [16, 12])
    assert.ok(receipt.remaining.some((text) => text.includes('write-ahead log')))
    const later = { ann: 16, bob: 0, eve: 16, erased: 16, missing: 0 }
    assert.deepEqual([await shown(), await verdict()], [later, 'PASS'])

    if (server.isOwn) {
      const dataDirectory = String((await client.query('SHOW data_directory')).rows[0]?.['data_directory'])
      const wrapped = keys.map((key) => (key as { wrapped: string }).wrapped)
      assert.deepEqual(
        filesWith(dataDirectory, people.map(emailOf)),
        [],
        'nothing rests in clear, the log included',
      )
      const traces = [...boxes.map(({ box }) => box), ...wrapped]
      assert.deepEqual(
        filesWith(dataDirectory, traces).filter((path) => !path.includes('pg_wal')),
        [],
        'outside of the write-ahead log',
      )
    }

    // The tables as they were before, without the memory of the erasure: what a restored dump is.
    for (const table of ['destroyed_keys', 'erased_subjects', 'tombstones', 'erased_keys'])
      await client.query(`DELETE FROM fasten_${table}`)
    for (const key of keys as readonly Record<string, string>[])
      await client.query('INSERT INTO fasten_data_keys VALUES ($1, $2, $3, $4, $5, $6)', [
        key['id'],
        key['tenant'],
        key['subject'],
        key['kek'],
        key['made_at'],
        key['wrapped'],
      ])
    for (const { position, pointer, box, lookup } of boxes)
      await client.query(
        'UPDATE fasten_disclosures SET box = $3, lookup = $4 WHERE position = $1 AND pointer = $2',
        [position, pointer, box, lookup],
      )
    assert.deepEqual((await shown())['bob'], 0, 'not served')
    const writer = open()
    emitRows(writer, 1)
    assert.equal(await writer.flush(30_000), true)
    await writer.close()
    const left = await client.query(
      'SELECT count(*)::int AS n FROM fasten_disclosures WHERE key_id = ANY($1) AND box IS NOT NULL',
      [key_ids],
    )
    const kept = await client.query('SELECT count(*)::int AS n FROM fasten_data_keys WHERE id = ANY($1)', [
      key_ids,
    ])
    assert.deepEqual([left.rows, kept.rows, await verdict()], [[{ n: 0 }], [{ n: 0 }], 'PASS'])
  } finally {
    await client.end()
  }
})

function filesWith(directory: string, needles: readonly (string | Buffer)[]): readonly string[] {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => {
      const bytes = readFileSync(path)
      return needles.some((needle) => bytes.includes(needle))
    })
}
