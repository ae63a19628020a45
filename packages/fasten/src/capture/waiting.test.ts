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
  const folder = mkdtempSync(join(tmpdir(), 'fasten-waiting-'))
  try {
    const program = fileURLToPath(new URL('fixtures/waiting-alone.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--conditions=fasten-source',
      program,
      folder,
    ])
    assert.equal(stdout, 'accepted false, durable\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
