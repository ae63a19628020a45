// SPDX-License-Identifier: Apache-2.0
import { parseDecimal, plus, times, zero, decimalText, type Decimal } from '../../../../core/decimal.ts'
import type { TokenUsage } from './price-table.ts'

/** US dollars for a million tokens of each kind. A kind without a rate costs what the kind costs that it is part of. */
export interface TokenRates {
  readonly input?: Decimal
  readonly output?: Decimal
  readonly cached?: Decimal
  readonly cacheWrite?: Decimal
  readonly cacheWriteHour?: Decimal
  readonly reasoning?: Decimal
}

const perMillion: Decimal = { units: 1n, scale: 6 }

/**
 * What the tokens cost, exactly. Each token is priced once: what was cached leaves the input, what was kept for an hour leaves what was written to the cache,
 * what was reasoned leaves the output. Undefined when a count is missing that has a rate, when a part is larger than the whole, and when tokens were used
 * that have no rate.
 */
export function costOf(usage: TokenUsage, rates: TokenRates): string | undefined {
  const { input, output, cached = 0, cacheWrite = 0, cacheWriteHour = 0, reasoning = 0 } = usage
  if (input === undefined && rates.input !== undefined) return undefined
  if (output === undefined && rates.output !== undefined) return undefined
  const cachedRate = rates.cached ?? rates.input
  const writeRate = rates.cacheWrite ?? rates.input
  const parts: readonly (readonly [number, Decimal | undefined])[] = [
    [(input ?? 0) - cached - cacheWrite, rates.input],
    [cached, cachedRate],
    [cacheWrite - cacheWriteHour, writeRate],
    [cacheWriteHour, rates.cacheWriteHour ?? writeRate],
    [(output ?? 0) - reasoning, rates.output],
    [reasoning, rates.reasoning ?? rates.output],
  ]
  let sum = zero
  for (const [count, rate] of parts) {
    if (count === 0) continue
    const tokens = parseDecimal(count)
    if (count < 0 || rate === undefined || tokens === undefined) return undefined
    sum = plus(sum, times(times(tokens, rate), perMillion))
  }
  return decimalText(sum)
}
