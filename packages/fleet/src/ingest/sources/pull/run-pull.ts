// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { now } from '../../../access/access-deps.ts'
import { Problem } from '../../../web/problem.ts'
import { pullSettings, type PullSettings } from '../pull-settings.ts'
import { sealArrivals, type SealDeps } from '../seal-arrivals.ts'
import { readSource } from '../source.ts'
import type { TokenSeal } from '../token-seal.ts'
import type { PrivateAddresses } from './addresses.ts'
import { createAskReader } from './ask-reader.ts'
import { pullFasten } from './pull-fasten.ts'
import { PullError } from './pull-error.ts'
import { pullPublished } from './pull-published.ts'
import type { PullOutcome, PullRun } from './pull-run.ts'

export interface PullDeps extends SealDeps {
  readonly tokens: TokenSeal
  readonly privateAddresses: PrivateAddresses
}

/** A source whose turn it is, drawn by this server. */
export interface DrawnPull {
  readonly source_id: string
  readonly lease: string
  readonly cursor: unknown
  readonly failures: number
}

/** Draws the source that has waited longest; undefined when it is nobody's turn. Of several servers, one gets it. */
export async function drawPull({ database }: Pick<PullDeps, 'database'>): Promise<DrawnPull | undefined> {
  const lease = randomBytes(16).toString('hex')
  const { rows } = await database.pool.query<Omit<DrawnPull, 'lease'>>(
    `UPDATE fleet_pulls p SET lease = $1, leased_until = ${leaseEnd}
    FROM (SELECT d.source_id FROM fleet_pulls d JOIN fleet_sources s USING (source_id)
      WHERE s.removed_at IS NULL AND s.paused_at IS NULL AND d.due_at <= clock_timestamp()
        AND (d.leased_until IS NULL OR d.leased_until <= clock_timestamp())
      ORDER BY d.due_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED) AS next
    WHERE p.source_id = next.source_id RETURNING p.source_id, p.cursor, p.failures`,
    [lease],
  )
  return rows[0] && { ...rows[0], lease }
}

/** Long enough for one answer of the slowest kind and its rows; each commit begins it anew. */
const leaseEnd = "clock_timestamp() + interval '330 seconds'"

/**
 * One look at a drawn source. Its rows and its cursor move together, and only while the lease is ours: whoever took too long stores nothing and stops. What goes wrong at the
 * source is kept with it, in our words, and it is asked again later, each time later up to a quarter of an hour; or when it said.
 *
 * Throws the driver's errors; the lease then ends by itself.
 */
export async function runPull(deps: PullDeps, drawn: DrawnPull, signal: AbortSignal): Promise<void> {
  const { source_id } = drawn
  const source = await readSource(deps.database.pool, source_id, deps.database)
  const parsed = pullSettings.safeParse(source?.settings)
  if (source === undefined || source.isPaused || !parsed.success) return end(deps, drawn, { pauseS: 60 })
  const settings = parsed.data
  const look = createLook(deps, settings)
  try {
    const outcome = await lookAt(deps, drawn, settings, look, signal)
    const pauseS = outcome === 'more' ? 0 : settings.every_s
    await end(deps, drawn, { pauseS: Math.max(pauseS, look.owedS()), isWell: true })
  } catch (error) {
    if (signal.aborted || error instanceof LeaseLost) return end(deps, drawn, { pauseS: 0 })
    if (error instanceof Problem && /^SOURCE_(CLOSED|PAUSED)$/.test(error.code))
      return end(deps, drawn, { pauseS: 60 })
    if (!(error instanceof PullError)) throw error
    await end(deps, drawn, { pauseS: pauseAfter(error, drawn, settings), failed: error })
  }
}

interface Look {
  take(rows: number): void
  isOver(): boolean
  asked(): void
  /** Seconds to wait, so that there were no more rows in a second than the source may have. */
  owedS(): number
}

function createLook({ clock }: PullDeps, { rows_per_s }: PullSettings): Look {
  const begun = clock.monotonicNanos()
  const seconds = (): number => Number(clock.monotonicNanos() - begun) / 1e9
  let rows = 0
  let requests = 0
  return {
    take: (count) => (rows += count),
    asked: () => requests++,
    isOver: () => rows >= rows_per_s * sliceS || requests >= requestsMax || seconds() >= sliceS * 3,
    owedS: () => Math.max(rows / rows_per_s - seconds(), requests >= requestsMax ? sliceS : 0),
  }
}

