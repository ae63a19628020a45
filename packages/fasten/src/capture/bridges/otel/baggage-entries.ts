// SPDX-License-Identifier: Apache-2.0
import type { OtelBaggageEntry } from './api.ts'

/** The members of a `baggage` list that `acceptBaggage` took, values decoded. Properties behind a semicolon are left out. */
export function baggageEntries(text: string): Record<string, OtelBaggageEntry> {
  const entries: Record<string, OtelBaggageEntry> = {}
  for (const member of text.split(',')) {
    const [pair = ''] = member.split(';', 1)
    const equals = pair.indexOf('=')
    if (equals > 0) entries[pair.slice(0, equals).trim()] = { value: decoded(pair.slice(equals + 1).trim()) }
  }
  return entries
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    // A lone percent sign: the list is valid all the same, and the value is what was sent.
    return value
  }
}
