// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { FastenError, systemCode } from '../core/error.ts'
import { readJson } from '../core/read-json.ts'
import { detailBytesLimit } from '../core/redact.ts'
import type { Level, StreamName } from '../core/row.ts'
import type { RetentionPolicy } from '../core/retention-policy.ts'
import { parseTlogPolicy, type PolicyWitness } from '../core/tlog-policy.ts'
import { parseDsn, type Dsn } from '../store/dsn.ts'
import { sha256 } from '../store/platform.ts'
import type { KeyOrigin, Signer } from '../store/keys/signer.ts'
import type { FleetTls } from '../store/ship/fleet-settings.ts'
import type { SqliteDriverName } from '../store/sqlite/driver.ts'
import { expandVariables, readEnvFile } from './env-file.ts'
import { policyFrom } from './retention-settings.ts'
import {
  fromEnv,
  fromOption,
  settingNames,
  type Durability,
  type SettingName,
  type SettingValue,
} from './settings.ts'
import { unreadVariables } from './unread-variables.ts'

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S

type SnakeOptions = { readonly [N in SettingName]?: SettingValue<N> | undefined }

/**
 * What `init` takes. Each option is the lower-case name of its variable without `FASTEN_`; the camelCase twin works too. Options
 * beat the environment, the environment beats the file.
 */
export type InitOptions = SnakeOptions & {
  readonly [N in SettingName as Camel<N>]?: SettingValue<N> | undefined
} & {
  /** Path of a `.env` file. Variables that are set already keep their value. */
  readonly env_file?: string
  readonly envFile?: string
  /** What signs checkpoints, in place of a key of this machine: a KMS, an HSM, another process. Rows are then drained on this thread. */
  readonly signer?: Signer
}

/** One stream's persistent place, or null when it lives in a ring only. */
export interface StreamTarget {
  readonly dsn: Dsn
  readonly text: string
}

export type ConfiguredKey =
  | Extract<KeyOrigin, { kind: 'off' | 'object' }>
  /** Behind a function, so that printing a configuration prints no key. */
  | { readonly kind: 'text'; readonly text: () => string; readonly at: string }
  | { readonly kind: 'file'; readonly path: string | null }

/** Checked and complete. */
export interface Config {
  readonly service_id: string
  readonly node_id: string
  readonly tenant_id: string | undefined
  readonly targets: Readonly<Record<StreamName, StreamTarget | null>>
  readonly sysRingRows: number
  readonly apiRingRows: number
  readonly redactKeys: readonly string[]
  readonly redactAllowKeys: readonly string[]
  readonly redactReplacement: string
  readonly detailBytesMax: number
  readonly failure: 'queue' | 'raise'
  readonly durability: Durability
  readonly isStrict: boolean
  readonly codeFiles: readonly string[]
  readonly logLevel: Level | 'silent'
  readonly logFormat: 'auto' | 'json' | 'pretty'
  readonly stdout: readonly StreamName[]
  /** How SQLite files are reached; undefined for the driver that comes with Node.js. */
  readonly sqliteDriver: SqliteDriverName | undefined
  readonly spoolDirectory: string | undefined
  readonly spoolBytesMax: number
  readonly overflowRowsMax: number
  readonly usesDrainThread: boolean
  readonly drainRowsMax: number
  readonly drainLingerMs: number
  readonly flushTimeoutMs: number
  /** How long `emitStored` waits for the store. */
  readonly failClosedTimeoutMs: number
  readonly hasExitHooks: boolean
  /** Which key signs checkpoints; a `file` of null is one that fasten makes beside each store. */
  readonly key: ConfiguredKey
  readonly heartbeatMs: number
  /** Of the policy file; those with a URL are asked to cosign each checkpoint. */
  readonly witnesses: readonly PolicyWitness[]
  /** Where keys lie; undefined for beside the database. */
  readonly keyDirectory: string | undefined
  /** The key for personal data, where one is given. */
  readonly privacy: () => { readonly key: string | undefined; readonly keyFile: string | undefined }
  /** The fleet that rows are shipped to. Its token is behind a function, so that printing a configuration prints no secret. */
  readonly fleet:
    | { readonly url: string; readonly token: () => string; readonly tls: FleetTls | undefined }
    | undefined
  readonly retention: { readonly policy: RetentionPolicy; readonly sweepIntervalMs: number }
  /** What was chosen for lack of a setting, as `name value (where from)`; empty when everything was said. */
  readonly assumed: readonly string[]
  /** Variables that begin with FASTEN_ and that nobody reads, each with what was probably meant. */
  readonly unread: readonly string[]
}

