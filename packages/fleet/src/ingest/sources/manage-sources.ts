// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import type { PoolClient } from 'pg'
import { now } from '../../access/access-deps.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import type { Principal } from '../../web/principal.ts'
import { covers } from '../../web/rights.ts'
import { pullSettings, type PullChange, type PullSettings } from './pull-settings.ts'
import { createSourceCredential, endSourceCredentials } from './source-credential.ts'
import { readSource, type Source, type SourceKind } from './source.ts'
import type { SourcesDeps } from './sources-deps.ts'

type Manager = Pick<Principal, 'actor' | 'tenants'>

export interface NewSource {
  readonly kind: SourceKind
  readonly name: string
  readonly service_id: string
  /** What its rows may be of; they say so themselves. */
  readonly tenants?: TenantScope | undefined
  /** Written on each of its rows, instead; `_` for none. */
  readonly stamp?: string | undefined
  readonly silent_after_s?: number | undefined
  /** For `pull`. */
  readonly pull?: PullSettings | undefined
  readonly token?: string | undefined
}

/**
 * A source whose rows are taken from now on. One that sends by itself gets a credential, which is not kept and not shown again.
 *
 * Throws Problem 403 `EXCEEDS_RIGHTS` for tenants that are not the principal's.
 */
export async function createSource(
  deps: SourcesDeps,
  principal: Manager,
  { kind, name, service_id, stamp, silent_after_s, pull, token, ...rest }: NewSource,
): Promise<{ readonly source_id: string; readonly credential?: string }> {
  const tenants = stamp === undefined ? (rest.tenants ?? principal.tenants) : [stamp]
  if (!covers({ tenants: principal.tenants }, { tenants }))
    throw new Problem(403, 'EXCEEDS_RIGHTS', 'rows of this source would be of tenants that are not yours')
  const source_id = randomBytes(8).toString('hex')
  return deps.database.transact(async (sql) => {
    await sql.query(
      `INSERT INTO fleet_sources (source_id, kind, name, service_id, tenants, stamp, settings, sealed_token, silent_after_s, created_at, created_by)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        source_id,
        kind,
        name,
        service_id,
        tenants === 'all' ? null : [...new Set(tenants)],
        stamp ?? null,
        pull ?? {},
        token === undefined ? null : deps.tokens.seal(token, source_id),
        silent_after_s ?? null,
        now(deps),
        principal.actor,
      ],
    )
    await deps.database.seals.seal(sql, 'source', source_id)
    if (kind === 'pull') await sql.query('INSERT INTO fleet_pulls (source_id) VALUES ($1)', [source_id])
    const credential =
      kind === 'pull'
        ? undefined
        : await createSourceCredential(sql, source_id, {
            seals: deps.database.seals,
            at: now(deps),
            by: principal.actor,
          })
    await tell(deps, sql, 'SOURCE_ADDED', source_id, {
      kind,
      name,
      service_id,
      tenants: tenants === 'all' ? 'all' : [...tenants],
      is_stamped: stamp !== undefined,
      ...(pull === undefined ? {} : { url: pull.url, form: pull.form }),
    })
    return { source_id, ...(credential === undefined ? {} : { credential }) }
  })
}

export interface SourceChange {
  readonly name?: string | undefined
  /** Takes no rows while it is. */
  readonly paused?: boolean | undefined
  /** Null for what the fleet says. */
  readonly silent_after_s?: number | null | undefined
  readonly pull?: PullChange | undefined
  readonly token?: string | undefined
}

/**
 * Changes what is given. Throws as `managedSource` does; Problem 400 `SOURCE_KIND` for settings of another kind; Problem 400 `TOKEN_NEEDED` for an address at
 * another origin without a token: the one that is kept was given for the origin before, and nobody gets to see it by naming their own.
 */
export async function changeSource(
  deps: SourcesDeps,
  principal: Manager,
  source_id: string,
  change: SourceChange,
): Promise<void> {
  const { name, paused, silent_after_s, pull, token } = change
  await deps.database.transact(async (sql) => {
    const source = await managedSource(sql, deps, principal, source_id)
    if (source.kind !== 'pull' && (pull !== undefined || token !== undefined))
      throw new Problem(400, 'SOURCE_KIND', `a source of the kind ${source.kind} is not asked by the fleet`)
    const settings =
      pull === undefined ? source.settings : pullSettings.parse({ ...source.settings, ...pull })
    if (
      token === undefined &&
      originOf(settings) !== originOf(source.settings) &&
      (await hasToken(sql, source_id))
    )
      throw new Problem(400, 'TOKEN_NEEDED', 'the token that is kept was given for another origin', {
        hint: 'give the token for this one along with the address',
      })
    await sql.query(
      `UPDATE fleet_sources SET name = coalesce($2, name), settings = $3,
        paused_at = CASE WHEN $4::boolean IS NULL THEN paused_at WHEN $4 THEN coalesce(paused_at, $5) END,
        silent_after_s = CASE WHEN $6 THEN $7 ELSE silent_after_s END,
        sealed_token = coalesce($8, sealed_token) WHERE source_id = $1`,
      [
        source_id,
        name ?? null,
        settings,
        paused ?? null,
        now(deps),
        silent_after_s !== undefined,
        silent_after_s ?? null,
        token === undefined ? null : deps.tokens.seal(token, source_id),
      ],
    )
    await deps.database.seals.seal(sql, 'source', source_id)
    // What was wrong may be mended by this: it is asked at once. A look that is under way asks as before the change, so it loses its
    // lease: it stores no more, and what it found wrong puts nothing off.
    await sql.query(
      `UPDATE fleet_pulls SET due_at = clock_timestamp(), failures = 0, lease = NULL, leased_until = NULL
      WHERE source_id = $1`,
      [source_id],
    )
    await tell(deps, sql, 'SOURCE_CHANGED', source_id, {
      ...(name === undefined ? {} : { name }),
      ...(paused === undefined ? {} : { paused }),
      ...(silent_after_s === undefined ? {} : { silent_after_s }),
      ...(pull === undefined ? {} : { pull: { ...pull } }),
      ...(token === undefined ? {} : { token_changed: true }),
    })
  })
}

/** Its rows are taken no more, its credentials and the token for it are gone; what it sent stays. Throws as `managedSource` does. */
export async function removeSource(deps: SourcesDeps, principal: Manager, source_id: string): Promise<void> {
  await deps.database.transact(async (sql) => {
    await managedSource(sql, deps, principal, source_id)
    const at = now(deps)
    await sql.query(
      'UPDATE fleet_sources SET removed_at = $2, removed_by = $3, sealed_token = NULL, failing_since = NULL WHERE source_id = $1',
      [source_id, at, principal.actor],
    )
    await deps.database.seals.seal(sql, 'source', source_id)
    await endSourceCredentials(sql, source_id, { seals: deps.database.seals, at })
    await tell(deps, sql, 'SOURCE_CHANGED', source_id, { removed: true })
  })
}

/** A further credential; the one before is good until this one is used. Throws as `managedSource` does, and Problem 400 `SOURCE_KIND` for one that the fleet asks. */
export async function rotateSourceCredential(
  deps: SourcesDeps,
  principal: Manager,
  source_id: string,
): Promise<string> {
  return deps.database.transact(async (sql) => {
    const { kind } = await managedSource(sql, deps, principal, source_id)
    if (kind === 'pull')
      throw new Problem(400, 'SOURCE_KIND', 'the fleet asks this source, which needs no credential here')
    const credential = await createSourceCredential(sql, source_id, {
      seals: deps.database.seals,
      at: now(deps),
      by: principal.actor,
    })
    await tell(deps, sql, 'SOURCE_CHANGED', source_id, { credential: 'made' })
    return credential
  })
}

/** No credential of it opens anything from now on. Throws as `managedSource` does. */
export async function revokeSourceCredentials(
  deps: SourcesDeps,
  principal: Manager,
  source_id: string,
): Promise<void> {
  await deps.database.transact(async (sql) => {
    await managedSource(sql, deps, principal, source_id)
    const ended = await endSourceCredentials(sql, source_id, {
      seals: deps.database.seals,
      at: now(deps),
    })
    await tell(deps, sql, 'SOURCE_CHANGED', source_id, { credential: 'revoked', ended })
  })
}

/** Locks a source of which all tenants are the principal's. Throws Problem 404 `NO_SUCH_SOURCE` for every other. */
async function managedSource(
  sql: PoolClient,
  { database }: SourcesDeps,
  { tenants }: Manager,
  source_id: string,
): Promise<Source> {
  const source = await readSource(sql, source_id, { seals: database.seals, isLocked: true })
  if (source !== undefined && covers({ tenants }, { tenants: source.tenants })) return source
  throw new Problem(404, 'NO_SUCH_SOURCE', `there is no source ${source_id} that you may manage`)
}

async function tell(
  { fasten }: SourcesDeps,
  sql: PoolClient,
  code: 'SOURCE_ADDED' | 'SOURCE_CHANGED',
  source_id: string,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  await fasten.emit(sql, { code, target: `source:${source_id}`, target_kind: 'source', detail })
}

function originOf(settings: Readonly<Record<string, unknown>>): string | undefined {
  const { url } = settings
  return typeof url === 'string' ? new URL(url).origin : undefined
}

async function hasToken(sql: PoolClient, source_id: string): Promise<boolean> {
  const { rows } = await sql.query<{ has: boolean }>(
    'SELECT sealed_token IS NOT NULL AS has FROM fleet_sources WHERE source_id = $1',
    [source_id],
  )
  return rows[0]?.has === true
}
