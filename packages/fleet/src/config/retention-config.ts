// SPDX-License-Identifier: Apache-2.0
import { parsePeriod, parseRetentionRules, type RetentionPolicy } from 'fasten/core'
import { z } from 'zod'

/** How long a fleet keeps rows of nodes. */
export interface RetentionConfig {
  /** Of whose rows the fleet lets go what the node let go. Of the others it keeps everything: it is their archive. */
  readonly follow: readonly string[] | 'all'
  /** What the fleet lets go by itself, whatever the node does. Nothing has a period but what was given one. */
  readonly policy: RetentionPolicy
}

const period = z
  .string()
  .refine((text) => parsePeriod(text) !== undefined, 'is a period such as 30d, 6mo, 7y, or permanent')
  .default('permanent')

/** Each variable as it is written. Described in spec/fleet-env.yaml. */
export const retentionVariables = {
  FLEET_RETENTION_FOLLOW: z.string().min(1).max(100_000).default('none'),
  FLEET_RETENTION_RULES: z
    .string()
    .max(100_000)
    .refine(
      (text) => parseRetentionRules(text) !== undefined,
      'is rules such as short=90d,PROBE_*=7d,acme/long=10y: each once, of short, medium, long, regulated or a code',
    )
    .default(''),
  FLEET_RETENTION_SYS: period,
  FLEET_RETENTION_API: period,
}

type RetentionValues = z.output<z.ZodObject<typeof retentionVariables>>

export function retentionProblem({ FLEET_RETENTION_FOLLOW: text }: RetentionValues): string | undefined {
  return followed(text) === undefined
    ? 'FLEET_RETENTION_FOLLOW: is none, all, or tenants with commas, each percent-encoded and _ for the rows of none'
    : undefined
}

export function retentionConfig(values: RetentionValues): RetentionConfig {
  return {
    follow: followed(values.FLEET_RETENTION_FOLLOW) ?? [],
    policy: {
      classes: { short: null, medium: null, long: null, regulated: null, permanent: null },
      rules: parseRetentionRules(values.FLEET_RETENTION_RULES) ?? [],
      sys: parsePeriod(values.FLEET_RETENTION_SYS) ?? null,
      api: parsePeriod(values.FLEET_RETENTION_API) ?? null,
    },
  }
}

function followed(text: string): readonly string[] | 'all' | undefined {
  if (text === 'all') return 'all'
  if (text === 'none') return []
  try {
    const tenants = text.split(',').map((part) => decodeURIComponent(part.trim()))
    return tenants.includes('') ? undefined : tenants
  } catch {
    // A stray percent sign.
    return undefined
  }
}
