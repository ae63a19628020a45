// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import type { StreamName } from '../core/row.ts'
import type { Clean } from '../core/row.ts'
import { createMemoryStore } from '../store/memory.ts'
import { openStore } from '../store/open.ts'
import type { RowSource, Store } from '../store/ports.ts'
import type { Disclosing, NodeStatus, Sources } from '../store/sources.ts'
import type { OpenLane } from './open-lane.ts'

/** A ring: read like a store, written by this process only. */
export interface Ring extends RowSource {
  readonly size: number
  push(draft: Clean): void
}

export interface OpenSourcesParts {
  readonly opened: readonly OpenLane[]
  readonly rings: Readonly<Record<'sys' | 'api', Ring>>
  readonly status: () => NodeStatus
  readonly disclosing: Disclosing
}

/**
 * Where each stream of this process can be read: its store through a connection of its own, opened at the first question, or its
 * ring.
 */
export function openSources({ opened, rings, status, disclosing }: OpenSourcesParts): {
  sources: Sources
  close(): Promise<void>
} {
  const closers: (() => Promise<void>)[] = []
  const byStream: Record<StreamName, RowSource> = { audit: rings.sys, sys: rings.sys, api: rings.api }
  for (const lane of opened) {
    const source = lazySource(lane, closers)
    for (const stream of lane.streams) byStream[stream] = source
  }
  return {
    sources: { streams: byStream, status, disclosing },
    async close() {
      for (const close of closers) await close()
    },
  }
}

const nothingYet: RowSource = createMemoryStore({ stream: 'audit', rowsMax: 0 })

function lazySource(lane: OpenLane, closers: (() => Promise<void>)[]): RowSource {
  let reading: Promise<Store> | null = null
  closers.push(async () => {
    if (reading) await (await reading).close()
  })
  const open = (): Promise<Store> => {
    const inline = lane.inlineStore()
    if (inline) return inline
    if (reading) return reading
    reading = openStore({ ...lane.target, mode: 'read' })
    return reading
  }
  /** Before the drainer has made the tables there is nothing to read; that is an answer, and the next question asks again. */
  const ask = async (): Promise<RowSource> => {
    try {
      return await open()
    } catch (error) {
      reading = null
      if (error instanceof FastenError && (error.code === 'STORE_MISSING' || error.code === 'STORE_EMPTY'))
        return nothingYet
      throw error
    }
  }
  return {
    scan: async (query) => (await ask()).scan(query),
    count: async (stream, filter, atMost) => (await ask()).count(stream, filter, atMost),
    heads: async () => (await ask()).heads(),
    async *evidence(log, fromSeq) {
      yield* (await ask()).evidence(log, fromSeq)
    },
    sealedValues: async (stream, positions) => (await (await ask()).sealedValues?.(stream, positions)) ?? [],
    position: async (stream) => (await ask()).position(stream),
    summary: async (stream, since, until) => (await ask()).summary(stream, since, until),
    describe: async () => (await ask()).describe(),
    checkpoints: async (query) => (await (await ask()).checkpoints?.(query)) ?? [],
    leafHashes: async (log, from, to) => (await (await ask()).leafHashes?.(log, from, to)) ?? [],
  }
}
