// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import { parseLogName } from '../../core/log-name.ts'
import { requestIdKind } from '../../core/ids.ts'
import { parseTime } from '../../core/timestamp.ts'
import type { Reader, ReaderRow } from '../../reader/reader.ts'
import type { Store } from '../../store/ports.ts'
import type { Place } from '../places.ts'
import { counted, duration, scalar } from '../print/values.ts'
import { fail, ok, skip, warn, type Check } from './check.ts'

/** A store that answers, with its rows. */
export function storeCheck(place: Place, store: Store, clock: Clock): Check {
  return {
    name: 'store',
    async run() {
      const { dsn, rows, last_insert_at, kind, version } = await store.describe()
      const newest = last_insert_at === null ? 'no row yet' : `newest ${ago(last_insert_at, clock)}`
      const amount = rows === null ? 'readable' : counted(rows, 'row')
      return ok(`${dsn}: ${amount}, ${newest} (${place.streams.join(', ')})`, {
        dsn,
        kind,
        version,
        rows,
        last_insert_at,
        streams: place.streams,
      })
    },
  }
}

/** Below this, two connections to one file could corrupt its write-ahead log. */
const sqliteVersionMin = '3.51.3'

export function engineCheck(store: Store): Check {
  return {
    name: 'engine',
    async run() {
      const { kind, version, isDurable, warnings = [] } = await store.describe()
      if (kind === 'postgres') {
        const detail = { kind, version, warnings }
        const hint = warnings.join('; ')
        if (!isDurable) return fail(`Postgres ${version} does not flush what it commits`, { hint, detail })
        return warnings.length > 0
          ? warn(`Postgres ${version}`, { hint, detail })
          : ok(`Postgres ${version}, with partitions made ahead`, detail)
      }
      const detail = { kind, version, needed: sqliteVersionMin }
      if (kind !== 'sqlite') return ok(`${kind} ${version}`, detail)
      if (!isAtLeast(version, sqliteVersionMin)) {
        return fail(`SQLite ${version} can corrupt a database that two processes write`, {
          hint: `use a Node.js with SQLite ${sqliteVersionMin} or newer (22.23, 24.21, 26)`,
          detail,
        })
      }
      return ok(`SQLite ${version}, at least ${sqliteVersionMin} is needed`, detail)
    },
  }
}

/** The newest rows of each log, or with `isFull` every row, recomputed. */
export function chainCheck(reader: Reader, isFull: boolean, signal: AbortSignal): Check {
  return {
    name: 'chain',
    async run() {
      if (isFull) {
        const verdict = await reader.verify({}, signal)
        const expired = verdict.logs.reduce((sum, { rows_expired }) => sum + rows_expired, 0)
        const message =
          `${verdict.verdict}: ${counted(verdict.rows_checked, 'row')} in ${counted(verdict.logs.length, 'log')}` +
          (expired === 0 ? '' : `, ${counted(expired, 'row')} expired`)
        if (verdict.verdict === 'PASS') return ok(message, { verdict })
        const [first] = verdict.logs.flatMap((log) =>
          log.breaks.map((found) => `${log.log}: ${found.message}`),
        )
        const about = { hint: 'see fasten verify', detail: { verdict } }
        return (verdict.verdict === 'FAIL' ? fail : warn)(
          first === undefined ? message : `${message}; ${first}`,
          about,
        )
      }
      const { chain } = await reader.doctor()
      if (chain.breaks === null) return warn(chain.reason ?? 'not verified', { detail: chain })
      if (chain.breaks > 0) {
        return fail(
          `${counted(chain.breaks, 'break')}, the first at #${chain.first_break_at}: ${chain.reason}`,
          { hint: 'see fasten verify', detail: chain },
        )
      }
      const beyond = chain.reason === null ? '' : `; ${chain.reason}`
      return ok(`the newest ${counted(chain.verified, 'row')} hold${beyond}; fasten verify checks all`, {
        ...chain,
      })
    },
  }
}

/** How many rows are looked at for signs of working shims. */
const sampleRows = 200

