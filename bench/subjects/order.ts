// SPDX-License-Identifier: Apache-2.0

/** What every subject records: an order with six members, one of them nested. About 155 bytes as JSON. */
export interface Order {
  readonly order: string
  readonly amount: number
  readonly currency: string
  readonly items: number
  readonly channel: string
  readonly ship_to: { readonly city: string; readonly zip: string }
}

export const customers: readonly string[] = Array.from({ length: 4096 }, (_, i) => `user-${i * 7919}`)
const cities = ['Izmir', 'Ghent', 'Oulu', 'Recife', 'Busan', 'Lagos', 'Malmö', 'Perth'] as const
const orders: readonly string[] = Array.from({ length: 4096 }, (_, i) => `ord-${100_000 + i}`)

/** A fresh object each time, as an application would build it. The strings are ready, so that building costs next to nothing. */
export function orderNumber(i: number): Order {
  return {
    order: orders[i & 4095] ?? '',
    amount: i % 1000,
    currency: 'EUR',
    items: (i & 7) + 1,
    channel: 'web',
    ship_to: { city: cities[i & 7] ?? '', zip: '35220' },
  }
}

/** Sum of `amount` over the first `count` orders: the checksum by which a reader notices a lost or repeated event. */
export function amountOf(count: number): number {
  const whole = Math.floor(count / 1000)
  const rest = count % 1000
  return whole * 499_500 + (rest * (rest - 1)) / 2
}
