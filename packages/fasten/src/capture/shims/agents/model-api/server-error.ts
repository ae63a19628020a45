// SPDX-License-Identifier: Apache-2.0

/** What a server said went wrong: for rows only, nobody throws it. */
export class ServerError extends Error {
  readonly code: string | number | undefined

  constructor(kind: string, message: string, code?: string | number) {
    super(message)
    this.name = kind
    this.code = code
  }
}
