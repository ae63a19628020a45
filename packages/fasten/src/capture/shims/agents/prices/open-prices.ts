// SPDX-License-Identifier: Apache-2.0
import { openGenaiPrices, type GenaiPricesOptions } from './genai-prices.ts'
import type { PriceTable } from './price-table.ts'
import { readSitePrices } from './site-prices.ts'

export interface PricesOptions {
  /** A file of prices of your own, which go before all others; see `readSitePrices`. */
  readonly file?: string
  /** False: only what is in the file. Default true: `@pydantic/genai-prices` as well, which must be installed. */
  readonly genai?: boolean | GenaiPricesOptions
}

/**
 * What models cost: `configureAgents({ prices: await openPrices() })`. Rejects with `PRICES_INVALID` or `PRICES_MISSING`. With neither table it is a
 * `TypeError`.
 */
export async function openPrices({ file, genai = true }: PricesOptions = {}): Promise<PriceTable> {
  const tables: PriceTable[] = []
  if (file !== undefined) tables.push(await readSitePrices(file))
  if (genai !== false) tables.push(await openGenaiPrices(genai === true ? {} : genai))
  if (tables.length === 0) throw new TypeError('openPrices() needs a file, or genai')
  return {
    version: tables.map(({ version }) => version).join(', '),
    price(call) {
      for (const table of tables) {
        const price = table.price(call)
        if (price !== undefined) return price
      }
      return undefined
    },
  }
}
