// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { FastenError } from 'fasten'
import { z } from 'zod'
import { accessConfig, accessProblem, accessVariables, type AccessConfig } from './access-config.ts'
import {
  retentionConfig,
  retentionProblem,
  retentionVariables,
  type RetentionConfig,
} from './retention-config.ts'
import { nodesConfig, nodesProblem, nodesVariables, type NodesConfig } from './nodes-config.ts'

/** Checked and complete. Whatever is secret stands behind a function, so that printing a configuration prints none of it. */
export interface FleetConfig {
  /** What this fleet is called: the first part of its witness key's name, and of what people see. */
  readonly name: string
  /** This server among those of one fleet; part of the names of its own logs. */
  readonly serverId: string
  /** Absolute. Keys, spools and, where the database is embedded, its files. */
  readonly dataDir: string
  /** Undefined: a Postgres of our own below `dataDir`. */
  readonly databaseUrl: (() => string) | undefined
  readonly listen: { readonly host: string; readonly port: number }
  /** Where people and nodes reach it; undefined for the address it listens at. */
  readonly publicUrl: string | undefined
  /** 32 bytes that all servers of one fleet share; undefined for the file `secret` below `dataDir`. */
  readonly secret: (() => Buffer) | undefined
  readonly log: 'json' | 'pretty' | 'silent'
  /** Who may scrape /metrics: keys with metrics:read, or whoever reaches the server. */
  readonly metrics: 'key' | 'public'
  /** Paths and patterns of the `*.codes.yaml` files of the services, so that people are told what their codes mean. */
  readonly codeFiles: readonly string[]
  readonly access: AccessConfig
  readonly nodes: NodesConfig
  readonly retention: RetentionConfig
}

const text = (max: number) => z.string().min(1).max(max)

/** Each variable as it is written. Described in spec/fleet-env.yaml. */
const variables = z.object({
  FLEET_NAME: text(64)
    .regex(/^[A-Za-z0-9._-]+$/, 'letters, digits, dot, underscore and hyphen only')
    .default('fleet'),
  FLEET_SERVER_ID: text(128).optional(),
  FLEET_DATA_DIR: text(4096).default('./fleet-data'),
  FLEET_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'begins with postgres://')
    .optional(),
  FLEET_LISTEN: z
    .string()
    .regex(/^(\[[0-9a-fA-F:.]+\]|[^:[\]]*):\d{1,5}$/, 'is host:port, e.g. 127.0.0.1:7117')
    .default('127.0.0.1:7117'),
  FLEET_PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'is an http or https address' }).optional(),
  FLEET_SECRET: z
    .string()
    .regex(/^([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/, 'is 32 bytes in hex or base64: openssl rand -hex 32')
    .optional(),
  FLEET_LOG: z.enum(['json', 'pretty', 'silent']).default('json'),
  FLEET_METRICS: z.enum(['key', 'public']).default('key'),
  FLEET_CODES: text(16_384).optional(),
  ...accessVariables,
  ...nodesVariables,
  ...retentionVariables,
})

type Variables = Readonly<Record<string, string | undefined>>

/**
 * The configuration of a fleet server from its environment. Throws FastenError `CONFIG_INVALID` that names every variable that is wrong, and
 * those that begin with FLEET_ and that nobody reads: a misspelt one must not be a silent default.
 */
export function readFleetConfig(env: Variables): FleetConfig {
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => name.startsWith('FLEET_') && value !== ''),
  )
  const unknown = Object.keys(given).filter((name) => !(name in variables.shape) && !isClientVariable(name))
  const parsed = variables.safeParse(given)
  const problems = [
    ...unknown.map((name) => `${name} is read by nobody`),
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`),
    ...together(parsed.data),
  ]
  if (!parsed.success || problems.length > 0)
    throw new FastenError('CONFIG_INVALID', problems.join('; '), {
      at: 'the environment',
      hint: 'docs/reference/fleet-env.md lists every variable with its form and default',
    })
  const { FLEET_DATABASE_URL: url, FLEET_SECRET: secret, FLEET_LISTEN: listen, ...rest } = parsed.data
  const colon = listen.lastIndexOf(':')
  const publicUrl = withoutSlash(rest.FLEET_PUBLIC_URL)
  return {
    name: rest.FLEET_NAME,
    serverId: rest.FLEET_SERVER_ID ?? hostname(),
    dataDir: resolve(rest.FLEET_DATA_DIR),
    databaseUrl: url === undefined ? undefined : () => url,
    listen: {
      host: listen.slice(0, colon).replace(/^\[|\]$/g, '') || '0.0.0.0',
      port: Number(listen.slice(colon + 1)),
    },
    publicUrl,
    secret: secret === undefined ? undefined : () => secretBytes(secret),
    log: rest.FLEET_LOG,
    metrics: rest.FLEET_METRICS,
    codeFiles: rest.FLEET_CODES?.split(',').filter((pattern) => pattern !== '') ?? [],
    access: accessConfig(rest, publicUrl),
    nodes: nodesConfig(rest),
    retention: retentionConfig(rest),
  }
}

/** What is wrong with variables that are each right. */
function together(values: z.output<typeof variables> | undefined): readonly string[] {
  if (values === undefined) return []
  const problems = [
    accessProblem(values, withoutSlash(values.FLEET_PUBLIC_URL)),
    nodesProblem(values),
    retentionProblem(values),
  ]
  return problems.filter((problem) => problem !== undefined)
}

const withoutSlash = (url: string | undefined): string | undefined => url?.replace(/\/+$/, '')

/** What the command line reads when it talks to a fleet, often in the same shell. */
const isClientVariable = (name: string): boolean =>
  name === 'FLEET_URL' || name === 'FLEET_TOKEN' || name === 'FLEET_SOURCE_TOKEN'

function secretBytes(written: string): Buffer {
  return /^[0-9a-fA-F]{64}$/.test(written) ? Buffer.from(written, 'hex') : Buffer.from(written, 'base64')
}
