// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that can be set, once: name, environment variable, kind, default. spec/env.yaml says the same in prose for
 * people, and a test compares the two.
 */
import { FastenError } from '../core/error.ts'
import { parsePeriod, parseRetentionRules } from '../core/retention-grammar.ts'
import { levels, streams } from '../core/row.ts'
import { sqliteDriverNames } from '../store/sqlite/driver.ts'

type Kind<T> = (text: string) => T | undefined

const text: Kind<string> = (raw) => (raw.trim() === '' ? undefined : raw.trim())
const list: Kind<readonly string[]> = (raw) =>
  raw
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
const boolean: Kind<boolean> = (raw) => {
  const word = raw.trim().toLowerCase()
  if (['1', 'true', 'yes', 'on'].includes(word)) return true
  return ['0', 'false', 'no', 'off'].includes(word) ? false : undefined
}
const integer =
  (min: number, max: number): Kind<number> =>
  (raw) => {
    if (!/^\s*\d{1,15}\s*$/.test(raw)) return undefined
    const value = Number(raw)
    return value >= min && value <= max ? value : undefined
  }
/** `30s`, `15m`, `6h`, `7d` in milliseconds; 0 for `off`. */
const duration: Kind<number> = (raw) => {
  const [, digits, unit] = /^\s*(\d{1,6})\s*(s|m|h|d)\s*$/i.exec(raw) ?? []
  if (digits === undefined) return /^\s*(off|0|none)\s*$/i.test(raw) ? 0 : undefined
  return Number(digits) * { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit?.toLowerCase() as 's']
}
/** A period as it was written, once it is known to be one. */
const period: Kind<string> = (raw) => (parsePeriod(raw) === undefined ? undefined : raw.trim())
/** The address of a server, without a slash at its end. */
const address: Kind<string> = (raw) => {
  const url = URL.canParse(raw.trim()) ? new URL(raw.trim()) : undefined
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url === undefined || !isHttp || url.username !== '' || url.password !== '' || url.search !== '')
    return undefined
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}
const fleetToken: Kind<string> = (raw) =>
  /^\s*fl[en]_[\x21-\x7e]{1,500}\s*$/.test(raw) ? raw.trim() : undefined
const word =
  <const W extends readonly string[]>(words: W): Kind<W[number]> =>
  (raw) =>
    words.find((candidate) => candidate === raw.trim().toLowerCase())
const words =
  <const W extends readonly string[]>(allowed: W): Kind<readonly W[number][]> =>
  (raw) => {
    const parts = list(raw) ?? []
    const known = allowed.filter((candidate) => parts.includes(candidate))
    return known.length === new Set(parts).size ? known : undefined
  }

export const durabilities = ['memory', 'tick', 'process', 'disk'] as const
/**
 * What holds when `emit` returns. `memory`: nothing, for tests. `tick`: in the spool at the end of the turn of the event loop.
 * `process`: in the spool, survives `kill -9`. `disk`: synced, survives power loss.
 */
export type Durability = (typeof durabilities)[number]

interface Setting<T> {
  readonly env: readonly [string, ...string[]]
  readonly parse: Kind<T>
  /** What a value must be, for the error message. */
  readonly expects: string
}

const setting = <T>(env: Setting<T>['env'], parse: Kind<T>, expects: string): Setting<T> => ({
  env,
  parse,
  expects,
})

const id = 'text of 1 to 128 characters'
const dsn = 'a DSN such as sqlite:///./fasten.db'

const periodText = 'days such as 2555, or 30d, 2w, 6mo, 7y, from 1 day to 100 years; or permanent'
/** Timers of Node.js cannot count much further. */
const sweepIntervalMsMax = 20 * 86_400_000

