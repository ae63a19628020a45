// SPDX-License-Identifier: Apache-2.0
import { parsePeriod, parseRetentionRules } from '../core/retention-grammar.ts'
import { builtinClassDays, type RetentionDays, type RetentionPolicy } from '../core/retention-policy.ts'
import type { Get } from './config.ts'
import { fromEnv } from './settings.ts'

/** The policy that settings say: what they leave out is as built in. Each value was judged when it was read. */
export function policyFrom(get: Get): RetentionPolicy {
  const days = (text: string | undefined, otherwise: RetentionDays): RetentionDays => {
    const found = text === undefined ? undefined : parsePeriod(text)
    return found === undefined ? otherwise : found
  }
  const { short, medium, long, regulated, permanent } = builtinClassDays
  return {
    classes: {
      short: days(get('audit_retention_class_short'), short),
      medium: days(get('audit_retention_class_medium'), medium),
      long: days(get('audit_retention_class_long'), long),
      regulated: days(get('audit_retention_class_regulated'), regulated),
      permanent,
    },
    rules: parseRetentionRules(get('audit_retention_override') ?? '') ?? [],
    sys: days(get('sys_retention_days'), null),
    api: days(get('api_retention_days'), null),
  }
}

/** The policy of an environment, for a command that sweeps. Throws `CONFIG_INVALID` naming the variable. */
export function policyOfEnv(env: Readonly<Record<string, string | undefined>>): RetentionPolicy {
  return policyFrom((name) => fromEnv(name, env))
}
