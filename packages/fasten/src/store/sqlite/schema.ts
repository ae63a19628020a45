// SPDX-License-Identifier: Apache-2.0
/**
 * How rows rest in SQLite.
 *
 *   audit_log, sys_log, api_log   one table per stream (or as `?table=` says); a row is
 *     position                    commit order over all row tables of the file; the cursor of readers
 *     log_id, monotonic_seq       which log, and where in it; unique together
 *     hash                        64 lower-case hex: SHA-256(0x00 ‖ leaf)
 *     leaf                        the bytes that were hashed, verbatim. The truth
 *     id, timestamp, …            projections of the leaf (core/columns.ts), to filter and sort by; rebuilt from it at will
 *   fasten_logs                   one line per log: its size and head hash. What `append` reads, and moves with the rows.
 *     public_keys                 the keys that rows of the log have named, in hex, so that none is named twice
 *   fasten_checkpoints            signed ends of logs, with the frontier of the tree; thinned out as they age
 *   fasten_spools                 how much of each spool is stored. Moves with the rows too, so a replay stores nothing twice
 *   fasten_disclosures            personal values, encrypted, by the position of their row; null once they are erased
 *   fasten_erased_keys            data keys that were destroyed, and why: nothing under them is stored again
 *   fasten_outbox                 drafts that applications committed in transactions of their own, until they are moved
 *   fasten_outbox_boots           how many rows of each process came that way: the next `boot_seq`
 *   fasten_tables                 which tables are ours, and whose stream they hold
 *   fasten_expired                the hashes of rows whose content has expired, at their places
 *   fasten_retention              per log: the policy it was last swept by, rows expired, rows known to be elsewhere too
 *   fasten_stretches              when a stretch of 1,024 numbers of a log has a row due next, in microseconds
 *   fasten_holds, fasten_clock    what must be kept, and how far retention time has come (store/retention)
 *   fasten_meta                   `schema_version`, `store_id`, and who created the file when
 *
 * Everything that a batch changes is changed in one transaction, so a crash leaves all of it or none.
 *
 * Only `position`, `log_id` and `monotonic_seq` are required of a row. No foreign keys: nothing a business does to its own tables may touch the trail. Constraints are here against
 * mistakes; against somebody who has the file there is only verification.
 *
 * `user_version` and `application_id` are left alone: the file may be the application's own.
 */
import { columnNames, numericColumns } from '../../core/columns.ts'
import type { StreamName } from '../../core/row.ts'

/** One step of the layout. Steps only ever add; none drops, retypes or tightens anything. */
export interface Migration {
  readonly version: number
  /** Once per file. */
  readonly statements: readonly string[]
  /** Once per row table, those that exist and those that will be created later. */
  readonly tableStatements: (stream: StreamName, table: string) => readonly string[]
}

/**
 * What a leaf says in `caused_by`, null where it says nothing or is damaged, and what only few leaves have: most rows pay for one look
 * at their text. Where clauses have to say both in these very words to be answered by the index.
 */
export const causeOf = "CASE WHEN json_valid(leaf) THEN json_extract(leaf, '$.caused_by') END"
export const namesCause = `instr(leaf, '"caused_by":') > 0`

