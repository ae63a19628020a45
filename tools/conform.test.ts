// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { answeredAreas } from '../packages/fasten/src/core/fixtures/answer.ts'
import { conform } from './conform.ts'
import { withoutPython } from './python.ts'
import { root } from './setup/root.mjs'
import { vectorFiles } from './vectors/files.ts'

describe('conform', () => {
  it('the vectors are what the generator writes, and every answer is what a person claimed', () => {
    const { status, stdout } = spawnSync(process.execPath, ['tools/vectors/generate.ts', '--check'], {
      cwd: root,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stdout)
    assert.ok(Object.keys(vectorFiles()).length > 100)
  })

  it('this implementation keeps to its own protocol', async () => {
    for (const area of answeredAreas) {
      for (const result of await conform(area, [process.execPath, 'tools/conform.ts']))
        assert.equal(result.outcome, 'agreed', result.vector)
    }
  })

  it(
    'a second implementation, in Python, agrees on every vector',
    { skip: withoutPython.reason },
    async () => {
      for (const area of answeredAreas) {
        for (const result of await conform(area, [withoutPython.command, 'spec/conform/conform.py'])) {
          assert.deepEqual(result.difference, undefined, result.vector)
          // The chains of the published SDKs are judged by one implementation only; their hashes by both.
          if (result.outcome === 'unsupported') assert.match(result.vector, /^legacy\/.*_/)
        }
      }
    },
  )

  it('an implementation that is wrong is told where', async () => {
    const liar =
      'process.stdin.on("data", (d) => (t = (globalThis.t ?? "") + d)).on("end", () => console.log(JSON.stringify(JSON.parse(t).map((v) => ({ answers: v.checks.map(() => ({ canonical: true })) })))))'
    const results = await conform('canonical', [process.execPath, '-e', liar, '--'])
    assert.equal(
      results.find(({ vector }) => vector === 'canonical/text-that-is-canonical')?.outcome,
      'agreed',
    )
    assert.deepEqual(
      results.find(({ vector }) => vector === 'canonical/text-that-is-not-canonical')?.difference,
      {
        check: 0,
        expected: { canonical: false },
        answered: { canonical: true },
      },
    )
    await assert.rejects(conform('chain', [process.execPath, '-e', 'process.exit(3)', '--']), /status 3/)
  })
})
