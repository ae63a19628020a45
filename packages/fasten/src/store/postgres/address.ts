// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { ClientConfig } from 'pg'
import { FastenError } from '../../core/error.ts'
import { hideSecrets } from '../dsn.ts'

/** What a Postgres URL asks for, taken apart the way libpq does. */
export interface PostgresAddress {
  /** One for each host, in the order they are tried. */
  readonly candidates: readonly ClientConfig[]
  /** How the server is to be chosen among them; undefined leaves it to the caller. */
  readonly session: SessionWish | undefined
  /** `prefer` and `allow` go on without encryption when the server has none. */
  readonly mayBePlain: boolean
  /** The URL without password, for people. */
  readonly shown: string
}

export const sessionWishes = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby',
] as const
export type SessionWish = (typeof sessionWishes)[number]

/**
 * Reads `postgres://user:password@h1:5432,h2:5433/database?…`. Throws FastenError `DSN_PARAMETER` for a value that makes no sense and
 * for parameters that ask for a safety which the driver cannot give: ignoring those would be worse than refusing them. Without
 * `sslmode` it is `prefer`, as in libpq: encrypted where the server can, and not otherwise.
 */
export function readAddress(url: string): PostgresAddress {
  const shown = hideSecrets(url)
  const match = /^postgres(?:ql)?:\/\/(?:(.*)@)?([^/]*)\/([^?]*)(?:\?(.*))?$/is.exec(url)
  const [, account = '', authority = '', path = '', query = ''] = match ?? []
  const parameters = new URLSearchParams(query)
  const given = (name: string): string | undefined => parameters.get(name) ?? undefined
  for (const name of unsupported) {
    const value = given(name)
    if (value === undefined || harmless[name]?.includes(value) === true) continue
    throw unfit(name, value, shown, 'the driver cannot do it: leave it out')
  }
  const [user, ...password] = account.split(':')
  const names = given('host')?.split(',') ?? hostsOf(authority)
  const ports = given('port')?.split(',') ?? portsOf(authority)
  const session = given('target_session_attrs')
  if (session !== undefined && !(sessionWishes as readonly string[]).includes(session))
    throw unfit('target_session_attrs', session, shown, `it is one of ${sessionWishes.join(', ')}`)
  const sslmode = given('sslmode') ?? 'prefer'
  const timeout = Number(given('connect_timeout') ?? connectTimeoutS)
  const common: ClientConfig = {
    ...member('user', given('user') ?? decoded(user)),
    ...member(
      'password',
      given('password') ?? (password.length === 0 ? undefined : decoded(password.join(':'))),
    ),
    database: given('dbname') ?? decoded(path) ?? '',
    ...member('options', given('options')),
    application_name: given('application_name') ?? given('fallback_application_name') ?? 'fasten',
    // libpq: zero waits without end, which nobody here may.
    connectionTimeoutMillis: (timeout > 0 ? timeout : connectTimeoutS) * 1000,
    enableChannelBinding: given('channel_binding') !== 'disable',
    keepAlive: given('keepalives') !== '0',
    keepAliveInitialDelayMillis: Number(given('keepalives_idle') ?? 10) * 1000,
  }
  const candidates = names.map((host, index): ClientConfig => {
    const port = ports[index] ?? ports[0]
    const isSocket = host.startsWith('/')
    return {
      ...common,
      ...member('host', host === '' ? undefined : host),
      ...member('port', port === undefined || port === '' ? undefined : Number(port)),
      ssl: isSocket ? false : tlsOf(sslmode, given, host, shown),
    }
  })
  return {
    candidates,
    session: session as SessionWish | undefined,
    mayBePlain: sslmode === 'prefer' || sslmode === 'allow',
    shown,
  }
}

const connectTimeoutS = 10

/** Parameters of libpq that `pg` has nothing for, and the values that change nothing. */
const unsupported = [
  'gssencmode',
  'hostaddr',
  'passfile',
  'require_auth',
  'service',
  'sslcrl',
  'sslnegotiation',
  'ssl_max_protocol_version',
] as const
const harmless: Readonly<Record<string, readonly string[]>> = {
  gssencmode: ['disable', 'prefer'],
  sslnegotiation: ['postgres'],
}

function tlsOf(
  sslmode: string,
  given: (name: string) => string | undefined,
  host: string,
  shown: string,
): ConnectionOptions | false {
  if (sslmode === 'disable') return false
  if (!['allow', 'prefer', 'require', 'verify-ca', 'verify-full'].includes(sslmode))
    throw unfit(
      'sslmode',
      sslmode,
      shown,
      'it is one of disable, allow, prefer, require, verify-ca, verify-full',
    )
  const root = given('sslrootcert')
  const isSystem = root === 'system'
  if (isSystem && sslmode !== 'verify-full')
    throw unfit('sslrootcert', 'system', shown, 'the authorities of the system need sslmode=verify-full')
  // As in libpq: whoever names an authority wants it asked, even when the mode only says "require".
  const verifies = sslmode.startsWith('verify') || (sslmode === 'require' && root !== undefined)
  const floor = given('ssl_min_protocol_version')
  return {
    rejectUnauthorized: verifies,
    ...(verifies && sslmode !== 'verify-full' ? { checkServerIdentity: () => undefined } : {}),
    ...(root === undefined || isSystem ? {} : { ca: fileOf('sslrootcert', root, shown) }),
    ...member('cert', fileIf('sslcert', given('sslcert'), shown)),
    ...member('key', fileIf('sslkey', given('sslkey'), shown)),
    ...member('passphrase', given('sslpassword')),
    ...(floor === undefined ? {} : { minVersion: floor as 'TLSv1.2' }),
    ...(given('sslsni') === '0' || /^[\d.]+$|:/.test(host) ? {} : { servername: host }),
  }
}

const fileIf = (name: string, path: string | undefined, shown: string): string | undefined =>
  path === undefined ? undefined : fileOf(name, path, shown)

function fileOf(name: string, path: string, shown: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FastenError('DSN_PARAMETER', `the file "${path}" that ${name} names cannot be read`, {
      at: shown,
      hint: 'give an absolute path to a PEM file that this user may read',
      cause,
    })
  }
}

/** `h1:5432,[::1]:5433,%2Frun%2Fpostgresql` */
const hostPattern = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/
const hostsOf = (authority: string): string[] =>
  authority.split(',').map((part) => (decoded(hostPattern.exec(part)?.[1]) ?? '').replace(/^\[|\]$/g, ''))
const portsOf = (authority: string): string[] =>
  authority.split(',').map((part) => hostPattern.exec(part)?.[2] ?? '')

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign in a password that nobody encoded: it is meant as it stands.
    return text
  }
}

const member = <K extends string, V>(name: K, value: V | undefined): { readonly [N in K]?: V } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [N in K]?: V }

function unfit(name: string, value: string, shown: string, hint: string): FastenError {
  return new FastenError('DSN_PARAMETER', `"${name}=${value}" in "${shown}" cannot be followed`, {
    at: 'dsn',
    hint,
  })
}
