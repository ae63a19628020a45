// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises'
import { compareDecimals, parseDecimal, zero, type Decimal } from '../../../../core/decimal.ts'
import { isRecord, quoted } from '../../../../core/detail-schema.ts'
import { FastenError } from '../../../../core/error.ts'
import { costOf, type TokenRates } from './token-rates.ts'
import type { PriceTable } from './price-table.ts'

/** Spelling in a file, and here. */
const kinds = {
  input: 'input',
  output: 'output',
  cached: 'cached',
  cache_write: 'cacheWrite',
  cache_write_hour: 'cacheWriteHour',
  reasoning: 'reasoning',
} as const satisfies Record<string, keyof TokenRates>

/**
 * Prices of your own, from a YAML or JSON file: what you agreed on, or what a model on your own machines costs.
 *
 * ```yaml
 * version: site 2026-11
 * prices:             # US dollars for a million tokens
 *   openai/gpt-x: { input: 1.25, cached: 0.125, output: 10 }
 *   local/*: { input: 0.02, output: 0.02 }
 * ```
 *
 * A model is `provider/model` as rows name them; `provider/*` stands for every other model of the provider. Rejects with `PRICES_INVALID`, which names the
 * file and what is wrong in it.
 */
export async function readSitePrices(path: string): Promise<PriceTable> {
  const { parse } = await import('#yaml')
  let given: unknown
  try {
    given = parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw invalid(path, 'cannot be read', cause)
  }
  return sitePrices(given, path)
}

function sitePrices(given: unknown, path: string): PriceTable {
  if (
    !isRecord(given) ||
    typeof given['version'] !== 'string' ||
    given['version'] === '' ||
    !isRecord(given['prices'])
  )
    throw invalid(path, 'has to have a version (text) and prices (rates by provider/model)')
  const { version } = given
  const rates = new Map<string, TokenRates>()
  for (const [name, entry] of Object.entries(given['prices'])) {
    if (!/^[^/]+\/./.test(name)) throw invalid(path, `${quoted(name)} is not provider/model`)
    rates.set(name, ratesIn(entry, name, path))
  }
  return {
    version,
    price({ provider, model, usage }) {
      const found = rates.get(`${provider}/${model}`) ?? rates.get(`${provider}/*`)
      const usd = found === undefined ? undefined : costOf(usage, found)
      return usd === undefined ? undefined : { usd, table: version }
    },
  }
}

function ratesIn(entry: unknown, name: string, path: string): TokenRates {
  if (!isRecord(entry)) throw invalid(path, `${name} has to be a mapping of rates`)
  const rates: { -readonly [Kind in keyof TokenRates]: Decimal } = {}
  for (const [kind, value] of Object.entries(entry)) {
    const known = Object.hasOwn(kinds, kind) ? kinds[kind as keyof typeof kinds] : undefined
    if (known === undefined)
      throw invalid(
        path,
        `${name} has a rate for ${quoted(kind)}; known are ${Object.keys(kinds).join(', ')}`,
      )
    const rate = typeof value === 'number' || typeof value === 'string' ? parseDecimal(value) : undefined
    if (rate === undefined || compareDecimals(rate, zero) < 0)
      throw invalid(path, `${name}: ${kind} has to be dollars for a million tokens, not ${quoted(value)}`)
    rates[known] = rate
  }
  return rates
}

function invalid(path: string, problem: string, cause?: unknown): FastenError {
  return new FastenError('PRICES_INVALID', `the price file ${problem}`, {
    at: path,
    ...(cause === undefined ? {} : { cause }),
  })
}
