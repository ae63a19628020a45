// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'

test(
  'npm start -- edge --once: five processes with one id meet every expectation',
  { timeout: 600_000 },
  async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--once'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const readable of [child.stdout, child.stderr])
      readable.setEncoding('utf8').on('data', (text: string) => (output += text))
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 0, output)
    assert.match(output, /Every expectation held/)
  },
)