/** The environment this process was started with. */
export const processEnv = (): Readonly<Record<string, string | undefined>> => process.env

/** For what children of this process inherit. */
export function setProcessVariable(name: string, value: string): void {
  process.env[name] = value
}

/**
 * Reads and checks the whole configuration. Throws `TypeError` for an option that does not exist, and `CONFIG_INVALID`,
 * `DSN_…`, `ENV_FILE_UNREADABLE` or `PLACE_UNWRITABLE` naming the variable and the remedy; never prints a password.
 */
export function readConfig(
  options: InitOptions,
  processVariables: Readonly<Record<string, string | undefined>>,
): Config {
  const given = snakeOptions(options)
  const envFile = options.env_file ?? options.envFile ?? processVariables['FASTEN_ENV_FILE']
  const env =
    envFile === undefined || envFile === ''
      ? processVariables
      : { ...readEnvFile(envFile), ...processVariables }
  const get = <N extends SettingName>(name: N): SettingValue<N> | undefined =>
    fromOption(name, given[name]) ?? fromEnv(name, env)
  const assumed: string[] = []
  const assume = (name: string, value: string, source: string): string => {
    assumed.push(`${name} "${value}" (${source})`)
    return value
  }
  const target = (name: 'audit_dsn' | 'api_dsn' | 'sys_dsn'): StreamTarget | null => {
    const at = `FASTEN_${name.toUpperCase()}`
    const written =
      get(name) ??
      (name === 'audit_dsn' ? assume('audit rows in', 'sqlite:///./fasten.db', 'default') : undefined)
    if (written === undefined) return null
    const text = expandVariables(written, env, at)
    const dsn = parseDsn(text, { at })
    assertWritable(dsn, at)
    return { dsn, text }
  }

  const stdout = get('stdout') ?? ['sys', 'api']
  return {
    service_id: checkId(
      'service_id',
      get('service_id') ??
        assume('service', packageName() ?? 'service', packageName() ? 'package.json' : 'default'),
    ),
    node_id: checkId('node_id', get('node_id') ?? assume('node', hostname() || 'node', 'hostname')),
    tenant_id: optionalId('tenant_id', get('tenant_id')),
    targets: { audit: target('audit_dsn'), sys: target('sys_dsn'), api: target('api_dsn') },
    sysRingRows: get('sys_ring_size') ?? 2000,
    apiRingRows: get('api_ring_size') ?? 2000,
    redactKeys: get('redact_keys') ?? [],
    redactAllowKeys: get('redact_allow_keys') ?? [],
    redactReplacement: get('redact_replacement') ?? '***',
    detailBytesMax: Math.min(get('max_detail_bytes') ?? detailBytesLimit, detailBytesLimit),
    failure: get('failure') ?? 'queue',
    durability: get('durability') ?? 'process',
    isStrict: get('strict') ?? false,
    codeFiles: get('codes') ?? [],
    logLevel: get('log_level') ?? 'info',
    logFormat: get('log_format') ?? 'auto',
    stdout: stdout.filter((stream) => stream !== 'none'),
    sqliteDriver: get('sqlite_driver'),
    spoolDirectory: get('spool_dir'),
    spoolBytesMax: get('spool_bytes_max') ?? 1 << 30,
    overflowRowsMax: get('overflow_rows_max') ?? 1000,
    usesDrainThread: get('drain_thread') ?? true,
    drainRowsMax: get('drain_rows_max') ?? 4000,
    drainLingerMs: get('drain_linger_ms') ?? 25,
    flushTimeoutMs: get('flush_timeout_ms') ?? 5000,
    failClosedTimeoutMs: get('fail_closed_timeout_ms') ?? 2000,
    keyDirectory: get('key_dir'),
    privacy: privacyKeys(get('privacy_key'), get('privacy_key_file')),
    hasExitHooks: get('exit_hooks') ?? true,
    key: configuredKey(get, options.signer),
    heartbeatMs: get('heartbeat_interval') ?? 3_600_000,
    witnesses: witnessesIn(get('witness_policy')),
    fleet: fleetOf(get),
    retention: { policy: policyFrom(get), sweepIntervalMs: get('retention_sweep_interval') ?? 21_600_000 },
    assumed,
    unread: unreadVariables(env),
  }
}

