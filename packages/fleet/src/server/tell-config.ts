// SPDX-License-Identifier: Apache-2.0
import { policyText, readJson, type JsonObject } from 'fasten/core'
import type { Fasten } from 'fasten'
import type { FleetConfig } from '../config/config.ts'
import type { FleetDatabase } from '../database/fleet-database.ts'

/**
 * A row CONFIG_CHANGED when this server starts under another configuration than it did the last time: who gets in and how is decided in variables
 * too, and a group that became administrators there must not be known to the shell's history alone. Secrets are told as set or not.
 */
export async function tellConfig(
  config: FleetConfig,
  { database, fasten }: { readonly database: Pick<FleetDatabase, 'transact'>; readonly fasten: Fasten },
): Promise<void> {
  const key = `config ${config.serverId}`
  const after = visible(config)
  const text = JSON.stringify(after)
  await database.transact(async (sql) => {
    const { rows } = await sql.query<{ value: string }>(
      'SELECT value FROM fleet_meta WHERE key = $1 FOR UPDATE',
      [key],
    )
    const before = rows[0]?.value
    if (before === text) return
    await sql.query(
      'INSERT INTO fleet_meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2',
      [key, text],
    )
    const known = (before === undefined ? {} : readJson(before)) as Readonly<Record<string, unknown>>
    const changed = Object.entries(after).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name]),
    )
    await fasten.emit(sql, {
      code: 'CONFIG_CHANGED',
      target: config.serverId,
      target_kind: 'server',
      actor: 'fleet',
      actor_kind: 'system',
      reason: before === undefined ? 'first start of this server' : 'started with other variables',
      detail: {
        after: Object.fromEntries(changed),
        before: Object.fromEntries(changed.flatMap(([name]) => (name in known ? [[name, known[name]]] : []))),
      },
    })
  })
}

/** What anybody may know of a configuration who may read rows. */
function visible({ access, nodes, retention, ...config }: FleetConfig): Readonly<Record<string, unknown>> {
  const { oidc } = access
  return {
    name: config.name,
    listen: `${config.listen.host}:${config.listen.port}`,
    public_url: config.publicUrl ?? null,
    is_database_embedded: config.databaseUrl === undefined,
    session_idle_minutes: access.sessionIdleMs / 60_000,
    session_hours: access.sessionMs / 3_600_000,
    requests_per_minute: access.requestsPerMinute,
    requests_per_minute_and_address: access.requestsPerMinuteAndAddress,
    trusted_proxies: access.trustProxy === false ? null : access.trustProxy,
    oidc:
      oidc === undefined
        ? null
        : {
            issuer: oidc.issuer,
            client: oidc.clientId,
            is_confidential: oidc.clientSecret !== undefined,
            scopes: oidc.scopes,
            groups_claim: oidc.groupsClaim,
          },
    groups: Object.fromEntries(oidc?.groups ?? []),
    tls: nodes.tls !== undefined,
    nodes_need_certificates: nodes.tls?.clientCaFile !== undefined,
    alarm_limits: { ...nodes.limits },
    alarm_webhook: nodes.webhook === undefined ? null : new URL(nodes.webhook.url).host,
    retention: { follow: retention.follow, policy: readJson(policyText(retention.policy)) as JsonObject },
    alarm_mail: nodes.mail === undefined ? null : { from: nodes.mail.from, to: nodes.mail.to },
  }
}
