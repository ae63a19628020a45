// SPDX-License-Identifier: Apache-2.0

/** What each kind of role may do with a table, as GRANT spells it; empty for nothing. */
export interface Rights {
  readonly writer: string
  readonly reader: string
  readonly sweeper: string
}

/** Row tables. Partitions need none: whoever goes through the table is asked for rights on the table. */
export const rowRights: Rights = {
  writer: 'SELECT, INSERT',
  reader: 'SELECT',
  sweeper: 'SELECT, INSERT, UPDATE, DELETE',
}

/**
 * All other tables. Whoever adds one to the layout adds its line here. Nobody needs DELETE or TRUNCATE on heads, or UPDATE on which log
 * a head is of.
 */
export const rights: Readonly<Record<string, Rights>> = {
  // A value is erased by making it null; who stores rows may not, except for those that it stores.
  fasten_disclosures: {
    writer: 'SELECT, INSERT',
    reader: 'SELECT',
    sweeper: 'SELECT, INSERT, UPDATE, DELETE',
  },
  fasten_erased_keys: { writer: 'SELECT, INSERT', reader: 'SELECT', sweeper: 'SELECT, INSERT' },
  // Who only reads gets no keys: values stay sealed for them, even with the tenant's key.
  fasten_data_keys: { writer: 'SELECT, INSERT', reader: '', sweeper: 'SELECT, INSERT, UPDATE, DELETE' },
  fasten_destroyed_keys: { writer: 'SELECT, INSERT', reader: '', sweeper: 'SELECT, INSERT' },
  fasten_erased_subjects: { writer: 'SELECT', reader: '', sweeper: 'SELECT, INSERT, UPDATE' },
  fasten_tombstones: { writer: 'SELECT', reader: '', sweeper: 'SELECT, INSERT' },
  fasten_meta: { writer: 'SELECT', reader: 'SELECT', sweeper: 'SELECT' },
  fasten_tables: { writer: 'SELECT', reader: 'SELECT', sweeper: 'SELECT' },
  fasten_logs: {
    writer: 'SELECT, INSERT, UPDATE (size, head_hash, position, moved_at, public_keys)',
    reader: 'SELECT',
    sweeper: 'SELECT, INSERT, UPDATE (size, head_hash, position, moved_at, public_keys)',
  },
  // What a sweep or an erasure took is signed for by whoever did it.
  fasten_checkpoints: {
    writer: 'SELECT, INSERT, UPDATE, DELETE',
    reader: 'SELECT',
    sweeper: 'SELECT, INSERT, UPDATE, DELETE',
  },
  fasten_expired: { writer: 'SELECT', reader: 'SELECT', sweeper: 'SELECT, INSERT' },
  // Who ships rows notes how far it is.
  fasten_retention: {
    writer:
      'SELECT, INSERT (log_id, replicated_size, replicated_at), UPDATE (replicated_size, replicated_at)',
    reader: 'SELECT',
    sweeper: 'SELECT, INSERT, UPDATE',
  },
  fasten_stretches: { writer: 'SELECT', reader: 'SELECT', sweeper: 'SELECT, INSERT, UPDATE' },
  fasten_holds: { writer: 'SELECT', reader: 'SELECT', sweeper: 'SELECT, INSERT, UPDATE' },
  fasten_clock: { writer: 'SELECT', reader: 'SELECT', sweeper: 'SELECT, INSERT, UPDATE, DELETE' },
  fasten_spools: { writer: 'SELECT, INSERT, UPDATE, DELETE', reader: 'SELECT', sweeper: 'SELECT' },
  fasten_counters: {
    writer: 'SELECT, INSERT, UPDATE (value)',
    reader: 'SELECT',
    sweeper: 'SELECT, INSERT, UPDATE (value)',
  },
  // An application's own role needs INSERT on this one, and nothing else of ours.
  fasten_outbox: { writer: 'SELECT, UPDATE, DELETE', reader: 'SELECT', sweeper: 'SELECT' },
  fasten_outbox_boots: { writer: 'SELECT, INSERT, UPDATE', reader: 'SELECT', sweeper: 'SELECT' },
}
