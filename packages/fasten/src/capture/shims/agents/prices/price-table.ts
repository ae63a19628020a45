// SPDX-License-Identifier: Apache-2.0

/** Tokens that one call used, as its provider counted them. Absent is unknown, not zero. */
export interface TokenUsage {
  /** All of the input: with what was read from a cache and what was written to one. */
  readonly input?: number | undefined
  /** All of the output: with what was reasoned. */
  readonly output?: number | undefined
  /** Those of `input` that were read from a cache. */
  readonly cached?: number | undefined
  /** Those of `input` that were written to a cache. */
  readonly cacheWrite?: number | undefined
  /** Those of `cacheWrite` that are kept for an hour, which costs more. */
  readonly cacheWriteHour?: number | undefined
  /** Those of `output` that nobody sees. */
  readonly reasoning?: number | undefined
}

export interface PricedCall {
  /** As the client names it: `openai`, `anthropic`, `my-gateway`. */
  readonly provider: string | undefined
  readonly model: string
  readonly usage: TokenUsage
}

export interface Price {
  /** US dollars, as an exact decimal. */
  readonly usd: string
  /** The table that has the rate, and its version. */
  readonly table: string
}

/**
 * What models cost. A table answers from what it has: it MUST NOT ask the network. It MUST answer undefined for a model it has no rate for, or when the usage
 * lacks a count that has a rate: a guess would be added up as if it were known. MUST NOT throw.
 */
export interface PriceTable {
  /** Name and version, e.g. `site 2026-11`; recorded with every price, and where there was none. */
  readonly version: string
  price(call: PricedCall): Price | undefined
}
