// SPDX-License-Identifier: Apache-2.0

/**
 * Counts since start. They balance: `emitted = accepted + held + refused` and `accepted = stored + spooled + quarantined`.
 * Rows that only went into a ring are not among them.
 */
export interface Stats {
  /** Rows meant for a store. */
  readonly emitted: number
  /** Rows that reached the spool. */
  readonly accepted: number
  /** Rows waiting in memory: for the end of the turn (`durability: 'tick'`), or for disk space. */
  readonly held: number
  readonly refused: number
  readonly stored: number
  /** Rows in the spool that are neither stored nor quarantined yet. */
  readonly spooled: number
  readonly quarantined: number
  /** Bytes of `spooled`. */
  readonly spool_bytes: number
  /** Retries since the store last took rows; 0 when it is well. */
  readonly retry_count: number
  readonly in_backoff_seconds: number
  readonly last_error: string | null
  /** Checkpoints that were signed and kept. */
  readonly checkpoints: number
  /** Times that signing failed; rows were stored all the same. */
  readonly checkpoint_failures: number
  /** Rows whose content this process has taken away because they had expired. */
  readonly swept_rows: number
  /** Shipping to a fleet; null where none is configured. */
  readonly fleet: {
    /** Rows that the fleet has taken from this process. */
    readonly shipped: number
    /**
     * Rows in the stores of this process that the fleet does not have yet, as of the latest question. Null while that is not known: before the
     * fleet has answered for the first time, and while another process ships what is in one of these stores.
     */
    readonly unshipped: number | null
    /** Logs that the fleet does not take. */
    readonly refused_logs: number
    /** Failures since the fleet last answered; 0 when it is well. */
    readonly retry_count: number
    readonly in_backoff_seconds: number
    readonly last_error: string | null
    /** True while another process ships what is in these stores. */
    readonly is_standby: boolean
  } | null
  /**
   * Under the names of the published SDKs, for dashboards. Rows, but for `capacity`, which is the spool's limit in bytes. `high_water` is the
   * most rows that waited at once; `dead_lettered_total` and `dead_letter_depth` are rows that this process put into quarantine.
   */
  readonly queue_stats: {
    readonly depth: number
    readonly capacity: number
    readonly capacity_semantics: 'bytes'
    readonly high_water: number
    readonly drained_total: number
    readonly retry_count_active: number
    readonly in_backoff_seconds: number
    readonly last_error: string | null
    readonly dead_lettered_total: number
    readonly dead_letter_depth: number
  }
  /** Rows put into transactions of the application: how many, how many were seen to be moved, and how many may still come. */
  readonly transactional: { readonly inserted: number; readonly moved: number; readonly outstanding: number }
  /** Emitted codes that were not registered. */
  readonly unregistered: number
  /** Audit rows by code that were refused; empty when none were. */
  readonly refused_by_code: Readonly<Record<string, number>>
  /** Rows by code seen to hold what looks like an e-mail address, phone number or IBAN and is not declared personal; a sample. */
  readonly undeclared_personal: Readonly<Record<string, number>>
  readonly sys_ring_rows: number
  readonly api_ring_rows: number
  /** False when the drainer runs on the main thread. */
  readonly has_drain_thread: boolean
}
