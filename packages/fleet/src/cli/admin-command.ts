// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import { createSystemClock } from 'fasten/store'
import { readFleetConfig } from '../config/config.ts'
import { permissionsOf, roles, type Role } from '../web/principal.ts'
import { adminNodeCommand } from './admin-node-command.ts'
import { oneOf, wholeNumber } from './arguments.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** `fleet admin`: what is done where the fleet runs, with the variables of its server, on its database. */
export function adminCommand(program: Command, env: Variables): void {
  const admin = program
    .command('admin')
    .description('on the machine of the fleet itself, without a credential')
  adminNodeCommand(admin, env)
  admin
    .command('password')
    .description('print a one-time password for a local user, who is unlocked and logged out everywhere')
    .argument('[user]', 'whom', 'admin')
    .action(async (user: string) => {
      const { onMachine } = await import('../server/on-machine.ts')
      const { rescueUser } = await import('../access/users/users.ts')
      const password = await onMachine(readFleetConfig(env), ({ actor, ...parts }) =>
        rescueUser({ ...parts, clock: createSystemClock() }, { actor }, user),
      )
      process.stdout.write(`${password}\n`)
    })
  admin
    .command('key')
    .description('print a new key; whoever can run this owns the fleet already')
    .argument('[name]', 'what the key is for', 'first key')
    .option('--role <role>', `what it may do: ${roles.join(', ')}`, oneOf<Role>(roles), 'admin')
    .option('--tenant <tenant...>', 'only for these tenants')
    .option('--days <days>', 'ends after so many days', wholeNumber(1, 366), 90)
    .action(
      async (
        name: string,
        options: { readonly role: Role; readonly tenant?: string[]; readonly days: number },
      ) => {
        const { key, key_id, expires_at } = await makeKey(env, name, options)
        process.stdout.write(`${key}\n`)
        process.stderr.write(`${key_id}, ${options.role}, until ${expires_at}; it is not shown again\n`)
      },
    )
}

async function makeKey(
  env: Variables,
  name: string,
  { role, tenant, days }: { readonly role: Role; readonly tenant?: string[]; readonly days: number },
) {
  const rights = [{ permissions: new Set(permissionsOf[role]), tenants: 'all' as const }]
  const { onMachine } = await import('../server/on-machine.ts')
  const { createApiKey } = await import('../access/api-keys/create-api-key.ts')
  return onMachine(readFleetConfig(env), ({ database, fasten, actor }) =>
    createApiKey(
      { database, fasten, clock: createSystemClock() },
      { actor, rights },
      {
        name,
        permissions: permissionsOf[role],
        tenants: tenant,
        expiresInDays: days,
      },
    ),
  )
}
