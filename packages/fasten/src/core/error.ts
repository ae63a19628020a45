// SPDX-License-Identifier: Apache-2.0

/**
 * The world was unkind: disk, network, database, malformed bytes. A programmer's mistake is a `TypeError` instead,
 * and bad evidence is a verdict, never an exception.
 *
 * Every `code` is a line in spec/errors.yaml (a test compares both directions).
 */
export class FastenError extends Error {
  override readonly name = 'FastenError'
  readonly code: string
  /** Which row, path, variable or node. Never a password. */
  readonly at: string | undefined
  /** What to try, in one sentence. */
  readonly hint: string | undefined

  constructor(code: string, message: string, about: { at?: string; hint?: string; cause?: unknown } = {}) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.code = code
    this.at = about.at
    this.hint = about.hint
  }

  /** One line for a terminal: code, message, place, remedy. */
  toLine(): string {
    const place = this.at === undefined ? '' : ` (${this.at})`
    const remedy = this.hint === undefined ? '' : `; ${this.hint}`
    return `${this.code}: ${this.message}${place}${remedy}`
  }
}

/** Node's `err.code` of a system error, or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
