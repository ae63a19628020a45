// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { publishedFloatRow, publishedRow } from './fixtures/legacy-rows.ts'
import { digest } from './fixtures/rows.ts'
import {
  legacyCommitment,
  legacyHash,
  legacyRowFromColumns,
  legacyText,
  legacyVariantOf,
  readLegacyRow,
} from './legacy.ts'
import { parseTokens } from './json-tokens.ts'

describe('legacy forms', () => {
  for (const [name, line, hash, variant] of [
    ['form 1', publishedRow(), 'cbf5a1ee4bb7baeb0b433bedfa60434bdea42627b9671183895970bbff02f9ac', 'form_1'],
    [
      'form 1 on a whole second',
      publishedRow({ timestamp: '2026-06-15T10:30:45.000000Z' }),
      'a46fa853141de1927faca8316e1f705c31c29a6e322e649d57013b6e45cff6c5',
      'form_1',
    ],
    [
      'form 1 one microsecond later',
      publishedRow({ timestamp: '2026-06-15T10:30:45.000001Z' }),
      '1a3f6b7e56dd8df8191562789f02494509c589379f5b34eb6c42893fac3b6012',
      'form_1',
    ],
    [
      'form 1 with a float that is whole',
      publishedFloatRow,
      '512021c690ddfd2077192cb6d75921ea36d35b3270a12fdf91888d5ffabcf54b',
      'form_1',
    ],
    [
      'rows from before forms',
      publishedRow(),
      '561b6028cac9d69c9ae0b7f814bf99dadbe6eef558ec68481ed71e32bcfb08e2',
      'before_forms',
    ],
  ] as const) {
    it(`hashes ${name} as the published SDKs do`, () => {
      const row = readLegacyRow(line)
      assert.equal(legacyHash(row, variant, digest), hash)
      assert.equal(legacyVariantOf(row, hash, digest), variant)
    })
  }

  for (const [salt, commitment] of [
    [
      '8a475fc37d9afa77d4d958ba88e1ee7230e66ed5d00383253b06a34a4c414cb5',
      '0fc16a9691d2197a1909682fbc063f8b437949543618c8db9990337b2c5c476b',
    ],
    [
      'ebcf1d74b84a30b5d5cd1215049062a8a1022281a1b21ad4509f2625ccafbf46',
      '7bed5ab6d6d3508dec181fb16f4413247d6895bf3942228c13f99b71637dc3f6',
    ],
    [
      '84e6db47bc0ade4f93c9408184e37471356b4c2f411f7466f722dcc8bdac101c',
      'bc0f49efa3ba71fccaf78c7d0e3252df9e218821ac0abfab0b16f79349a8bb2a',
    ],
  ] as const) {
    it(`commits to a detail under salt ${salt.slice(0, 8)} as they do`, () => {
      assert.equal(legacyCommitment(salt, parseTokens('{"qty":3,"sku":"WIDGET"}'), digest), commitment)
    })
  }

  it('does not take shipping for a change', () => {
    const shipped = readLegacyRow(publishedRow({ shipped_at: '2026-06-16T00:00:00.000000Z' }))
    assert.equal(
      legacyHash(shipped, 'form_1', digest),
      'cbf5a1ee4bb7baeb0b433bedfa60434bdea42627b9671183895970bbff02f9ac',
    )
  })

  it('reads a row of their table like a line of their output', () => {
    const columns = JSON.parse(publishedRow()) as Record<string, string | number | null>
    const row = legacyRowFromColumns({
      ...columns,
      detail: '{"qty":3,"sku":"WIDGET"}',
      monotonic_seq: 1n,
      pii_in_detail: 0,
    })
    assert.equal(
      legacyHash(row, 'form_1', digest),
      'cbf5a1ee4bb7baeb0b433bedfa60434bdea42627b9671183895970bbff02f9ac',
    )
  })

  it('prints names by code point, everything but printable ASCII escaped, and numbers as written', () => {
    const text =
      '{"\uff5e":1.50,"\u{1f600}":1e-05,"a\u007f/<":"\u0001\\n\\"\u00e9","nested":[-0.0,null,true]}'.replace(
        '\u0001',
        '\\u0001',
      )
    assert.equal(
      legacyText(parseTokens(text)),
      '{"a\\u007f/<":"\\u0001\\n\\"\\u00e9","nested":[-0.0,null,true],"\\uff5e":1.50,"\\ud83d\\ude00":1e-05}',
    )
  })
})
