// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { StreamName } from '../core/row.ts'
import { parseTime } from '../core/timestamp.ts'
import { parsePageQuery } from './query.ts'
import { translate } from './translator.ts'

type Input =
  | { readonly text: string }
  | { readonly now: string; readonly parameter: 'since' | 'until'; readonly value: string }
  | { readonly stream: StreamName; readonly query: string }

const folder = new URL('../../../../spec/vectors/query/', import.meta.url)

describe('spec/vectors/query', () => {
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  assert.notEqual(names.length, 0)
  for (const { name } of names) {
    test(name, () => {
      const { checks } = JSON.parse(readFileSync(new URL(`${name}/case.json`, folder), 'utf8')) as {
        readonly checks: readonly { readonly input: Input; readonly expect: unknown }[]
      }
      assert.notEqual(checks.length, 0)
      for (const { input, expect } of checks) assert.deepEqual(answer(input), expect, JSON.stringify(input))
    })
  }
})

function answer(input: Input): unknown {
  if ('text' in input) return translate(input.text)
  if ('query' in input) {
    const parsed = parsePageQuery(new URLSearchParams(input.query), input.stream, 0)
    if (parsed.ok) return { filter: parsed.value.filter }
    return { problems: parsed.problems.map(({ status, code, parameter }) => ({ status, code, parameter })) }
  }
  const now = parseTime(input.now, 0) ?? assert.fail(`${input.now} is no time`)
  const parsed = parsePageQuery(new URLSearchParams({ [input.parameter]: input.value }), 'audit', now)
  return parsed.ok ? { canonical: parsed.value.filter[input.parameter] } : { refused: true }
}
