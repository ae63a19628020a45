// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createCodeFiles } from 'fasten'
import { createCodeRegistry } from 'fasten/core'
import { knownCodes, type KnownCode } from 'fasten-ui/serve'
import { fleetCodes } from '../../trail/fleet-codes.ts'

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
  return () => {
    if (book !== undefined) return book
    // Apart, since a service may mean something of its own by a word of the catalogue.
    const standard = createCodeRegistry()
    createCodeFiles(standard).loadSync(
      dirname(fileURLToPath(import.meta.resolve('fasten/catalog/agent.codes.yaml'))),
    )
    book = knownCodes(
      { registry: standard, from: () => 'catalogue' },
      { registry: own, from: (code) => (Object.hasOwn(fleetCodes, code) ? 'fleet' : 'own') },
    )
    return book
  }
}