/** Rows of so many seconds are taken in one look at most, in three times as long: others have their turn. */
const sliceS = 10
const requestsMax = 100

async function lookAt(
  deps: PullDeps,
  { source_id, lease, cursor }: DrawnPull,
  settings: PullSettings,
  look: Look,
  signal: AbortSignal,
): Promise<PullOutcome> {
  const ask = createAskReader({
    url: settings.url,
    token: await tokenOf(deps, source_id),
    privateAddresses: deps.privateAddresses,
    timeoutMs: settings.timeout_s * 1_000,
    signal,
  })
  const run: PullRun = {
    ask: {
      text: (path, search) => {
        look.asked()
        return ask.text(path, search)
      },
      chunks: (path, search, options) => {
        look.asked()
        return ask.chunks(path, search, options)
      },
    },
    settings,
    cursor,
    nowMicros: () => deps.clock.nowMicros(),
    isOver: () => signal.aborted || look.isOver(),
    async commit(batch) {
      look.take(batch.rows.length)
      return sealArrivals(deps, {
        source_id,
        rows: batch.rows,
        refused: batch.refused,
        alongside: async (sql) => {
          const { rowCount } = await sql.query(
            `UPDATE fleet_pulls SET cursor = $3, leased_until = ${leaseEnd} WHERE source_id = $1 AND lease = $2`,
            [source_id, lease, batch.cursor === null ? null : JSON.stringify(batch.cursor)],
          )
          if (rowCount === 0) throw new LeaseLost('another server asks this source by now')
        },
      })
    },
  }
  return settings.form === 'fasten' ? pullFasten(run) : pullPublished(run)
}

class LeaseLost extends Error {}

async function tokenOf({ database, tokens }: PullDeps, source_id: string): Promise<string | undefined> {
  const { rows } = await database.pool.query<{ sealed_token: Buffer | null }>(
    'SELECT sealed_token FROM fleet_sources WHERE source_id = $1',
    [source_id],
  )
  const sealed = rows[0]?.sealed_token ?? null
  if (sealed === null) return undefined
  const token = tokens.open(sealed, source_id)
  if (token !== undefined) return token
  throw new PullError('TOKEN_SEALED', 'the token that is kept does not open: give it again')
}

function pauseAfter({ retryAfterS }: PullError, { failures }: DrawnPull, { every_s }: PullSettings): number {
  if (retryAfterS !== undefined) return Math.max(1, retryAfterS)
  // Of many servers and sources, not all come back at the same moment.
  const spread = 0.75 + (randomBytes(1)[0] ?? 0) / 512
  return Math.min(pauseMaxS, Math.max(every_s, 2 ** Math.min(failures, 12))) * spread
}

const pauseMaxS = 900

interface End {
  readonly pauseS: number
  readonly isWell?: boolean
  readonly failed?: PullError
}

/** Gives the source back, unless somebody else has it. */
async function end(
  deps: PullDeps,
  { source_id, lease }: DrawnPull,
  { pauseS, isWell, failed }: End,
): Promise<void> {
  await deps.database.transact(async (sql) => {
    const { rowCount } = await sql.query(
      `UPDATE fleet_pulls SET lease = NULL, leased_until = NULL, due_at = clock_timestamp() + make_interval(secs => $3),
        failures = CASE WHEN $4 THEN 0 WHEN $5 THEN failures + 1 ELSE failures END
      WHERE source_id = $1 AND lease = $2`,
      [source_id, lease, pauseS, isWell === true, failed !== undefined],
    )
    if (rowCount === 0) return
    if (isWell === true)
      await sql.query(
        'UPDATE fleet_sources SET failing_since = NULL WHERE source_id = $1 AND failing_since IS NOT NULL',
        [source_id],
      )
    if (failed !== undefined)
      await sql.query(
        `UPDATE fleet_sources SET failing_since = coalesce(failing_since, $3), last_error = $2, last_error_at = $3
        WHERE source_id = $1 AND removed_at IS NULL`,
        [source_id, failed.message.slice(0, 300), now(deps)],
      )
  })
}