export const settings = {
  service_id: setting(['FASTEN_SERVICE_ID'], text, id),
  node_id: setting(['FASTEN_NODE_ID'], text, id),
  tenant_id: setting(['FASTEN_TENANT_ID'], text, id),
  audit_dsn: setting(['FASTEN_AUDIT_DSN'], text, dsn),
  api_dsn: setting(['FASTEN_API_DSN'], text, dsn),
  sys_dsn: setting(['FASTEN_SYS_DSN', 'FASTEN_SYSLOG_DSN'], text, dsn),
  sys_ring_size: setting(
    ['FASTEN_SYS_RING_SIZE'],
    integer(1, 10_000_000),
    'a whole number of rows, 1 to 10000000',
  ),
  api_ring_size: setting(
    ['FASTEN_API_RING_SIZE'],
    integer(1, 10_000_000),
    'a whole number of rows, 1 to 10000000',
  ),
  redact_keys: setting(['FASTEN_REDACT_KEYS'], list, 'key names, separated by commas'),
  redact_allow_keys: setting(['FASTEN_REDACT_ALLOW_KEYS'], list, 'key names, separated by commas'),
  redact_replacement: setting(['FASTEN_REDACT_REPLACEMENT'], text, 'text'),
  max_detail_bytes: setting(
    ['FASTEN_MAX_DETAIL_BYTES'],
    integer(256, 1e9),
    'a whole number of bytes, at least 256; more than 49152 counts as 49152',
  ),
  failure: setting(['FASTEN_AUDIT_STORE_FAILURE_STRATEGY'], word(['queue', 'raise']), 'queue or raise'),
  durability: setting(['FASTEN_DURABILITY'], word(durabilities), 'memory, tick, process or disk'),
  strict: setting(['FASTEN_STRICT'], boolean, 'true or false'),
  codes: setting(['FASTEN_CODES'], list, 'paths or patterns of *.codes.yaml files, separated by commas'),
  log_level: setting(['FASTEN_LOG_LEVEL'], word([...levels, 'silent']), `${levels.join(', ')} or silent`),
  log_format: setting(['FASTEN_LOG_FORMAT'], word(['auto', 'json', 'pretty']), 'auto, json or pretty'),
  stdout: setting(
    ['FASTEN_STDOUT'],
    words([...streams, 'none']),
    'audit, sys, api separated by commas, or none',
  ),
  sqlite_driver: setting(['FASTEN_SQLITE_DRIVER'], word(sqliteDriverNames), 'node:sqlite or better-sqlite3'),
  spool_dir: setting(['FASTEN_SPOOL_DIR'], text, 'a directory'),
  spool_bytes_max: setting(
    ['FASTEN_SPOOL_BYTES_MAX'],
    integer(1 << 20, 1e15),
    'a whole number of bytes, at least 1048576',
  ),
  overflow_rows_max: setting(
    ['FASTEN_OVERFLOW_ROWS_MAX'],
    integer(0, 10_000_000),
    'a whole number of rows, 0 to 10000000',
  ),
  drain_thread: setting(['FASTEN_DRAIN_THREAD'], boolean, 'true or false'),
  drain_rows_max: setting(
    ['FASTEN_DRAIN_ROWS_MAX'],
    integer(1, 50_000),
    'a whole number of rows, 1 to 50000',
  ),
  drain_linger_ms: setting(
    ['FASTEN_DRAIN_LINGER_MS'],
    integer(0, 10_000),
    'a whole number of milliseconds, 0 to 10000',
  ),
  flush_timeout_ms: setting(
    ['FASTEN_FLUSH_TIMEOUT_MS'],
    integer(0, 600_000),
    'a whole number of milliseconds, 0 to 600000',
  ),
  audit_retention_class_short: setting(['FASTEN_AUDIT_RETENTION_CLASS_SHORT'], period, periodText),
  audit_retention_class_medium: setting(['FASTEN_AUDIT_RETENTION_CLASS_MEDIUM'], period, periodText),
  audit_retention_class_long: setting(['FASTEN_AUDIT_RETENTION_CLASS_LONG'], period, periodText),
  audit_retention_class_regulated: setting(['FASTEN_AUDIT_RETENTION_CLASS_REGULATED'], period, periodText),
  audit_retention_override: setting(
    ['FASTEN_AUDIT_RETENTION_OVERRIDE'],
    (raw) => (parseRetentionRules(raw) === undefined ? undefined : raw),
    'rules such as long=7y,ORDER_PAID=10y,acme/medium=1y: each once, of short, medium, long, regulated or a code',
  ),
  retention_sweep_interval: setting(
    ['FASTEN_RETENTION_SWEEP_INTERVAL'],
    (raw) => {
      const ms = duration(raw)
      return ms !== undefined && (ms === 0 || (ms >= 1000 && ms <= sweepIntervalMsMax)) ? ms : undefined
    },
    'a duration such as 6h, from 1s to 20d, or off',
  ),
  api_retention_days: setting(['FASTEN_API_RETENTION_DAYS'], period, periodText),
  sys_retention_days: setting(['FASTEN_SYS_RETENTION_DAYS'], period, periodText),
  signing: setting(['FASTEN_SIGNING'], boolean, 'on or off'),
  node_key: setting(['FASTEN_NODE_KEY'], text, 'an Ed25519 key, PKCS #8 as PEM or as base64'),
  node_key_file: setting(['FASTEN_NODE_KEY_FILE'], text, 'the path of a key file'),
  key_dir: setting(['FASTEN_KEY_DIR'], text, 'a directory'),
  witness_policy: setting(['FASTEN_WITNESS_POLICY'], text, 'the path of a tlog-policy file'),
  heartbeat_interval: setting(
    ['FASTEN_HEARTBEAT_INTERVAL'],
    duration,
    'a duration such as 15m or 1h, or off',
  ),
  privacy_key: setting(['FASTEN_PRIVACY_KEY'], text, '32 bytes in base64 or hex'),
  privacy_key_file: setting(['FASTEN_PRIVACY_KEY_FILE'], text, 'a file'),
  fleet_url: setting(
    ['FASTEN_FLEET_URL'],
    address,
    'the http or https address of a fleet, without a credential, e.g. https://fleet.example.com',
  ),
  fleet_token: setting(
    ['FASTEN_FLEET_TOKEN'],
    fleetToken,
    'a token fle_… or a credential fln_… of that fleet',
  ),
  fleet_cert: setting(['FASTEN_FLEET_CERT'], text, 'a file'),
  fleet_key: setting(['FASTEN_FLEET_KEY'], text, 'a file'),
  fleet_ca: setting(['FASTEN_FLEET_CA'], text, 'a file'),
  fail_closed_timeout_ms: setting(
    ['FASTEN_FAIL_CLOSED_TIMEOUT_MS'],
    integer(1, 600_000),
    'a whole number of milliseconds, 1 to 600000',
  ),
  exit_hooks: setting(['FASTEN_EXIT_HOOKS'], boolean, 'true or false'),
} as const satisfies Record<string, Setting<unknown>>

