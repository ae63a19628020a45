// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'

/** How often each value of a member stands in some rows. */
export interface Facet {
  /** A filter parameter of the stream. */
  readonly name: string
  /** The most frequent first, a few of them. */
  readonly values: readonly { readonly value: string; readonly rows: number }[]
  /** Further values that are left out. */
  readonly valuesLeft: number
}

const names: Readonly<Record<StreamName, readonly string[]>> = {
  audit: ['outcome', 'code', 'actor', 'severity', 'service_id', 'source_node_id', 'tenant_id'],
  sys: ['level', 'event', 'logger', 'service_id', 'source_node_id', 'tenant_id'],
  api: ['status', 'route', 'method', 'actor', 'service_id', 'source_node_id', 'tenant_id'],
}

/** The members that tell rows of a stream apart, with their values; those that no row has are left out. A sealed value is none. */
export function facetsOf(
  stream: StreamName,
  rows: readonly ReaderRow[],
  valuesMax: number,
): readonly Facet[] {
  return names[stream].flatMap((name) => {
    const counts = new Map<string, number>()
    for (const row of rows) {
      const value = (row as unknown as Readonly<Record<string, unknown>>)[name]
      if ((typeof value !== 'string' && typeof value !== 'number') || value === '') continue
      counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
    }
    const values = [...counts]
      .map(([value, count]) => ({ value, rows: count }))
      .toSorted((a, b) => b.rows - a.rows || (a.value < b.value ? -1 : 1))
    return values.length === 0
      ? []
      : [{ name, values: values.slice(0, valuesMax), valuesLeft: Math.max(0, values.length - valuesMax) }]
  })
}
