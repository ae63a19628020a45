// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { calcPrice } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { bench } from '../../../fixtures/instance.ts'
import { createAgents } from '../agents.ts'
import { openGenaiPrices } from './genai-prices.ts'
import { openPrices } from './open-prices.ts'

function file(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fasten-prices-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'prices.yaml')
  writeFileSync(path, text)
  return path
}

const site = `
version: site 2026-11
prices:
  local/gpt-x: { input: 1.25, cached: "0.125", output: 10, reasoning: 12 }
  local/*: { input: 0.1, output: 0.2 }
  openai/gpt-5: { input: 0.3, output: 0.1 }
  local/embed: { input: 0.02 }
`

describe('what models cost', () => {
  test('a file of one’s own goes before the library; each price names its table', async (t) => {
    const prices = await openPrices({ file: file(t, site) })
    assert.match(prices.version, /^site 2026-11, genai-prices \d+\.\d+\.\d+$/)
    const of = (provider: string, model: string, usage: object): string | undefined => {
      const price = prices.price({ provider, model, usage })
      return price === undefined ? undefined : `${price.usd} ${price.table.split(' ')[0]}`
    }
    // (100 - 40) × 1.25 + 40 × 0.125 + (20 - 5) × 10 + 5 × 12, by a million
    assert.equal(of('local', 'gpt-x', { input: 100, cached: 40, output: 20, reasoning: 5 }), '0.00029 site')
    assert.equal(of('local', 'other', { input: 1, output: 1 }), '0.0000003 site')
    assert.equal(of('local', 'embed', { input: 10 }), '0.0000002 site')
    assert.equal(of('openai', 'gpt-5', { input: 1, output: 1 }), '0.0000004 site')
    assert.equal(of('openai', 'gpt-4o', { input: 1000, cached: 200, output: 100 }), '0.00325 genai-prices')
    assert.equal(
      of('anthropic', 'claude-sonnet-4-5', {
        input: 1000,
        cached: 100,
        cacheWrite: 300,
        cacheWriteHour: 100,
        output: 10,
      }),
      '0.00333 genai-prices',
    )
    assert.equal(of('openai', 'never-heard-of', { input: 1, output: 1 }), undefined)
    assert.equal(of('local', 'gpt-x', { input: 1 }), undefined, 'the output was not counted')
    assert.equal(
      of('local', 'gpt-x', { input: 1, cached: 2, output: 1 }),
      undefined,
      'a part is more than the whole',
    )
  })

  test('of the library’s rates our sums are its sums, up to its rounding, tiers included', async () => {
    const ours = await openGenaiPrices()
    const models = [
      ['anthropic', 'claude-sonnet-4-5'],
      ['openai', 'gpt-5'],
      ['google', 'gemini-2.5-pro'],
    ] as const
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        fc.nat(300_000),
        fc.nat(300_000),
        fc.nat(9_999),
        ([provider, model], input, part, output) => {
          const cached = Math.min(input, part)
          const price = ours.price({ provider, model, usage: { input, cached, output } })
          const theirs = calcPrice(
            { input_tokens: input, cache_read_tokens: cached, output_tokens: output },
            model,
            { providerId: provider },
          )
          assert.ok(
            Math.abs(Number(price?.usd) - (theirs?.total_price ?? NaN)) < 1e-9,
            `${price?.usd} ${theirs?.total_price}`,
          )
        },
      ),
    )
  })

  test('a file that is none is refused, with what is wrong in it', async (t) => {
    const refused = (text: string, message: RegExp): Promise<void> =>
      assert.rejects(
        openPrices({ file: file(t, text), genai: false }),
        (error: Error) => message.test(String(error)) && 'code' in error && error.code === 'PRICES_INVALID',
      )
    await refused('[1', /cannot be read/)
    await refused('prices: {}', /has to have a version/)
    await refused('{ version: v, prices: { gpt: { input: 1 } } }', /"gpt" is not provider\/model/)
    await refused(
      '{ version: v, prices: { a/b: { inputs: 1 } } }',
      /a rate for "inputs"; known are input, output/,
    )
    await refused(
      '{ version: v, prices: { a/b: { input: -1 } } }',
      /input has to be dollars for a million tokens, not -1/,
    )
    await assert.rejects(openPrices({ genai: false }), TypeError)
    await assert.rejects(openPrices({ file: '/nowhere/prices.yaml' }), /cannot be read/)
  })

  test('a row has the price with its table, or says that it is unknown', async (t) => {
    const place = bench(t)
    const fasten = place.start({ strict: true })
    const { recorder } = createAgents({
      fasten,
      prices: await openPrices({ file: file(t, site), genai: false }),
    })
    recorder.startModel({ model: 'gpt-x', provider: 'local' }).succeeded({ usage: { input: 1, output: 1 } })
    recorder
      .startModel({ model: 'gpt-x', provider: 'elsewhere' })
      .succeeded({ usage: { input: 1, output: 1 } })
    recorder.startModel({ model: 'gpt-x', provider: 'local' }).succeeded({})
    recorder
      .startModel({ model: 'gpt-x', provider: 'local' })
      .failed(new Error('late'), { usage: { input: 8, output: 1 } })
    await fasten.close()
    const costs = (await place.auditRows()).map(
      ({ detail: { cost_usd, cost_unknown, price_table, usage_unknown } }) => [
        cost_usd,
        cost_unknown,
        price_table,
        usage_unknown,
      ],
    )
    assert.deepEqual(costs, [
      [0.00001125, undefined, 'site 2026-11', undefined],
      [undefined, true, 'site 2026-11', undefined],
      [undefined, true, 'site 2026-11', true],
      [0.00002, undefined, 'site 2026-11', undefined],
    ])
  })
})
