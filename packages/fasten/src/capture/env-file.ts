// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { FastenError, systemCode } from '../core/error.ts'

/** The variables of a `.env` file, read by Node.js's own parser. Throws `ENV_FILE_UNREADABLE`. */
export function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new FastenError(
      'ENV_FILE_UNREADABLE',
      `cannot read the environment file: ${systemCode(cause) ?? String(cause)}`,
      {
        at: path,
        hint: 'correct FASTEN_ENV_FILE or the env_file option, or remove it',
        cause,
      },
    )
  }
}

/**
 * `text` with each `${NAME}` replaced from the environment, percent-encoded so that a password with `@` or `/` in it stays
 * a password. Throws `CONFIG_INVALID` naming a variable that is not set.
 */
export function expandVariables(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  at: string,
): string {
  return text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
    const value = env[name]
    if (value === undefined)
      throw new FastenError('CONFIG_INVALID', `${at} refers to \${${name}}, which is not set`, {
        at,
        hint: `set ${name} or write the value itself`,
      })
    return encodeURIComponent(value)
  })
}
