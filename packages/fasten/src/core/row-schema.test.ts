// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { apiDraft, auditDraft, sysDraft } from './fixtures/random-rows.ts'
import { ordinaryDraft, storedLog } from './fixtures/rows.ts'
import { memberNames } from './members.ts'
import { readJson } from './read-json.ts'
import { streams, type Draft, type StreamName } from './row.ts'

const spec = join(dirname(fileURLToPath(import.meta.url)), '../../../../spec')
const drafts: Readonly<Record<StreamName, fc.Arbitrary<Draft>>> = {
  audit: auditDraft,
  sys: sysDraft,
  api: apiDraft,
}

interface Schema {
  readonly properties: Readonly<Record<string, object>>
  readonly required: readonly string[]
}

for (const stream of streams) {
  describe(`row.${stream}.schema.json`, () => {
    const schema = JSON.parse(readFileSync(join(spec, `row.${stream}.schema.json`), 'utf8')) as Schema
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema)

    it('describes exactly the members that rows have', () => {
      assert.deepEqual(Object.keys(schema.properties).sort(), [...memberNames[stream]].sort())
      assert.deepEqual([...memberNames[stream]], [...memberNames[stream]].sort())
    })

    it('accepts every row that was chained', () => {
      const log = `_/gateway/node-1/${stream}`
      const { rows } = storedLog(log, fc.sample(drafts[stream], { numRuns: 200, seed: 3 }))
      for (const { leaf } of rows) {
        const row: unknown = readJson(new TextDecoder().decode(leaf ?? undefined))
        assert.ok(validate(row), `${JSON.stringify(validate.errors)} ${JSON.stringify(row)}`)
      }
    })

    it('refuses a row that lacks what every row has, has more, or says null', () => {
      const { rows } = storedLog(`_/gateway/node-1/${stream}`, [ordinaryDraft(stream, 0)])
      const row = readJson(new TextDecoder().decode(rows[0]?.leaf ?? undefined)) as Record<string, unknown>
      assert.equal(validate(row), true)
      for (const name of schema.required) {
        assert.equal(
          validate(Object.fromEntries(Object.entries(row).filter(([other]) => other !== name))),
          false,
          name,
        )
      }
      assert.equal(validate({ ...row, hash: 'ab'.repeat(32) }), false)
      assert.equal(validate({ ...row, tenant_id: null }), false)
      assert.equal(validate({ ...row, timestamp: '2026-11-22T06:00:00Z' }), false)
      assert.equal(validate({ ...row, request_id: 'not an id' }), false)
    })
  })
}
