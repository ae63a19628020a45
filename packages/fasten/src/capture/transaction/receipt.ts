// SPDX-License-Identifier: Apache-2.0
import type { StoredPlace } from '../../store/drain-runner.ts'

/** What `await emit(tx, event)` hands back: the transaction holds the row, and its fate is the transaction's. */
export interface TransactionReceipt {
  readonly id: string
  readonly request_id: string
  /**
   * Resolves when the row has its place and hash, after the transaction was committed. Rejects `NOT_STORED_YET` when it was not
   * committed within ten minutes, or fasten was closed before; a row that commits later is stored all the same.
   */
  readonly stored: Promise<StoredPlace>
}

/** Its promise is made when it is read, as with every receipt. */
export class OutboxReceipt implements TransactionReceipt {
  readonly id: string
  readonly request_id: string
  readonly #wait: (key: string) => Promise<StoredPlace>
  #stored: Promise<StoredPlace> | null = null

  constructor(id: string, request_id: string, wait: (key: string) => Promise<StoredPlace>) {
    this.id = id
    this.request_id = request_id
    this.#wait = wait
  }

  get stored(): Promise<StoredPlace> {
    return (this.#stored ??= this.#wait(this.id))
  }
}