/** The witnesses of a policy file. Throws `CONFIG_INVALID`, `BAD_POLICY` or `BAD_VERIFIER_KEY`. */
function witnessesIn(file: string | undefined): readonly PolicyWitness[] {
  if (file === undefined) return []
  let text: string
  try {
    text = readFileSync(resolve(file), 'utf8')
  } catch (cause) {
    throw new FastenError(
      'CONFIG_INVALID',
      `the policy "${file}" cannot be read: ${systemCode(cause) ?? String(cause)}`,
      {
        at: 'FASTEN_WITNESS_POLICY',
        hint: 'name a file with lines such as: witness NAME KEY URL',
        cause,
      },
    )
  }
  return parseTlogPolicy(text, sha256).witnesses
}

/** What the environment says of keys, without the rest of a configuration. Throws `CONFIG_INVALID`. */
export function keySettings(
  env: Readonly<Record<string, string | undefined>>,
): Pick<Config, 'key' | 'keyDirectory'> {
  const get: Get = (name) => fromEnv(name, env)
  return { key: configuredKey(get, undefined), keyDirectory: get('key_dir') }
}

/** The fleet that the environment names, without the rest of a configuration. Throws `CONFIG_INVALID`. */
export const fleetSettings = (env: Readonly<Record<string, string | undefined>>): Config['fleet'] =>
  fleetOf((name) => fromEnv(name, env))

function fleetOf(get: Get): Config['fleet'] {
  const [url, token] = [get('fleet_url'), get('fleet_token')]
  if (url !== undefined && token !== undefined) return { url, token: () => token, tls: fleetTls(get, url) }
  if (url === undefined && token === undefined) return undefined
  const [given, missing] =
    url === undefined
      ? ['FASTEN_FLEET_TOKEN', 'FASTEN_FLEET_URL']
      : ['FASTEN_FLEET_URL', 'FASTEN_FLEET_TOKEN']
  throw new FastenError('CONFIG_INVALID', `${given} is set and ${missing} is not`, {
    at: missing,
    hint: 'rows are shipped to a fleet with both, and stay where they are with neither',
  })
}

function fleetTls(get: Get, url: string): FleetTls | undefined {
  const [certFile, keyFile, caFile] = [get('fleet_cert'), get('fleet_key'), get('fleet_ca')]
  const wrong = (message: string, at: string, hint: string): FastenError =>
    new FastenError('CONFIG_INVALID', message, { at, hint })
  if ((certFile === undefined) !== (keyFile === undefined))
    throw wrong(
      'of FASTEN_FLEET_CERT and FASTEN_FLEET_KEY one is set',
      certFile === undefined ? 'FASTEN_FLEET_CERT' : 'FASTEN_FLEET_KEY',
      'a certificate is shown with its key, and none without',
    )
  if (certFile === undefined && caFile === undefined) return undefined
  if (!url.startsWith('https:'))
    throw wrong(
      'certificates are given for an address without TLS',
      'FASTEN_FLEET_URL',
      'it begins with https://',
    )
  return {
    ...(certFile === undefined || keyFile === undefined
      ? {}
      : { certFile: resolve(certFile), keyFile: resolve(keyFile) }),
    ...(caFile === undefined ? {} : { caFile: resolve(caFile) }),
  }
}

