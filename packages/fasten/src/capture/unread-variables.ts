// SPDX-License-Identifier: Apache-2.0
import { didYouMean } from '../core/nearest-word.ts'
import { settings } from './settings.ts'

/** Read elsewhere than in the settings, or by the tools of this repository. */
const otherVariables = [
  'FASTEN_ENV_FILE',
  'FASTEN_REQUEST_ID',
  'FASTEN_CAUSED_BY',
  'FASTEN_READER_TOKEN',
  'FASTEN_REGISTER',
  'FASTEN_PROPAGATE_HOSTS',
  'FASTEN_MESSAGE_ROWS',
  'FASTEN_ERASURE_APPROVALS',
  'FASTEN_DEV_NODE',
]

/**
 * The variables that begin with FASTEN_ and that nobody reads, sorted, each with the one that was probably meant:
 * a misspelt FASTEN_AUDIT_DSN puts rows elsewhere, and nothing else would say so.
 */
export function unreadVariables(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const known = [...Object.values(settings).flatMap((setting) => setting.env), ...otherVariables]
  return Object.keys(env)
    .filter((name) => name.startsWith('FASTEN_') && env[name] !== undefined && !known.includes(name))
    .sort()
    .map((name) => `${name}${didYouMean(name, known)}`)
}
