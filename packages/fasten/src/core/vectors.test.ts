// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { answer, answeredAreas } from './fixtures/answer.ts'

const vectors = join(dirname(fileURLToPath(import.meta.url)), '../../../../spec/vectors')

for (const area of answeredAreas) {
  describe(`spec/vectors/${area}`, () => {
    const folders = readdirSync(join(vectors, area), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )
    it('has vectors', () => assert.notEqual(folders.length, 0))
    for (const { name } of folders) {
      it(name, () => {
        const { checks } = JSON.parse(readFileSync(join(vectors, area, name, 'case.json'), 'utf8')) as {
          readonly checks: readonly { readonly input: unknown; readonly expect: unknown }[]
        }
        assert.notEqual(checks.length, 0)
        for (const { input, expect } of checks) assert.deepEqual(answer(area, input), expect)
      })
    }
  })
}
