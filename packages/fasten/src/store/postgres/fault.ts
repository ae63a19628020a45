// SPDX-License-Identifier: Apache-2.0
import { FastenError, systemCode } from '../../core/error.ts'

type Explanation = readonly [code: string, what: string, hint: string]

const unreachable: Explanation = [
  'STORE_UNREACHABLE',
  'the database server cannot be reached or went away',
  'rows stay in the spool until it answers again; check host, port and network, and the log of the server',
]
const busy: Explanation = [
  'STORE_BUSY',
  'the database did not answer in time',
  'it is tried again; look for long transactions and locks with: SELECT * FROM pg_stat_activity',
]
const refused: Explanation = [
  'STORE_AUTH',
  'the database server refuses this user',
  'check user, password and pg_hba.conf; a percent sign, slash or at sign in a password is percent-encoded in the DSN',
]
const forbidden: Explanation = [
  'STORE_READONLY',
  'this database user lacks a permission',
  'let the owner of the tables run: fasten postgres grants DSN --writer USER --apply',
]
const readOnly: Explanation = [
  'STORE_READONLY',
  'the database takes no writes',
  'it is a standby or set to read only: name the primary in the DSN, or all hosts with commas between them',
]
const missing: Explanation = [
  'STORE_MISSING',
  'the database is not there',
  'create it with createdb, or correct the name in the DSN',
]
const full: Explanation = [
  'STORE_FULL',
  'no space is left for the database',
  'free space on the disk of the server; rows stay in the spool until then',
]
const broken: Explanation = [
  'STORE_IO',
  'the disk failed under the database',
  'see the log of the server; rows stay in the spool until writing works again',
]
const damaged: Explanation = [
  'STORE_CORRUPT',
  'the database is damaged',
  'stop the server and keep its files as evidence, then restore a backup',
]

/** By SQLSTATE, whole or its class. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states: Readonly<Record<string, Explanation>> = {
  '08': unreachable,
  '57P01': unreachable,
  '57P02': unreachable,
  '57P03': unreachable,
  '57P04': missing,
  '57P05': unreachable,
  '28': refused,
  '3D': missing,
  '3F': missing,
  '42501': forbidden,
  '25006': readOnly,
  '53100': full,
  '53300': [
    'STORE_BUSY',
    'the database server has no connection left',
    'it is tried again; raise max_connections, or put a pooler in session mode between',
  ],
  '53': busy,
  '55P03': busy,
  '57014': busy,
  '40': busy,
  '25P03': busy,
  '55': busy,
  '58': broken,
  '23514': [
    'STORE_SCHEMA_OLDER',
    'the table has no partition for this month',
    'run this once with the DSN of the owner: fasten postgres migrate DSN',
  ],
  XX001: damaged,
  XX002: damaged,
}

/** How `pg` says that a connection ended or that its own time-out passed; it gives these no code. */
const saidByDriver: readonly (readonly [RegExp, Explanation])[] = [
  [/^query read timeout/i, busy],
  [
    /connection terminated|connection ended|timeout expired|timeout exceeded|not queryable|closed the connection/i,
    unreachable,
  ],
  [/^the server does not support ssl/i, refused],
  [/password must be a|no password|SASL|SCRAM/i, refused],
]

/** True for SQLSTATE 23505: another row has the same key. */
export const isUniqueViolation = (error: unknown): boolean => systemCode(error) === '23505'

/** True when the connection that the error came from can go on being used after a rollback. */
export function isOfStatement(error: unknown): boolean {
  if (error instanceof FastenError) return true
  return isDatabaseError(error) && !['FATAL', 'PANIC'].includes(String(error.severity))
}

/**
 * What happened to the store, as the one error a caller must understand; `at` is the DSN without secrets. A FastenError passes
 * unchanged, and so does a mistake of ours, which must not be dressed up.
 */
export function storeFault(error: unknown, at: string): unknown {
  if (error instanceof FastenError) return error
  const known = explanationOf(error)
  if (known === undefined) return error
  const [code, what, hint] = known
  return new FastenError(code, `${what}: ${saying(error)}`, { at, hint, cause: error })
}

function explanationOf(error: unknown): Explanation | undefined {
  if (isDatabaseError(error)) {
    return (
      states[error.code] ??
      states[error.code.slice(0, 2)] ?? [
        'STORE_IO',
        'the database could not do what was asked',
        'look the SQLSTATE up in the manual of Postgres; the table may have been altered by another hand',
      ]
    )
  }
  if (!(error instanceof Error)) return undefined
  const code = systemCode(error)
  if (code !== undefined && (tlsCodes.test(code) || networkCodes.has(code)))
    return tlsCodes.test(code)
      ? [
          'STORE_UNREACHABLE',
          'the connection to the database server is not trusted',
          'check sslmode and sslrootcert in the DSN, and the name in the certificate of the server',
        ]
      : unreachable
  return saidByDriver.find(([pattern]) => pattern.test(error.message))?.[1]
}

interface DatabaseError extends Error {
  readonly code: string
  readonly severity?: string
}

function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && 'severity' in error && /^[0-9A-Z]{5}$/.test(systemCode(error) ?? '')
}

const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'ENOENT',
])

const tlsCodes = /CERT|SELF_SIGNED|^ERR_(TLS|SSL)|UNABLE_TO|EPROTO/

/** In the words of whoever said it. Several addresses of one host that all failed say nothing together, so the first speaks. */
function saying(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return saying(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  const code = systemCode(error)
  return code === undefined || error.message.includes(code) ? error.message : `${error.message} (${code})`
}
