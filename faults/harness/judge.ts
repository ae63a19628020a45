// SPDX-License-Identifier: Apache-2.0
import { createLogVerifier } from '../../packages/fasten/src/core/verify.ts'
import { streams } from '../../packages/fasten/src/core/row.ts'
import type { LogVerdict } from '../../packages/fasten/src/core/verdict.ts'
import { openForReading } from '../../packages/fasten/src/store/open.ts'
import { sha256 } from '../../packages/fasten/src/store/platform.ts'
import type { Store } from '../../packages/fasten/src/store/ports.ts'
import { listQuarantine } from '../../packages/fasten/src/store/quarantine.ts'
import { listSpools } from '../../packages/fasten/src/store/spool/layout.ts'
import type { Place } from './place.ts'

export interface Judgement {
  /** Rows the client was promised. */
  readonly acked: number
  readonly stored: number
  /** Promised, and neither stored nor in quarantine. */
  readonly lost: readonly string[]
  /** Ids, and places (log and number), that occur twice. */
  readonly duplicated: readonly string[]
  readonly verdicts: readonly LogVerdict[]
  /** Rows that a store refused, each on disk with its reason; promised ones among them are not lost. */
  readonly quarantined: readonly { readonly code: string; readonly id: string | undefined }[]
  /** Spools that still hold something, or whose process lives. */
  readonly spoolsLeft: number
}

/** Compares what is stored with what was promised, through a connection of its own. */
export async function judge(place: Place, acked: ReadonlySet<string>): Promise<Judgement> {
  const store = await openForReading(place.dsn)
  try {
    return await judgeStore(store, place.spoolRoot, acked)
  } finally {
    await store.close()
  }
}

async function judgeStore(store: Store, root: string, acked: ReadonlySet<string>): Promise<Judgement> {
  const ids = new Map<string, number>()
  const places = new Map<string, number>()
  const { streams: kept } = await store.describe()
  for (const stream of streams.filter((name) => kept.includes(name)))
    for (let after: number | undefined = 0; after !== undefined;) {
      const rows = await store.scan({
        stream,
        filter: { after_position: after },
        order: 'stored',
        limit: 10_000,
      })
      for (const { row } of rows) {
        count(ids, row.id)
        count(places, `${row.log} ${row.monotonic_seq}`)
      }
      after = rows.at(-1)?.position
    }
  const quarantined = listQuarantine(root)
    .filter(({ code }) => code !== 'SPOOL_TORN')
    .map(({ code, bytes }) => ({ code, id: /"id":"(evt-.{26})"/.exec(Buffer.from(bytes).toString())?.[1] }))
  const setAside = new Set(quarantined.map(({ id }) => id))
  return {
    acked: acked.size,
    stored: ids.size,
    lost: [...acked].filter((id) => !ids.has(id) && !setAside.has(id)),
    duplicated: [...twice(ids), ...twice(places)],
    verdicts: await verdictsOf(store),
    quarantined,
    spoolsLeft: listSpools(root).length,
  }
}

/** One verdict for each log of a store. */
export async function verdictsOf(store: Store): Promise<LogVerdict[]> {
  const verdicts: LogVerdict[] = []
  for (const head of await store.heads()) {
    const verifier = createLogVerifier({ log: head.log, head, digest: sha256, columns: true })
    for await (const row of store.evidence(head.log)) verifier.push(row)
    verdicts.push(verifier.finish())
  }
  return verdicts
}

const count = (seen: Map<string, number>, key: string): void => void seen.set(key, (seen.get(key) ?? 0) + 1)

const twice = (seen: ReadonlyMap<string, number>): string[] =>
  [...seen].filter(([, found]) => found > 1).map(([key]) => key)
