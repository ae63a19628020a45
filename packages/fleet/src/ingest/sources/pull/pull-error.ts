// SPDX-License-Identifier: Apache-2.0

/** Why a source could not be asked this time: in our words, without anything secret, and short. */
export class PullError extends Error {
  readonly code:
    | 'ADDRESS_REFUSED'
    | 'UNREACHABLE'
    | 'REFUSED'
    | 'BUSY'
    | 'BAD_ANSWER'
    | 'BAD_CURSOR'
    | 'TOKEN_SEALED'
  /** Seconds that the source asks us to wait. */
  readonly retryAfterS: number | undefined

  constructor(code: PullError['code'], message: string, retryAfterS?: number) {
    super(message)
    this.code = code
    this.retryAfterS = retryAfterS
  }
}
