// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

test('a process that waits for a row which the disk refused lives until the row is written', async () => {
  assert.equal(await said('waiting-alone.ts'), 'accepted false, durable\n')
})

test('a store that takes no row does not keep a process from ending, and the row stays in the spool', async () => {
  assert.equal(await said('waiting-in-vain.ts'), 'NOT_STORED_YET\n')
})

/** What the program wrote before it ended by itself, with code 0. */
async function said(program: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-waiting-'))
  try {
    const path = fileURLToPath(new URL(`fixtures/${program}`, import.meta.url))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=fasten-source', path, folder],
      { timeout: 600_000 },
    )
    return stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}
