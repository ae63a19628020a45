// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'

/** The parts of `fln_<node id>_<secret>`; undefined for a text of another form. */
export function parseCredential(
  text: string,
): { readonly node_id: string; readonly secret: string } | undefined {
  const [, node_id, secret] = /^fln_([0-9a-z]{16})_([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  return node_id === undefined || secret === undefined ? undefined : { node_id, secret }
}

/** What is kept of a secret. */
export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
