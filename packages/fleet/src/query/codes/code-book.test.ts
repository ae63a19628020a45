// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openCodeBook } from './code-book.ts'

test('a book has every code that somebody explains once, and the word of a service goes before that of the catalogue', () => {
  const folder = mkdtempSync(join(tmpdir(), 'codes-'))
  try {
    const file = join(folder, 'shop.codes.yaml')
    writeFileSync(
      file,
      'domain: shop\ncodes:\n  REFUND_PAID: { description: Money went back., severity: warn }\n  TOOL_CALLED: { description: A hammer. }\n',
    )
    const book = openCodeBook([file])()
    assert.equal(new Set(book.map(({ code }) => code)).size, book.length)
    const told = ['LOG_CREATED', 'MODEL_CALLED', 'REFUND_PAID', 'ROWS_HELD', 'TOOL_CALLED']
    assert.deepEqual(
      book
        .filter(({ code }) => told.includes(code))
        .map(({ code, domain, severity, from }) => [code, domain, severity, from]),
      [
        ['LOG_CREATED', 'fasten', 'info', 'fasten'],
        ['MODEL_CALLED', 'agent', 'info', 'catalogue'],
        ['REFUND_PAID', 'shop', 'warn', 'own'],
        ['ROWS_HELD', 'fleet', 'warn', 'fleet'],
        ['TOOL_CALLED', 'shop', 'info', 'own'],
      ],
    )
    assert.throws(() => openCodeBook([join(folder, 'none.codes.yaml')]), { code: 'CATALOG_BACKEND' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
