// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path'
import { FastenError } from '../core/error.ts'

/** Where rows live, as one line of configuration says it. Parsed once, at the border; nothing below reads DSN text. */
export type Dsn = SqliteDsn | PostgresDsn

export interface SqliteDsn {
  readonly kind: 'sqlite'
  /** As written: relative to the working directory of whoever opens it, or absolute. `:memory:` for a private one. */
  readonly path: string
  /** From `?table=`; absent when the default of the stream applies. */
  readonly table?: string
  /** True when the rows vanish with the process. */
  readonly isMemory: boolean
}

export interface PostgresDsn {
  readonly kind: 'postgres'
  /** For the driver: without our own `table` and `schema` parameters, with the password. Never print it; see `hideSecrets`. */
  readonly url: string
  readonly schema?: string
  readonly table?: string
}

/**
 * The DSN that `text` spells. `sqlite:///audit.db` is relative, `sqlite:////var/lib/audit.db` absolute,
 * `sqlite:///:memory:` private; `postgres://` and `postgresql://` follow libpq. `?table=` names the table.
 * A path may be percent-encoded, so that `?` and `%` can stand in it.
 *
 * Throws FastenError `DSN_SCHEME`, `DSN_PATH`, `DSN_TABLE` or `DSN_PARAMETER`, with `at` as given (the variable or option the
 * text came from) and a corrected example as the hint. A password is never part of what it says.
 */
export function parseDsn(text: string, { at = 'dsn' }: { readonly at?: string } = {}): Dsn {
  const trimmed = text.trim()
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(trimmed)?.[1]?.toLowerCase()
  if (scheme === 'sqlite') return parseSqlite(trimmed, at)
  if (scheme === 'postgres' || scheme === 'postgresql') return parsePostgres(trimmed, at)
  throw unknownScheme(trimmed, scheme, at)
}

/**
 * The DSN, path or URL fit for a screen: the password and every secret-looking parameter become `***`. Works on text that
 * is no valid DSN too, and rather hides too much.
 */
export function hideSecrets(text: string): string {
  const [head = '', ...rest] = text.split('?')
  const authority = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)(.*)@/s.exec(head)
  // The last @ ends the user part: a password may hold anything, an unescaped @ or slash among it.
  const user = authority?.[2]?.split(':')[0]
  const isSecret = authority?.[2]?.includes(':') === true
  const shown =
    authority === null
      ? head
      : `${authority[1]}${user}${isSecret ? ':***' : ''}@${head.slice(authority[0].length)}`
  if (rest.length === 0) return shown
  const parameters = rest.join('?').replace(/([^&=]*(?:pass|pwd|secret|token|key)[^&=]*=)[^&]*/gi, '$1***')
  return `${shown}?${parameters}`
}

/**
 * Which database a DSN means, the same for every way to spell user, password and parameters: rows that wait for it, and what was signed
 * of it, are found again after a password was changed.
 */
export function databaseOf(dsn: Dsn): string {
  if (dsn.kind === 'sqlite') return `sqlite ${dsn.isMemory ? dsn.path : resolve(dsn.path)}`
  const [, hosts = '', database = '', query = ''] =
    /^[a-z]+:\/\/(?:.*@)?([^/]*)\/([^?]*)(?:\?(.*))?$/is.exec(dsn.url) ?? []
  const given = new URLSearchParams(query)
  const place = [given.get('host') ?? hosts, given.get('port') ?? '', given.get('dbname') ?? database]
  return ['postgres', ...place, dsn.schema ?? ''].join(' ')
}

/** True for what may name a table: a letter or underscore, then letters, digits, underscores; 63 at most. */
export const isTableName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(text)

