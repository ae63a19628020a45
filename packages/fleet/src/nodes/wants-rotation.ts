// SPDX-License-Identifier: Apache-2.0
import type { FleetDatabase } from '../database/fleet-database.ts'

export interface RotationDeps {
  readonly database: Pick<FleetDatabase, 'pool'>
  /** A credential that is older is to be changed, days; 0 for never. */
  readonly credentialDays: number
}

/** Whether the credential that a node uses is to be changed: it is too old, or was there when somebody asked for another. */
export async function wantsRotation(
  { database, credentialDays }: RotationDeps,
  node_id: string,
  nowMicros: number,
): Promise<boolean> {
  const oldest = credentialDays === 0 ? null : new Date(nowMicros / 1000 - credentialDays * 86_400_000)
  const { rows } = await database.pool.query(
    `SELECT FROM fleet_node_credentials c JOIN fleet_nodes n USING (node_id)
    WHERE c.node_id = $1 AND c.used_at IS NOT NULL AND c.ends_at IS NULL AND (c.made_at < $2 OR c.made_at < n.rotation_asked_at)`,
    [node_id, oldest],
  )
  return rows.length > 0
}
