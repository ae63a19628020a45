// SPDX-License-Identifier: Apache-2.0
import { errorName } from '../http/failure.ts'
import type { DigestOf } from './digest.ts'

/** What a row tells of an error: its class, its code or HTTP status, and a digest of its message, which may quote what was said. */
export interface FailureMembers {
  readonly error: string
  readonly error_code?: string
  readonly error_hash?: string
}

export function failureOf(error: unknown, digest: DigestOf): FailureMembers {
  const code = codeOf(error)
  const message = typeof error === 'object' && error !== null ? readMember(error, 'message') : error
  return {
    error: errorName(error),
    ...(code === undefined ? {} : { error_code: code }),
    ...(typeof message === 'string' && message !== '' ? { error_hash: digest(message) } : {}),
  }
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  for (const name of ['code', 'status', 'statusCode']) {
    const value = readMember(error, name)
    if (typeof value === 'number' || (typeof value === 'string' && value !== ''))
      return String(value).slice(0, 64)
  }
  return undefined
}

function readMember(object: object, name: string): unknown {
  try {
    return (object as Record<string, unknown>)[name]
  } catch {
    // A getter of somebody's error class threw.
    return undefined
  }
}
