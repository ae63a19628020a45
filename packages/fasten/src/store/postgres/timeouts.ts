// SPDX-License-Identifier: Apache-2.0

/** How long anything may take, in milliseconds. What takes longer is an error that is tried again, never a hang. */
export interface Timeouts {
  /** One statement, on the server; the client waits two seconds more and then drops the connection. Default 30,000. */
  readonly statementMs: number
  /** Waiting for another transaction's lock. Default 10,000. */
  readonly lockMs: number
  /** A transaction in which this process does nothing: the lease of a writer that was stopped. Default 15,000. */
  readonly idleInTransactionMs: number
}

export const defaultTimeouts: Timeouts = { statementMs: 30_000, lockMs: 10_000, idleInTransactionMs: 15_000 }
