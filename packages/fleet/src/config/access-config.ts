// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { z } from 'zod'

/** Who gets in, and how. */
export interface AccessConfig {
  /** Where people reach the fleet; undefined for wherever they do. */
  readonly publicUrl: string | undefined
  /** A session ends after so long without a request, and after so long in any case; ms. */
  readonly sessionIdleMs: number
  readonly sessionMs: number
  /** Of the first administrator; undefined for one that is drawn. */
  readonly adminPassword: (() => string) | undefined
  readonly oidc: OidcConfig | undefined
  /** Requests per minute and credential, and per minute and address. */
  readonly requestsPerMinute: number
  readonly requestsPerMinuteAndAddress: number
  /** Which callers may name the client's address: a number of proxies, or their addresses. */
  readonly trustProxy: number | readonly string[] | false
}

export interface OidcConfig {
  readonly issuer: string
  readonly clientId: string
  /** Undefined for a public client, which PKCE alone protects. */
  readonly clientSecret: (() => string) | undefined
  readonly scopes: string
  readonly groupsClaim: string
  /** What the members of a group may do. */
  readonly groups: ReadonlyMap<string, readonly GroupGrant[]>
}

export interface GroupGrant {
  readonly role: 'viewer' | 'auditor' | 'operator' | 'admin'
  readonly tenants: readonly string[] | 'all'
  readonly codes: readonly string[] | undefined
  readonly until: Date | undefined
}

const groupGrant = z
  .strictObject({
    role: z.enum(['viewer', 'auditor', 'operator', 'admin']),
    tenants: z.union([z.literal('all'), z.array(z.string().min(1).max(128)).min(1)]),
    codes: z
      .array(z.string().regex(/^[A-Za-z0-9_.:-]{1,128}\*?$/))
      .min(1)
      .optional(),
    until: z.iso.datetime().optional(),
  })
  .refine(
    ({ role, until }) => role !== 'auditor' || until !== undefined,
    'an auditor needs `until`: an audit ends',
  )

const groups = z
  .string()
  .transform((text, context) => {
    try {
      return readJson(text)
    } catch {
      context.addIssue({ code: 'custom', message: 'is no JSON' })
      return z.NEVER
    }
  })
  .pipe(z.record(z.string().min(1), z.union([groupGrant, z.array(groupGrant).min(1)])))

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'is a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max))

/** Each variable as it is written. Described in spec/fleet-env.yaml. */
export const accessVariables = {
  FLEET_ADMIN_PASSWORD: z.string().min(12, 'has at least 12 characters').max(1024).optional(),
  FLEET_SESSION_IDLE_MINUTES: whole(5, 1440).default(30),
  FLEET_SESSION_HOURS: whole(1, 168).default(12),
  FLEET_OIDC_ISSUER: z.url({ protocol: /^https?$/, error: 'is an http or https address' }).optional(),
  FLEET_OIDC_CLIENT_ID: z.string().min(1).max(256).optional(),
  FLEET_OIDC_CLIENT_SECRET: z.string().min(1).max(4096).optional(),
  FLEET_OIDC_SCOPES: z
    .string()
    .regex(/\bopenid\b/, 'contains openid')
    .default('openid profile email'),
  FLEET_OIDC_GROUPS_CLAIM: z.string().min(1).max(256).default('groups'),
  FLEET_OIDC_GROUPS: groups.optional(),
  FLEET_RATE_LIMIT: whole(10, 1_000_000).default(1200),
  FLEET_RATE_LIMIT_ADDRESS: whole(10, 1_000_000).default(6000),
  FLEET_TRUST_PROXY: z
    .string()
    .regex(
      /^([1-9]|[0-9a-fA-F.:/, ]+|loopback)$/,
      'is a number of proxies, or their addresses and CIDR blocks',
    )
    .optional(),
} as const

type Values = z.output<z.ZodObject<typeof accessVariables>>

export function accessConfig(values: Values, publicUrl: string | undefined): AccessConfig {
  const password = values.FLEET_ADMIN_PASSWORD
  return {
    publicUrl,
    sessionIdleMs: values.FLEET_SESSION_IDLE_MINUTES * 60_000,
    sessionMs: values.FLEET_SESSION_HOURS * 3_600_000,
    adminPassword: password === undefined ? undefined : () => password,
    oidc: oidcConfig(values),
    requestsPerMinute: values.FLEET_RATE_LIMIT,
    requestsPerMinuteAndAddress: values.FLEET_RATE_LIMIT_ADDRESS,
    trustProxy: proxies(values.FLEET_TRUST_PROXY),
  }
}

/** What belongs together and is not: the message for the first, or undefined. */
export function accessProblem(values: Values, publicUrl: string | undefined): string | undefined {
  if (values.FLEET_OIDC_ISSUER === undefined) {
    const alone = (['FLEET_OIDC_CLIENT_ID', 'FLEET_OIDC_CLIENT_SECRET', 'FLEET_OIDC_GROUPS'] as const).find(
      (name) => values[name] !== undefined,
    )
    return alone === undefined ? undefined : `${alone} is given without FLEET_OIDC_ISSUER`
  }
  if (values.FLEET_OIDC_CLIENT_ID === undefined)
    return 'FLEET_OIDC_CLIENT_ID is missing beside FLEET_OIDC_ISSUER'
  if (publicUrl === undefined)
    return 'FLEET_PUBLIC_URL is missing: the identity provider sends people back there'
  const { protocol, hostname } = new URL(values.FLEET_OIDC_ISSUER)
  if (protocol === 'http:' && !['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
    return 'FLEET_OIDC_ISSUER is an https address, unless it is on this machine'
  return undefined
}

function oidcConfig(values: Values): OidcConfig | undefined {
  const {
    FLEET_OIDC_ISSUER: issuer,
    FLEET_OIDC_CLIENT_ID: clientId,
    FLEET_OIDC_CLIENT_SECRET: secret,
  } = values
  if (issuer === undefined || clientId === undefined) return undefined
  const mapped = Object.entries(values.FLEET_OIDC_GROUPS ?? {}).map(([group, grants]) => {
    const list = Array.isArray(grants) ? grants : [grants]
    return [
      group,
      list.map(({ role, tenants, codes, until }) => ({
        role,
        tenants,
        codes,
        until: until === undefined ? undefined : new Date(until),
      })),
    ] as const
  })
  return {
    issuer,
    clientId,
    clientSecret: secret === undefined ? undefined : () => secret,
    scopes: values.FLEET_OIDC_SCOPES,
    groupsClaim: values.FLEET_OIDC_GROUPS_CLAIM,
    groups: new Map(mapped),
  }
}

function proxies(text: string | undefined): number | readonly string[] | false {
  if (text === undefined) return false
  return /^\d$/.test(text) ? Number(text) : text.split(/[, ]+/).filter((each) => each !== '')
}
