// SPDX-License-Identifier: Apache-2.0
import type { CodeMeta, CodeRegistry } from 'fasten/core'

/** What a code means, as whoever registers it says. */
export interface KnownCode extends Pick<
  CodeMeta,
  | 'domain'
  | 'category'
  | 'action'
  | 'severity'
  | 'retention_class'
  | 'description'
  | 'emitter'
  | 'high_volume'
> {
  readonly code: string
  /** Whether rows of it hold values about a person. */
  readonly is_personal: boolean
  /** Who says so: fasten itself, the fleet, a file of `FLEET_CODES`, or the catalogue that comes with fasten and that services may have taken over. */
  readonly from: 'fasten' | 'fleet' | 'own' | 'catalogue'
}

/** Every code of the registry, by name, the built-in ones too; a later registry's word goes before that of an earlier one. `from` of those that are not fasten's own is asked of each registry. */
export function knownCodes(
  ...registries: readonly {
    readonly registry: CodeRegistry
    readonly from: (code: string) => KnownCode['from']
  }[]
): readonly KnownCode[] {
  const known = new Map<string, KnownCode>()
  for (const { registry, from } of registries)
    for (const code of registry.codes('builtin')) {
      const meta = registry.metaOf(code)
      if (meta !== undefined) known.set(code, entryOf(code, meta, from(code)))
    }
  return [...known.values()].sort((a, b) => (a.code < b.code ? -1 : 1))
}

function entryOf(code: string, meta: CodeMeta, from: KnownCode['from']): KnownCode {
  const { domain, category, action, severity, retention_class, description, emitter, high_volume } = meta
  return {
    code,
    domain,
    category,
    action,
    severity,
    retention_class,
    description,
    emitter,
    high_volume,
    is_personal: meta.pii_in_detail || meta.pii.length > 0,
    from: domain === 'fasten' ? 'fasten' : from,
  }
}