export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: [
      'CREATE TABLE fasten_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID',
      'CREATE TABLE fasten_tables (table_name TEXT PRIMARY KEY, stream TEXT NOT NULL) STRICT, WITHOUT ROWID',
      `CREATE TABLE fasten_logs (
        log_id INTEGER PRIMARY KEY,
        table_name TEXT NOT NULL,
        log TEXT NOT NULL,
        size INTEGER NOT NULL,
        head_hash TEXT NOT NULL,
        position INTEGER NOT NULL,
        moved_at TEXT NOT NULL,
        UNIQUE (table_name, log)
      ) STRICT`,
      'CREATE TABLE fasten_spools (spool TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    ],
    tableStatements: (stream, table) => [
      `CREATE TABLE ${table} (
        position INTEGER PRIMARY KEY,
        log_id INTEGER NOT NULL,
        monotonic_seq INTEGER NOT NULL,
        hash TEXT,
        ${columnNames[stream].map((name) => `${name} ${numericColumns.has(name) ? 'INTEGER' : 'TEXT'}`).join(',\n        ')},
        leaf TEXT
      ) STRICT`,
      `CREATE UNIQUE INDEX ${table}_place ON ${table} (log_id, monotonic_seq)`,
      `CREATE UNIQUE INDEX ${table}_id ON ${table} (id)`,
      `CREATE INDEX ${table}_request ON ${table} (request_id)`,
      // Every index ends in the position, so each of these also answers "newest first" without sorting.
      `CREATE INDEX ${table}_time ON ${table} (timestamp)`,
      ...(stream === 'audit'
        ? [
            `CREATE INDEX ${table}_code ON ${table} (code, timestamp)`,
            `CREATE INDEX ${table}_actor ON ${table} (actor, timestamp)`,
          ]
        : []),
    ],
  },
  {
    version: 2,
    statements: [
      "ALTER TABLE fasten_logs ADD COLUMN public_keys TEXT NOT NULL DEFAULT ''",
      `CREATE TABLE fasten_checkpoints (
        table_name TEXT NOT NULL,
        log TEXT NOT NULL,
        size INTEGER NOT NULL,
        root TEXT NOT NULL,
        frontier TEXT NOT NULL,
        note TEXT NOT NULL,
        signed_at TEXT NOT NULL,
        cosignatures INTEGER NOT NULL,
        PRIMARY KEY (table_name, log, size)
      ) STRICT, WITHOUT ROWID`,
    ],
    tableStatements: () => [],
  },
  {
    version: 3,
    statements: [
      `CREATE TABLE fasten_expired (
        log_id INTEGER NOT NULL,
        monotonic_seq INTEGER NOT NULL,
        position INTEGER NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (log_id, monotonic_seq)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE fasten_retention (
        log_id INTEGER PRIMARY KEY,
        policy_hash TEXT,
        expired INTEGER NOT NULL DEFAULT 0,
        replicated_size INTEGER NOT NULL DEFAULT 0
      ) STRICT`,
      `CREATE TABLE fasten_stretches (
        log_id INTEGER NOT NULL,
        stretch INTEGER NOT NULL,
        policy_hash TEXT NOT NULL,
        due INTEGER,
        PRIMARY KEY (log_id, stretch)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE fasten_holds (
        hold_id TEXT PRIMARY KEY,
        held_rows TEXT NOT NULL,
        reason TEXT NOT NULL,
        placed_by TEXT NOT NULL,
        placed_at TEXT NOT NULL,
        released_at TEXT,
        released_by TEXT
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE fasten_clock (
        machine TEXT PRIMARY KEY,
        uptime INTEGER NOT NULL,
        trusted INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
    tableStatements: () => [],
  },
  {
    version: 4,
    statements: [
      `CREATE TABLE fasten_disclosures (
        position INTEGER NOT NULL,
        pointer TEXT NOT NULL,
        key_id TEXT NOT NULL,
        lookup TEXT,
        box BLOB,
        PRIMARY KEY (position, pointer)
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX fasten_disclosures_key ON fasten_disclosures (key_id)',
      'CREATE INDEX fasten_disclosures_lookup ON fasten_disclosures (lookup) WHERE lookup IS NOT NULL',
      `CREATE TABLE fasten_erased_keys (
        key_id TEXT PRIMARY KEY,
        subject TEXT NOT NULL,
        basis TEXT NOT NULL,
        erased_at TEXT NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
    tableStatements: () => [],
  },
  {
    version: 5,
    statements: [
      `CREATE TABLE fasten_outbox (
        key TEXT PRIMARY KEY,
        frame BLOB NOT NULL,
        at TEXT NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE fasten_outbox_boots (
        boot_id TEXT PRIMARY KEY,
        next_seq INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      "INSERT OR IGNORE INTO fasten_meta (key, value) VALUES ('store_id', lower(hex(randomblob(8))))",
    ],
    tableStatements: () => [],
  },
  {
    version: 6,
    statements: [],
    tableStatements: (_stream, table) => [
      `CREATE INDEX ${table}_cause ON ${table} (${causeOf}) WHERE ${namesCause}`,
    ],
  },
  {
    version: 7,
    statements: ['ALTER TABLE fasten_retention ADD COLUMN replicated_at TEXT'],
    tableStatements: () => [],
  },
]