function parseSqlite(text: string, at: string): SqliteDsn {
  const match = /^sqlite:(\/*)([^?]*)(?:\?(.*))?$/is.exec(text)
  const [slashes = '', written = '', query = ''] = match?.slice(1) ?? []
  if (slashes.length < 3) {
    const name = written === '' ? 'fasten.db' : written
    throw fault(
      'DSN_PATH',
      `"${hideSecrets(text)}" has ${slashes.length} slashes after "sqlite:", not three or four`,
      at,
      `write sqlite:///${name} for a path relative to the working directory, or sqlite:////${name} for an absolute one`,
    )
  }
  const path = decodePath(`${slashes.slice(3)}${written}`, text, at)
  if (path === '' || path.endsWith('/')) {
    throw fault('DSN_PATH', `"${text}" names no database file`, at, 'write sqlite:///./fasten.db')
  }
  const table = sqliteParameters(query, text, at)
  return { kind: 'sqlite', path, isMemory: path === ':memory:', ...(table === undefined ? {} : { table }) }
}

function decodePath(written: string, text: string, at: string): string {
  try {
    const path = decodeURIComponent(written)
    if (!path.includes('\0')) return path
  } catch (error) {
    if (!(error instanceof URIError)) throw error
  }
  throw fault(
    'DSN_PATH',
    `the path of "${text}" is not valid percent-encoding`,
    at,
    'write a percent sign as %25',
  )
}

function sqliteParameters(query: string, text: string, at: string): string | undefined {
  let table: string | undefined
  for (const [name, value] of pairs(query, text, at)) {
    // The published SDKs know `wal`; fasten always runs in WAL mode, so only the other answer is a contradiction.
    if (name === 'wal' && value === 'true') continue
    if (name !== 'table') {
      throw fault(
        'DSN_PARAMETER',
        `"${name}=${value}" in "${text}" is not a parameter of a sqlite DSN`,
        at,
        'the only one is table, as in sqlite:///./fasten.db?table=audit_log',
      )
    }
    table = value
    const dotted = /^\w+\.(\w+)$/.exec(value)
    if (dotted) {
      throw fault(
        'DSN_TABLE',
        `"${value}" in "${text}" names a schema, which SQLite does not have`,
        at,
        `write ?table=${dotted[1]}`,
      )
    }
    if (!isTableName(value)) throw badTable(value, text, at, '?table=audit_log')
    if (/^(sqlite|fasten)_/i.test(value)) {
      throw fault(
        'DSN_TABLE',
        `"${value}" in "${text}" starts with a reserved prefix`,
        at,
        'write ?table=audit_log',
      )
    }
  }
  return table
}

function parsePostgres(text: string, at: string): PostgresDsn {
  const shown = hideSecrets(text)
  const match = /^(postgres(?:ql)?:\/\/[^?]*)(?:\?(.*))?$/is.exec(text)
  const [base = '', query = ''] = match?.slice(1) ?? []
  if (!/^[a-z]+:\/\/(?:.*@)?[^/@]*\/[^/]+$/is.test(base)) {
    throw fault(
      'DSN_PATH',
      `"${shown}" names no database`,
      at,
      'write postgresql://user:password@host:5432/database',
    )
  }
  let qualified: RegExpExecArray | null = null
  let named: string | undefined
  const kept: string[] = []
  for (const [name, value, written] of pairs(query, shown, at)) {
    if (name === 'table') {
      qualified = /^(?:([^.]*)\.)?([^.]*)$/.exec(value)
      const isValid =
        qualified !== null && isTableName(qualified[2] ?? '') && isTableName(qualified[1] ?? 'public')
      if (!isValid) throw badTable(value, shown, at, '?table=audit_log or ?table=logs.audit_log')
      if (/^(pg|fasten)_/i.test(qualified?.[2] ?? ''))
        throw fault(
          'DSN_TABLE',
          `"${value}" in "${shown}" starts with a reserved prefix`,
          at,
          'write ?table=audit_log',
        )
    } else if (name === 'schema') {
      named = value
      if (!isTableName(value) || /^pg_/i.test(value))
        throw fault(
          'DSN_TABLE',
          `"${value}" in "${shown}" is not the name of a schema`,
          at,
          'write ?schema=audit',
        )
    } else if (libpqParameters.has(name)) kept.push(written)
    else {
      throw fault(
        'DSN_PARAMETER',
        `"${name}" in "${shown}" is not a parameter of a Postgres DSN`,
        at,
        'table, schema and the connection parameters of libpq, such as sslmode, are understood',
      )
    }
  }
  const [ofTable, table] = qualified?.slice(1) ?? []
  if (named !== undefined && ofTable !== undefined && named !== ofTable)
    throw fault(
      'DSN_TABLE',
      `"${shown}" names two schemas`,
      at,
      `write ?table=${ofTable}.${String(table)} alone`,
    )
  const schema = ofTable ?? named
  return {
    kind: 'postgres',
    url: kept.length === 0 ? base : `${base}?${kept.join('&')}`,
    ...(schema === undefined ? {} : { schema }),
    ...(table === undefined ? {} : { table }),
  }
}

/** Connection parameters of libpq, which drivers take over the URL. */
const libpqParameters: ReadonlySet<string> = new Set([
  'application_name',
  'channel_binding',
  'client_encoding',
  'connect_timeout',
  'dbname',
  'fallback_application_name',
  'gssencmode',
  'host',
  'hostaddr',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'load_balance_hosts',
  'options',
  'passfile',
  'password',
  'port',
  'require_auth',
  'service',
  'sslcert',
  'sslcrl',
  'sslkey',
  'sslmode',
  'sslnegotiation',
  'sslpassword',
  'sslrootcert',
  'sslsni',
  'ssl_max_protocol_version',
  'ssl_min_protocol_version',
  'target_session_attrs',
  'tcp_user_timeout',
  'user',
])

/** Name, decoded value and the pair as written, in order. A parameter given twice has no single meaning and is refused. */
function* pairs(
  query: string,
  shown: string,
  at: string,
): Generator<[name: string, value: string, written: string]> {
  const seen = new Set<string>()
  for (const written of query.split('&')) {
    if (written === '') continue
    const [[name, value] = ['', '']] = new URLSearchParams(written)
    if (seen.has(name)) {
      throw fault('DSN_PARAMETER', `"${name}" stands twice in "${shown}"`, at, `give ${name} once`)
    }
    seen.add(name)
    yield [name, value, written]
  }
}

function unknownScheme(text: string, scheme: string | undefined, at: string): FastenError {
  if (text === '') return fault('DSN_SCHEME', 'the DSN is empty', at, 'write sqlite:///./fasten.db')
  if (scheme === undefined || scheme.length === 1) {
    return fault(
      'DSN_SCHEME',
      `"${hideSecrets(text)}" has no scheme`,
      at,
      `for a database file write sqlite:///${text.replace(/^\.\//, '')}`,
    )
  }
  const isPostgres = scheme.startsWith('postgres') || scheme === 'pg'
  return fault(
    'DSN_SCHEME',
    `"${scheme}:" in "${hideSecrets(text)}" is not a store that fasten knows`,
    at,
    isPostgres
      ? 'write postgresql://user:password@host:5432/database'
      : 'the schemes are sqlite:, postgres: and postgresql:, as in sqlite:///./fasten.db',
  )
}

function badTable(table: string, shown: string, at: string, example: string): FastenError {
  return fault(
    'DSN_TABLE',
    `"${table}" in "${shown}" is not a table name (letters, digits and underscores, no digit first, 63 at most)`,
    at,
    `write ${example}`,
  )
}

function fault(code: string, message: string, at: string, hint: string): FastenError {
  return new FastenError(code, message, { at, hint })
}
