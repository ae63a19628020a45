// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FastenError } from '../core/error.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { spooled } from '../testing/store-contract.ts'
import { parseDsn } from './dsn.ts'
import { openForReading, openStore } from './open.ts'

const root = mkdtempSync(join(tmpdir(), 'fasten-open-'))
after(() => rmSync(root, { recursive: true }))

test('a Postgres server that is not there is told without the password', async () => {
  const password = ['hunter', '2'].join('')
  const text = `postgresql://app:${password}@127.0.0.1:1/trail`
  for (const opening of [openStore({ dsn: parseDsn(text), streams: ['audit'] }), openForReading(text)]) {
    await assert.rejects(opening, (error: unknown) => {
      assert.ok(error instanceof FastenError)
      assert.equal(error.code, 'STORE_UNREACHABLE')
      assert.match(error.toLine(), /ECONNREFUSED.*app:\*\*\*@127\.0\.0\.1.*spool/)
      assert.doesNotMatch(error.toLine(), new RegExp(password))
      return true
    })
  }
})

test('a place that cannot be is said at once, with what to do', async () => {
  const path = join(root, 'no', 'such', 'rows.db')
  const dsn = parseDsn(`sqlite:///${path}`)
  await assert.rejects(openStore({ dsn, streams: ['audit'] }), {
    code: 'STORE_MISSING',
    at: path,
    hint: /mkdir -p/,
  })
  await assert.rejects(
    openStore({ dsn: { ...parseDsn('sqlite:///x.db'), path: root } as never, streams: ['audit'] }),
    { code: 'STORE_IO' },
  )
  assert.equal(existsSync(join(root, 'no')), false)
})

test('a relative path stays where it was when the working directory changes', async () => {
  const before = process.cwd()
  process.chdir(root)
  try {
    const store = await openStore({ dsn: parseDsn('sqlite:///moved.db'), streams: ['audit'] })
    process.chdir(before)
    await store.append({
      spool: '00000000000000aa',
      position: 1n,
      drafts: [spooled(createSampleDrafts().audit())],
    })
    assert.equal((await store.describe()).dsn, `sqlite:///${join(root, 'moved.db')}`)
    await store.close()
    const reader = await openForReading(join(root, 'moved.db'))
    assert.equal(await reader.count('audit', {}, 10), 2)
    await reader.close()
  } finally {
    process.chdir(before)
  }
})

test('a store in memory lives and dies with its connection', async () => {
  const dsn = parseDsn('sqlite:///:memory:')
  const store = await openStore({ dsn, streams: ['audit'] })
  await store.append({
    spool: '00000000000000aa',
    position: 1n,
    drafts: [spooled(createSampleDrafts().audit())],
  })
  assert.deepEqual([await store.count('audit', {}, 10), (await store.describe()).isDurable], [2, false])
  await store.close()
  await assert.rejects(openStore({ dsn, streams: ['audit'], mode: 'read' }), { code: 'STORE_MISSING' })
})

test('what is typed wrongly is told from what is not there', async () => {
  await assert.rejects(openForReading('', { at: '--from' }), { code: 'DSN_SCHEME', at: '--from' })
  await assert.rejects(openForReading('mysql://db/x'), { code: 'DSN_SCHEME' })
  await assert.rejects(openForReading('missing.db'), { code: 'STORE_MISSING' })
})