export type SettingName = keyof typeof settings
export type SettingValue<N extends SettingName> = (typeof settings)[N] extends Setting<infer T> ? T : never

export const settingNames = Object.keys(settings) as SettingName[]

/** The value of one setting from the environment, or undefined when it is not set. Throws `CONFIG_INVALID`. */
export function fromEnv<N extends SettingName>(
  name: N,
  env: Readonly<Record<string, string | undefined>>,
): SettingValue<N> | undefined {
  for (const variable of settings[name].env) {
    const raw = env[variable]
    if (raw === undefined || raw === '') continue
    return parsed(name, raw, variable)
  }
  return undefined
}

/** The value of one setting from an option: already of its type, or text as in the environment. Throws `CONFIG_INVALID`. */
export function fromOption<N extends SettingName>(name: N, value: unknown): SettingValue<N> | undefined {
  if (value === undefined || value === null) return undefined
  // One parser judges both, so an option can be nothing that a variable could not.
  const raw = Array.isArray(value) ? value.join(',') : `${value as string}`
  return parsed(name, raw, `option ${name}`)
}

const secrets: readonly string[] = ['node_key', 'privacy_key', 'fleet_url', 'fleet_token']

function parsed<N extends SettingName>(name: N, raw: string, at: string): SettingValue<N> {
  const value = settings[name].parse(raw)
  if (value !== undefined) return value as SettingValue<N>
  const { expects } = settings[name]
  const isSecret = name.endsWith('_dsn') || secrets.includes(name)
  const shown = isSecret ? 'the value' : `"${raw.slice(0, 80)}"`
  throw new FastenError('CONFIG_INVALID', `${shown} is not valid for ${at}`, { at, hint: `write ${expects}` })
}
