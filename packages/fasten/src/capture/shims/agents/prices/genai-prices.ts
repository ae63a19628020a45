// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { parseDecimal, type Decimal } from '../../../../core/decimal.ts'
import { FastenError } from '../../../../core/error.ts'
import { readJson } from '../../../../core/read-json.ts'
import { costOf, type TokenRates } from './token-rates.ts'
import type { PriceTable, TokenUsage } from './price-table.ts'

const library = '@pydantic/genai-prices'

/** What is used of the library. */
interface GenaiPrices {
  calcPrice(
    usage: Readonly<Record<string, number | undefined>>,
    model: string,
    options: { readonly providerId: string },
  ): { readonly model_price: Readonly<Record<string, unknown>> } | null
}

export interface GenaiPricesOptions {
  /** From the names that rows have for providers to those of the library: `{ 'amazon-bedrock': 'aws' }`. */
  readonly providers?: Readonly<Record<string, string>>
}

/**
 * The prices in `@pydantic/genai-prices`, as they are in the installed version: nothing is asked of the network. The rates are the library's, the arithmetic is
 * ours, since its own is in binary fractions. Only tokens are priced. Rejects with `PRICES_MISSING` when the library is not installed.
 */
export async function openGenaiPrices({ providers = {} }: GenaiPricesOptions = {}): Promise<PriceTable> {
  const { calcPrice } = await loaded()
  const version = `genai-prices ${await installedVersion()}`
  const ratesOf = (provider: string, model: string, usage: TokenUsage): TokenRates | undefined => {
    try {
      const counts = { input_tokens: usage.input, output_tokens: usage.output }
      const price = calcPrice(counts, model, {
        providerId: Object.hasOwn(providers, provider) ? (providers[provider] ?? provider) : provider,
      })
      return price === null ? undefined : ratesIn(price.model_price, usage.input ?? 0)
    } catch {
      // It throws for usage that it cannot price: then there is no price.
      return undefined
    }
  }
  return {
    version,
    price({ provider, model, usage }) {
      const rates = provider === undefined ? undefined : ratesOf(provider, model, usage)
      const usd = rates === undefined ? undefined : costOf(usage, rates)
      return usd === undefined ? undefined : { usd, table: version }
    },
  }
}

const members = {
  input: 'input_mtok',
  output: 'output_mtok',
  cached: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  cacheWriteHour: 'cache_write_1h_mtok',
} as const satisfies Partial<Record<keyof TokenRates, string>>

function ratesIn(price: Readonly<Record<string, unknown>>, input: number): TokenRates {
  const rates: { -readonly [Kind in keyof TokenRates]: Decimal } = {}
  for (const [kind, member] of Object.entries(members) as [keyof typeof members, string][]) {
    const rate = rateIn(price[member], input)
    if (rate !== undefined) rates[kind] = rate
  }
  return rates
}

interface Tiered {
  readonly base: number
  readonly tiers: readonly { readonly start: number; readonly price: number }[]
}

/** One rate, or rates by the length of the input: above a start, its rate holds for all tokens. */
function rateIn(given: unknown, input: number): Decimal | undefined {
  if (typeof given === 'number') return parseDecimal(given)
  if (typeof given !== 'object' || given === null) return undefined
  const { base, tiers } = given as Tiered
  const reached = [...tiers].sort((a, b) => a.start - b.start).findLast(({ start }) => input > start)
  return parseDecimal(reached?.price ?? base)
}

async function loaded(): Promise<GenaiPrices> {
  try {
    return (await import(library)) as GenaiPrices
  } catch (cause) {
    throw new FastenError('PRICES_MISSING', 'the table of prices could not be loaded', {
      at: library,
      hint: `npm install ${library}`,
      cause,
    })
  }
}

async function installedVersion(): Promise<string> {
  const main = createRequire(import.meta.url).resolve(library)
  const manifest: unknown = readJson(
    await readFile(main.replace(/[\\/]dist[\\/].*$/, '/package.json'), 'utf8'),
  )
  return String((manifest as { readonly version?: unknown }).version)
}