export type Get = <N extends SettingName>(name: N) => SettingValue<N> | undefined

function configuredKey(get: Get, signer: Signer | undefined): ConfiguredKey {
  const text = get('node_key')
  const path = get('node_key_file')
  const given = [text && 'FASTEN_NODE_KEY', path && 'FASTEN_NODE_KEY_FILE', signer && 'signer'].filter(
    Boolean,
  )
  if (given.length > 1)
    throw new FastenError('CONFIG_INVALID', `${given.join(' and ')} each give a key to sign with`, {
      at: given[0] ?? '',
      hint: 'give only one',
    })
  if (get('signing') === false) return { kind: 'off' }
  if (signer !== undefined) return { kind: 'object' }
  if (text !== undefined) return { kind: 'text', text: () => text, at: 'FASTEN_NODE_KEY' }
  return { kind: 'file', path: path === undefined ? null : resolve(path) }
}

/** Behind a function, so that whoever prints the configuration does not print the key. */
function privacyKeys(key: string | undefined, keyFile: string | undefined): Config['privacy'] {
  return () => ({ key, keyFile })
}

function snakeOptions(options: InitOptions): { [N in SettingName]?: unknown } {
  const given: { [N in SettingName]?: unknown } = {}
  for (const [key, value] of Object.entries(options)) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    if (name === 'env_file' || name === 'signer') continue
    const known = settingNames.find((candidate) => candidate === name)
    if (known === undefined)
      throw new TypeError(
        `init() has no option "${key}"; it has ${settingNames.join(', ')}, signer and env_file`,
      )
    given[known] = value
  }
  return given
}

const idPattern = /^[^\p{Cc}]{1,128}$/u

function checkId(name: string, value: string): string {
  if (idPattern.test(value)) return value
  throw new FastenError(
    'CONFIG_INVALID',
    `${name} "${value.slice(0, 80)}" is not 1 to 128 printable characters`,
    {
      at: `FASTEN_${name.toUpperCase()}`,
      hint: 'choose a short name that stays the same over restarts',
    },
  )
}

const optionalId = (name: string, value: string | undefined): string | undefined =>
  value === undefined ? undefined : checkId(name, value)

/** `name` of the nearest package.json above the working directory. */
function packageName(): string | undefined {
  for (let directory = process.cwd(); ; directory = dirname(directory)) {
    const path = join(directory, 'package.json')
    if (existsSync(path)) {
      try {
        const manifest: unknown = readJson(readFileSync(path, 'utf8'))
        if (
          typeof manifest === 'object' &&
          manifest !== null &&
          'name' in manifest &&
          typeof manifest.name === 'string'
        )
          return manifest.name
      } catch {
        // Somebody else's broken manifest is no reason to refuse to start; the default name is told on stderr.
        return undefined
      }
    }
    if (dirname(directory) === directory) return undefined
  }
}

/** A place that cannot be written fails here, at start, not at the first row. */
function assertWritable(dsn: Dsn, at: string): void {
  if (dsn.kind !== 'sqlite' || dsn.isMemory) return
  const path = resolve(dsn.path)
  const refuse = (message: string, hint: string, cause?: unknown): never => {
    throw new FastenError('PLACE_UNWRITABLE', message, { at, hint, cause })
  }
  if (existsSync(path) && !statSync(path).isFile())
    refuse(`"${dsn.path}" is not a file`, 'name a database file, e.g. sqlite:///./fasten.db')
  const folder = dirname(path)
  if (!existsSync(folder))
    refuse(`the folder of "${dsn.path}" does not exist`, `make it: mkdir -p ${dirname(dsn.path)}`)
  for (const place of existsSync(path) ? [path, folder] : [folder]) {
    try {
      accessSync(place, constants.W_OK)
    } catch (cause) {
      refuse(
        `"${dsn.path}" cannot be written: ${systemCode(cause) ?? 'no access'}`,
        'give this user write access to the file and its folder, or choose another place',
        cause,
      )
    }
  }
}
