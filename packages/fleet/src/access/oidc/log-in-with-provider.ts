// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import type { PoolClient } from 'pg'
import { tellActor } from '../../web/app.ts'
import { Problem } from '../../web/problem.ts'
import { now, type AccessDeps } from '../access-deps.ts'
import { holdings, rightsOf, type Holdings } from '../grants-of-user.ts'
import { newName } from '../secret.ts'
import { startSession, type StartedSession } from '../sessions/start-session.ts'
import type { ProvenIdentity } from './identity-provider.ts'

interface KnownUser {
  readonly user_id: string
  readonly name: string
  readonly groups: readonly string[]
  readonly is_locked: boolean
}

/**
 * Whoever the provider vouches for has a session. The user is made at the first login, under a name that stays; the groups are those that the
 * provider said this time, and what follows from them holds at once. Throws Problem 403 `NO_ROLE` for who would be allowed nothing, and 401
 * `LOGIN_REFUSED` for a user who is locked; neither leaves a trace but the row of the failure.
 */
export async function logInWithProvider(
  deps: AccessDeps,
  request: FastifyRequest,
  identity: ProvenIdentity,
  before: string | undefined,
): Promise<StartedSession> {
  const session = await deps.database.transact(async (sql) => {
    const user = (await knownUser(sql, identity)) ?? (await newUser(deps, sql, identity))
    if (user.is_locked) throw new Problem(401, 'LOGIN_REFUSED', 'this user is locked')
    await noteGroups(deps, sql, user, identity.groups)
    const started = await startSession(deps, sql, user, { authMethod: 'oidc', request, before })
    const at = now(deps)
    const { rows } = await sql.query<{ held: Holdings }>(
      `SELECT ${holdings('u', '$2')} AS held FROM fleet_users u WHERE user_id = $1`,
      [user.user_id, at],
    )
    const held = rows[0]?.held ?? { grants: [], groups: [] }
    if (rightsOf(deps, held, at).length === 0)
      throw new Problem(403, 'NO_ROLE', 'you are known, and nothing was granted to you here', {
        hint: 'ask an administrator of this fleet for a role, for you or for a group of yours',
      })
    return { ...started, user }
  })
  const { user, ...started } = session
  tellActor({ kind: 'user', actor: `user:${user.name}`, auth_method: 'oidc', session_id: started.sessionId })
  return started
}

async function knownUser(
  sql: PoolClient,
  { issuer, subject }: ProvenIdentity,
): Promise<KnownUser | undefined> {
  const { rows } = await sql.query<KnownUser>(
    `SELECT user_id, name, groups, locked_at IS NOT NULL AS is_locked
    FROM fleet_users WHERE issuer = $1 AND subject = $2 FOR UPDATE`,
    [issuer, subject],
  )
  return rows[0]
}

/** The name at the provider, as far as it can stand in rows; one that somebody has already gets an ending that nobody chose. */
async function newUser(deps: AccessDeps, sql: PoolClient, identity: ProvenIdentity): Promise<KnownUser> {
  const { issuer, subject, groups } = identity
  const plain = identity.name.normalize('NFKC').replaceAll(/[^\p{L}\p{N}._@+-]+/gu, '-')
  const wanted = plain.replace(/^[^\p{L}\p{N}]+/u, '').slice(0, 100) || 'somebody'
  for (const name of [wanted, `${wanted}-${newName()}`]) {
    const { rows } = await sql.query<KnownUser>(
      `INSERT INTO fleet_users (user_id, name, issuer, subject, groups, created_at, created_by)
      VALUES ($1, $2, $3, $4, $5, $6, 'oidc') ON CONFLICT DO NOTHING
      RETURNING user_id, name, groups, false AS is_locked`,
      [`u_${newName()}`, name, issuer, subject, groups, now(deps)],
    )
    const [user] = rows
    if (user !== undefined) {
      await deps.database.seals.seal(sql, 'user', user.user_id)
      await deps.fasten.emit(sql, {
        code: 'USER_CREATED',
        actor: `user:${name}`,
        actor_kind: 'user',
        auth_method: 'oidc',
        target: `user:${name}`,
        target_kind: 'user',
        reason: 'first login',
        detail: { from: issuer, subject, groups },
      })
      return user
    }
    // Two first logins at once: the other one made it.
    const made = await knownUser(sql, identity)
    if (made !== undefined) return made
  }
  throw new Problem(409, 'NAME_TAKEN', 'the name of this user is taken')
}

async function noteGroups(
  deps: AccessDeps,
  sql: PoolClient,
  { user_id, name, groups: before }: KnownUser,
  groups: readonly string[],
): Promise<void> {
  if (before.length === groups.length && groups.every((group) => before.includes(group))) return
  const { seals } = deps.database
  await seals.lock(sql, 'user', user_id)
  await sql.query('UPDATE fleet_users SET groups = $2 WHERE user_id = $1', [user_id, groups])
  await seals.seal(sql, 'user', user_id)
  await deps.fasten.emit(sql, {
    code: 'USER_CHANGED',
    actor: `user:${name}`,
    actor_kind: 'user',
    auth_method: 'oidc',
    target: `user:${name}`,
    target_kind: 'user',
    reason: 'the identity provider names other groups',
    detail: { changes: ['groups'], groups, groups_before: before },
  })
}
