// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import type { ApiKey } from '../access/api-keys/api-key.ts'
import type { NewApiKey } from '../access/api-keys/create-api-key.ts'
import { permissions, type Permission } from '../web/principal.ts'
import { severalOf, wholeNumber } from './arguments.ts'
import { fleetClient } from './fleet-client.ts'

interface CreateOptions {
  readonly permission: readonly Permission[]
  readonly tenant?: readonly string[]
  readonly code?: readonly string[]
  readonly days: number
}

/** `fleet keys`: keys for programs, made, listed and revoked in a running fleet. */
export function keysCommand(program: Command, env: Readonly<Record<string, string | undefined>>): void {
  const keys = program.command('keys').description('keys for programs (FLEET_URL, FLEET_TOKEN)')
  keys
    .command('create')
    .description('print a new key, which may do at most what you may')
    .argument('<name>', 'what it is for')
    .requiredOption(
      '--permission <permission>',
      `one of ${permissions.join(', ')}; repeatable`,
      severalOf(permissions),
    )
    .option('--tenant <tenant...>', 'only for these tenants; default: yours')
    .option('--code <code...>', 'only rows of these codes, each exact or a beginning and *')
    .option('--days <days>', 'ends after so many days', wholeNumber(1, 366), 90)
    .action(async (name: string, { permission, tenant, code, days }: CreateOptions) => {
      const made = (await fleetClient(env).ask('POST', '/api/v1/api-keys', {
        name,
        permissions: permission,
        ...(tenant === undefined ? {} : { tenants: tenant }),
        ...(code === undefined ? {} : { codes: code }),
        expires_in_days: days,
      })) as NewApiKey
      process.stdout.write(`${made.key}\n`)
      process.stderr.write(`${made.key_id}, until ${made.expires_at}; it is not shown again\n`)
    })
  keys
    .command('list')
    .description('your keys, or those of everybody where you may read access')
    .option('--json', 'as JSON')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const answer = (await fleetClient(env).ask('GET', '/api/v1/api-keys')) as { keys: readonly ApiKey[] }
      const text = json === true ? JSON.stringify(answer, null, 2) : answer.keys.map(lineOf).join('\n')
      process.stdout.write(text === '' ? 'no keys\n' : `${text}\n`)
    })
  keys
    .command('revoke')
    .description('end a key at once')
    .argument('<key_id>', 'as the list shows it: k_…')
    .action(async (keyId: string) => {
      await fleetClient(env).ask('DELETE', `/api/v1/api-keys/${encodeURIComponent(keyId)}`)
      process.stdout.write(`${keyId} is revoked\n`)
    })
}

function lineOf(key: ApiKey): string {
  const state = key.revoked_at === null ? `until ${key.expires_at}` : `revoked ${key.revoked_at}`
  const scope = key.tenants === 'all' ? 'all tenants' : key.tenants.join(',')
  const used = key.last_used_at === null ? 'never used' : `used ${key.last_used_at}`
  return [key.key_id, key.name, key.permissions.join(','), scope, state, used, key.created_by].join('  ')
}
