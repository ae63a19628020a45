// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createCodeFiles } from 'fasten'
import { createCodeRegistry, type CodeMeta, type CodeRegistry } from 'fasten/core'
import { fleetCodes } from '../../trail/fleet-codes.ts'

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

/** By name. */
export type CodeBook = readonly KnownCode[]

/**
 * What fasten and this fleet say of their own codes, the files of `patterns` of theirs, and the catalogue that comes with fasten of the rest.
 * Throws FastenError `CATALOG_…` at once for a file that is missing or wrong, with its place. The catalogue is read when the book is first asked
 * for, since that takes half a second and most servers are never asked.
 */
export function openCodeBook(patterns: readonly string[]): () => CodeBook {
  const own = createCodeRegistry()
  own.register('fleet', fleetCodes)
  if (patterns.length > 0) createCodeFiles(own).loadSync(patterns)
  let book: CodeBook | undefined
  return () => (book ??= bookOf(own))
}

function bookOf(own: CodeRegistry): CodeBook {
  // Apart, since a service may mean something of its own by a word of the catalogue.
  const standard = createCodeRegistry()
  createCodeFiles(standard).loadSync(
    dirname(fileURLToPath(import.meta.resolve('fasten/catalog/agent.codes.yaml'))),
  )
  const known = new Map<string, KnownCode>()
  for (const each of entriesOf(standard, 'catalogue')) known.set(each.code, each)
  for (const each of entriesOf(own, 'own')) known.set(each.code, each)
  return [...known.values()].sort((a, b) => (a.code < b.code ? -1 : 1))
}

function entriesOf(registry: CodeRegistry, from: 'own' | 'catalogue'): readonly KnownCode[] {
  return registry.codes('builtin').flatMap((code) => {
    const meta = registry.metaOf(code)
    return meta === undefined ? [] : [entryOf(code, meta, from)]
  })
}

function entryOf(code: string, meta: CodeMeta, from: 'own' | 'catalogue'): KnownCode {
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
    from: domain === 'fasten' ? 'fasten' : Object.hasOwn(fleetCodes, code) ? 'fleet' : from,
  }
}
