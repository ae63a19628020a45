// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path'
import { FastenError } from '../core/error.ts'
import { parseLogName } from '../core/log-name.ts'
import { proveRow } from '../reader/prove.ts'
import type { Reader } from '../reader/reader.ts'
import { createRemoteCall } from '../reader/remote-call.ts'
import { hideSecrets } from '../store/dsn.ts'
import type { World } from './command.ts'
import { openLocal } from './open-reader.ts'
import { placesOf, type Place } from './places.ts'
import type { Target } from './target.ts'

/** A reader, and proofs of its rows. */
export interface Provable {
  /** The caller closes it. */
  readonly reader: Reader
  /** What it reads, as people call it; no secret is in it. */
  readonly name: string
  /** The text of a tlog-proof; null where no checkpoint covers the row, or the reader elsewhere has no proofs, as only a fleet does. */
  proofOf(log: string, seq: number): Promise<string | null>
}

/** Opens what a command line means. Throws as `openReader`. */
export async function openProvable(target: Target, world: World): Promise<Provable> {
  if (target.kind === 'url') {
    const call = createRemoteCall(target)
    return {
      reader: await world.openReader(target),
      name: new URL(target.url).host,
      async proofOf(log, seq) {
        const path = `/logs/${encodeURIComponent(log)}/proof`
        const signal = AbortSignal.any([world.signal, AbortSignal.timeout(target.timeoutMs ?? 30_000)])
        const answer = await call
          .open(path, new URLSearchParams({ index: String(seq) }), { accept: 'text/plain' }, signal)
          .catch(unless('FORBIDDEN'))
        return answer === undefined ? null : answer.text()
      },
    }
  }
  const places = placesOf(target, world.env)
  const { reader, stores } = await openLocal(places, (text) => void world.err.line(text), { env: world.env })
  return {
    reader,
    name: nameOf(places[0]),
    async proofOf(log, monotonic_seq) {
      const stream = parseLogName(log)?.stream
      const source = stores.find(({ place }) => place.streams.some((each) => each === stream))?.store
      if (source === undefined) return null
      const proof = await proveRow(source, { log, monotonic_seq }).catch(unless('PROOF_IMPOSSIBLE'))
      return proof === undefined ? null : proof.file
    },
  }
}

function nameOf(place: Place | undefined): string {
  const path = place?.path ?? null
  return path === null ? hideSecrets(place?.text ?? '') : basename(path)
}

/** Undefined for this error; every other one goes on. */
function unless(code: string): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof FastenError && error.code === code) return undefined
    throw error
  }
}