/** Whether HTTP accesses arrive: the api stream is the shim's own trace. */
export function shimCheck(reader: Reader, clock: Clock): Check {
  return {
    name: 'shims',
    async run() {
      const page = await reader.page({
        stream: 'api',
        filter: {},
        limit: sampleRows,
        order: 'newest',
        total: 'none',
      })
      const rows = page.rows.filter((row) => !isOwnRow(row))
      const [newest] = rows
      if (newest === undefined) {
        return page.completeness === 'ring'
          ? warn('no HTTP access seen yet', { hint: 'mount a shim such as fasten/http/express' })
          : skip('no api rows here; they are stored only with FASTEN_API_DSN')
      }
      const methods = [...new Set(rows.map((row) => (row.stream === 'api' ? row.method : '')))].sort()
      return ok(`http: newest access ${ago(newest.timestamp, clock)}, ${methods.join(' ')}`, {
        newest: newest.timestamp,
        methods,
      })
    },
  }
}

/** Whether audit rows know the request they belong to. */
export function correlationCheck(reader: Reader): Check {
  return {
    name: 'correlation',
    async run() {
      const { rows } = await reader.page({
        stream: 'audit',
        filter: {},
        limit: sampleRows,
        order: 'newest',
        total: 'none',
      })
      const own = rows.filter((row) => !isOwnRow(row))
      if (own.length === 0) return skip('no audit rows of an application yet')
      const kinds = Map.groupBy(own, (row) => requestIdKind(row.request_id))
      const threaded = kinds.get('request')?.length ?? 0
      const others = [...kinds]
        .filter(([kind]) => kind !== 'request')
        .map(([kind, of]) => `${of.length} ${kind}-`)
      const detail = Object.fromEntries([...kinds].map(([kind, of]) => [kind, of.length]))
      const message = `${threaded} of the newest ${own.length} audit rows belong to a request${others.length > 0 ? `, ${others.join(', ')}` : ''}`
      const orphans = kinds.get('orphan')?.length ?? 0
      if (orphans > 0) {
        return warn(message, {
          hint: 'orphan- rows were emitted where a request was lost; see withRequestID',
          detail,
        })
      }
      return ok(message, detail)
    },
  }
}

/** Codes that rows carry and nobody registered. */
export function unregisteredCheck(reader: Reader): Check {
  return {
    name: 'codes',
    async run() {
      const page = await reader.page({
        stream: 'audit',
        filter: { code: 'UNREGISTERED_CODE' },
        limit: sampleRows,
        order: 'newest',
        total: 'bounded',
      })
      if (page.rows.length === 0) return ok('every stored row has a registered code')
      const codes = new Set(
        page.rows.map((row) => (row.stream === 'audit' ? scalar(row.detail['original_code']) : '')),
      )
      const some = [...codes].sort().slice(0, 5).join(', ')
      const more = codes.size > 5 ? `, … (${codes.size})` : ''
      return warn(
        `${counted(page.total ?? page.rows.length, 'row')} under codes that were not registered: ${some}${more}`,
        {
          hint: 'register them, or correct the spelling; fasten dump lists the registered ones',
          detail: { rows: page.total, codes: [...codes].sort() },
        },
      )
    },
  }
}

/** `3s ago`, by this machine's clock. */
export function ago(timestamp: string, clock: Clock): string {
  const now = clock.nowMicros()
  const micros = now - (parseTime(timestamp, now) ?? now)
  return micros >= 0 ? `${duration(micros)} ago` : `${duration(-micros)} ahead of this clock`
}

/** Rows that fasten wrote about itself: the first of a log, and probes. */
function isOwnRow(row: ReaderRow): boolean {
  return (
    row.monotonic_seq === 0 ||
    row.service_id === probeService ||
    parseLogName(row.log)?.service_id === probeService
  )
}

/** The service that probes are written as, so that they get a log of their own. */
export const probeService = 'fasten-doctor'

function isAtLeast(version: string, least: string): boolean {
  const parts = (text: string): readonly number[] =>
    text.split('.').map((part) => Number.parseInt(part, 10) || 0)
  const [a, b] = [parts(version), parts(least)]
  for (const [index, wanted] of b.entries()) {
    const have = a[index] ?? 0
    if (have !== wanted) return have > wanted
  }
  return true
}
