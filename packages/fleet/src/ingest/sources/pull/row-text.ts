// SPDX-License-Identifier: Apache-2.0
import { isTokens, type Token, type Tokens } from './read-tokens.ts'

/** The JSON of what came, numbers as they were written, members in their order: what a person is shown as evidence. */
export function rowText(value: Token): string {
  if (typeof value === 'string' || typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (isTokens(value))
    return `{${[...value].map(([name, each]) => `${JSON.stringify(name)}:${rowText(each)}`).join(',')}}`
  return 'token' in value ? value.token : `[${value.map(rowText).join(',')}]`
}

export const sentOf = (row: Tokens): Buffer => Buffer.from(rowText(row))
