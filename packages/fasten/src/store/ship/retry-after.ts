// SPDX-License-Identifier: Apache-2.0

/**
 * How long a `Retry-After` header asks to wait, in milliseconds: seconds, or a date measured against the sender's own `Date`. Undefined when it
 * says nothing that can be used.
 */
export function retryAfterMs(
  value: string | null | undefined,
  date: string | null | undefined,
): number | undefined {
  if (value === null || value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const waitMs = Date.parse(value) - Date.parse(date ?? '')
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs)
}
