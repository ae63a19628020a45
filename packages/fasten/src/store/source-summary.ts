// SPDX-License-Identifier: Apache-2.0
import type { SourceSummary } from './ports.ts'

/** Adds `found` to the source it belongs to: several logs, generations or rows may be one source. */
export function addSource(sources: Map<string, SourceSummary>, found: SourceSummary): void {
  const key = keyOf(found)
  const known = sources.get(key)
  sources.set(
    key,
    known === undefined
      ? found
      : {
          ...found,
          rows: known.rows + found.rows,
          first_seen: found.first_seen < known.first_seen ? found.first_seen : known.first_seen,
          last_seen: found.last_seen > known.last_seen ? found.last_seen : known.last_seen,
        },
  )
}

/** By tenant (none first), service, node. */
export function sortSources(sources: readonly SourceSummary[]): SourceSummary[] {
  return sources.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

const keyOf = ({ tenant_id, service_id, source_node_id }: SourceSummary): string =>
  JSON.stringify([tenant_id ?? '', tenant_id === null ? 0 : 1, service_id, source_node_id])
