// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a story's program with `--once`. Throws, with all it printed, unless it ended well and said that every expectation held. */
export async function checkOnce(program: string): Promise<void> {
  const child = spawn(process.execPath, [program, '--once'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const readable of [child.stdout, child.stderr])
    readable.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, output)
  assert.match(output, /Every expectation held/)
}
