// SPDX-License-Identifier: Apache-2.0
/**
 * How rows rest in Postgres. All of it lies in one schema; two schemas are two stores.
 *
 *   audit_log, sys_log, api_log   one partitioned table per stream (or as `?table=` says); a row is
 *     stored_on                   UTC date of the transaction that stored it, by the clock of the database. Partitions are its months
 *     position                    commit order over all row tables of the schema; the cursor of readers
 *     log_id, monotonic_seq       which log, and where in it
 *     hash                        64 lower-case hex: SHA-256(0x00 ‖ leaf)
 *     leaf                        the bytes that were hashed, verbatim. The truth
 *     id, timestamp, …            projections of the leaf (core/columns.ts), to filter and sort by; rebuilt from it at will
 *   fasten_logs                   one line per log: its size and head hash. Locked, checked and moved by every append. `replica_frontier`
 *                                 is null but for a log that another store writes: its rows come verbatim (replica), and nobody appends
 *                                 to it here. It holds the complete subtrees of the tree over all its rows
 *   fasten_checkpoints            signed ends of logs, with the frontier of the tree; thinned out as they age
 *   fasten_spools                 how much of each spool is stored. Moves with the rows, so a replay stores nothing twice
 *   fasten_counters               the newest position and log_id given out
 *   fasten_outbox                 drafts that applications committed in transactions of their own, until they are moved. A constraint knows
 *                                 the store's id, so that a draft meant for another store is refused
 *   fasten_outbox_boots           how many rows of each process came that way: the next `boot_seq`
 *   fasten_expired                the hashes of rows whose content has expired, at their places
 *   fasten_retention, _stretches, _holds, _clock   what sweeping has to know, as in SQLite (sqlite/schema.ts)
 *   fasten_disclosures            personal values, encrypted, by the position of their row; null once they are erased
 *   fasten_erased_keys            data keys that were destroyed, and why: nothing under them is stored again
 *   fasten_data_keys, fasten_destroyed_keys, fasten_erased_subjects, fasten_tombstones
 *                                 the key store (key-store.ts): readers have no rights to it
 *   fasten_tables                 which tables are ours, and whose stream they hold
 *   fasten_meta                   `schema_version`, `store_id`, and who created the schema when
 *
 * A unique index of a partitioned table must hold the partition key, so `(log_id, monotonic_seq)` and `id` are unique by index only
 * within a day. Across days the first is held by the locked head, which gives each number out once and is compared when it is moved;
 * the second by a look-up before each insert (append.ts). The index remains for two transactions at once.
 *
 * All text is compared as bytes (COLLATE "C"): timestamps sort as times, prefixes are ranges, and no update of the operating
 * system's sorting rules can damage an index. What a B-tree could refuse for its length (a third of a page) is indexed by its first
 * 200 characters.
 *
 * Triggers refuse UPDATE, DELETE and TRUNCATE of rows, for the owner too, unless the session says `SET fasten.sweep = 'on'`.
 */
import { columnNames, numericColumns } from '../../core/columns.ts'
import type { StreamName } from '../../core/row.ts'

/** One step of the layout. Steps only ever add; none drops, retypes or tightens anything. */
export interface Migration {
  readonly version: number
  /** Once per schema. `schema` is quoted and ends in a dot. */
  readonly statements: (schema: string) => readonly string[]
  /** Once per row table, those that exist and those that will be created later. `table` is a bare name. */
  readonly tableStatements: (stream: StreamName, schema: string, table: string) => readonly string[]
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: (schema) => [
      `CREATE TABLE ${schema}fasten_meta (key text PRIMARY KEY, value text NOT NULL)`,
      `CREATE TABLE ${schema}fasten_tables (table_name text PRIMARY KEY, stream text NOT NULL)`,
      `CREATE TABLE ${schema}fasten_logs (
        log_id bigint PRIMARY KEY,
        table_name text COLLATE "C" NOT NULL,
        base text COLLATE "C" NOT NULL,
        log text COLLATE "C" NOT NULL,
        size bigint NOT NULL,
        head_hash text NOT NULL,
        position bigint NOT NULL,
        moved_at text NOT NULL,
        UNIQUE (table_name, log)
      ) WITH (fillfactor = 50)`,
      `CREATE INDEX fasten_logs_base ON ${schema}fasten_logs (base, table_name)`,
      `CREATE TABLE ${schema}fasten_spools (spool text PRIMARY KEY, position bigint NOT NULL) WITH (fillfactor = 50)`,
      `CREATE TABLE ${schema}fasten_counters (name text PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 10)`,
      `INSERT INTO ${schema}fasten_counters (name, value) VALUES ('position', 0), ('log_id', 0)`,
      guardFunction(schema),
      ...guards(schema, 'fasten_logs', 'DELETE'),
      memberFunction(schema),
      monthsFunction(schema),
      `REVOKE ALL ON FUNCTION ${schema}fasten_make_months(text, date, int) FROM PUBLIC`,
    ],
    tableStatements: (stream, schema, table) => [
      `CREATE TABLE ${schema}"${table}" (
        stored_on date NOT NULL,
        position bigint NOT NULL,
        log_id bigint NOT NULL,
        monotonic_seq bigint NOT NULL,
        hash text COLLATE "C",
        ${columnNames[stream].map((name) => `${name} ${numericColumns.has(name) ? 'bigint' : 'text COLLATE "C"'}`).join(',\n        ')},
        leaf text COLLATE "C",
        PRIMARY KEY (position, stored_on)
      ) PARTITION BY RANGE (stored_on)`,
      `CREATE UNIQUE INDEX ON ${schema}"${table}" (log_id, monotonic_seq, stored_on)`,
      `CREATE UNIQUE INDEX ON ${schema}"${table}" (id, stored_on)`,
      `CREATE INDEX ON ${schema}"${table}" (left(request_id, ${indexedCharacters}))`,
      `CREATE INDEX ON ${schema}"${table}" (timestamp, position)`,
      ...(stream === 'audit'
        ? ['code', 'actor'].map(
            (name) =>
              `CREATE INDEX ON ${schema}"${table}" (left(${name}, ${indexedCharacters}), timestamp, position)`,
          )
        : []),
      ...guards(schema, table, 'UPDATE OR DELETE'),
    ],
  },
  {
    version: 2,
    statements: (schema) => [
      `ALTER TABLE ${schema}fasten_logs ADD COLUMN public_keys text NOT NULL DEFAULT ''`,
      `CREATE TABLE ${schema}fasten_checkpoints (
        table_name text COLLATE "C" NOT NULL,
        log text COLLATE "C" NOT NULL,
        size bigint NOT NULL,
        root text NOT NULL,
        frontier text NOT NULL,
        note text NOT NULL,
        signed_at text COLLATE "C" NOT NULL,
        cosignatures int NOT NULL,
        PRIMARY KEY (table_name, log, size)
      )`,
    ],
    tableStatements: () => [],
  },
  {
    version: 3,
    statements: (schema) => [
      `CREATE TABLE ${schema}fasten_expired (
        log_id bigint NOT NULL,
        monotonic_seq bigint NOT NULL,
        position bigint NOT NULL,
        hash bytea NOT NULL,
        PRIMARY KEY (log_id, monotonic_seq)
      )`,
      `CREATE TABLE ${schema}fasten_retention (
        log_id bigint PRIMARY KEY,
        policy_hash text,
        expired bigint NOT NULL DEFAULT 0,
        replicated_size bigint NOT NULL DEFAULT 0
      )`,
      `CREATE TABLE ${schema}fasten_stretches (
        log_id bigint NOT NULL,
        stretch bigint NOT NULL,
        policy_hash text NOT NULL,
        due bigint,
        PRIMARY KEY (log_id, stretch)
      )`,
      `CREATE TABLE ${schema}fasten_holds (
        hold_id text PRIMARY KEY,
        held_rows text NOT NULL,
        reason text NOT NULL,
        placed_by text NOT NULL,
        placed_at text COLLATE "C" NOT NULL,
        released_at text,
        released_by text
      )`,
      `CREATE TABLE ${schema}fasten_clock (machine text PRIMARY KEY, uptime bigint NOT NULL, trusted bigint NOT NULL)`,
      ...guards(schema, 'fasten_expired', 'UPDATE OR DELETE'),
    ],
    tableStatements: () => [],
  },
  {
    version: 4,
    statements: (schema) => [
      `CREATE TABLE ${schema}fasten_disclosures (
        position bigint NOT NULL,
        pointer text COLLATE "C" NOT NULL,
        key_id text COLLATE "C" NOT NULL,
        lookup text COLLATE "C",
        box bytea,
        PRIMARY KEY (position, pointer)
      )`,
      `CREATE INDEX fasten_disclosures_key ON ${schema}fasten_disclosures (key_id)`,
      `CREATE INDEX fasten_disclosures_lookup ON ${schema}fasten_disclosures (lookup) WHERE lookup IS NOT NULL`,
      `CREATE TABLE ${schema}fasten_erased_keys (
        key_id text COLLATE "C" PRIMARY KEY, subject text NOT NULL, basis text NOT NULL, erased_at text NOT NULL)`,
      `CREATE TABLE ${schema}fasten_data_keys (
        id text COLLATE "C" PRIMARY KEY,
        tenant text NOT NULL,
        subject text COLLATE "C" NOT NULL,
        kek text NOT NULL,
        made_at text COLLATE "C" NOT NULL,
        wrapped text NOT NULL
      )`,
      `CREATE INDEX fasten_data_keys_subject ON ${schema}fasten_data_keys (subject)`,
      `CREATE TABLE ${schema}fasten_destroyed_keys (
        id text COLLATE "C" PRIMARY KEY, subject text NOT NULL, basis text NOT NULL, erased_at text NOT NULL)`,
      `CREATE TABLE ${schema}fasten_erased_subjects (
        subject text COLLATE "C" PRIMARY KEY, basis text NOT NULL, erased_at text COLLATE "C" NOT NULL)`,
      `CREATE TABLE ${schema}fasten_tombstones (number bigint PRIMARY KEY, text text NOT NULL)`,
    ],
    tableStatements: () => [],
  },
  {
    version: 5,
    statements: (schema) => [
      `CREATE TABLE ${schema}fasten_outbox (
        key text COLLATE "C" PRIMARY KEY,
        store_id text NOT NULL,
        frame bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp()
      )`,
      `CREATE TABLE ${schema}fasten_outbox_boots (boot_id text PRIMARY KEY, next_seq bigint NOT NULL)`,
      `DO $$ DECLARE id text;
      BEGIN
        INSERT INTO ${schema}fasten_meta (key, value)
          VALUES ('store_id', left(replace(gen_random_uuid()::text, '-', ''), 16)) ON CONFLICT (key) DO NOTHING;
        SELECT value INTO id FROM ${schema}fasten_meta WHERE key = 'store_id';
        EXECUTE format('ALTER TABLE ${schema}fasten_outbox ADD CONSTRAINT fasten_outbox_store CHECK (store_id = %L)', id);
      END $$`,
    ],
    tableStatements: () => [],
  },
  {
    version: 6,
    statements: () => [],
    tableStatements: (_stream, schema, table) => [
      `CREATE INDEX ON ${schema}"${table}" ((${causeOf})) WHERE ${namesCause}`,
    ],
  },
  {
    // The server's ANALYZE keeps samples of values, and keeps them when the values are erased. What it took before is forgotten by
    // the next erasure (scrub.ts).
    version: 7,
    statements: (schema) => [
      `ALTER TABLE ${schema}fasten_disclosures ALTER COLUMN lookup SET STATISTICS 0, ALTER COLUMN box SET STATISTICS 0`,
      `ALTER TABLE ${schema}fasten_data_keys ALTER COLUMN wrapped SET STATISTICS 0`,
      `ALTER TABLE ${schema}fasten_outbox ALTER COLUMN frame SET STATISTICS 0`,
    ],
    tableStatements: () => [],
  },
  {
    version: 8,
    statements: (schema) => [`ALTER TABLE ${schema}fasten_retention ADD COLUMN replicated_at text`],
    tableStatements: () => [],
  },
  {
    version: 9,
    statements: (schema) => [`ALTER TABLE ${schema}fasten_logs ADD COLUMN replica_frontier text`],
    tableStatements: () => [],
  },
]

/**
 * What a leaf seems to say in `caused_by`, and what only few leaves have: most rows pay for one look at their text. Where clauses have to
 * say both in these very words to be answered by the index. A damaged leaf may seem to say what it does not.
 */
export const causeOf = `substring(leaf from '"caused_by":"(evt-[0-9A-Za-z]{1,32})"')`
export const namesCause = `strpos(leaf, '"caused_by":') > 0`

/** Whether a line of fasten_logs is of a log that another store writes; of layouts before there were any, too. */
export const isReplica = (line: string): string => `(to_jsonb(${line}) ->> 'replica_frontier' IS NOT NULL)`

/** Of a text that callers choose, in an index. */
export const indexedCharacters = 200

/** The name of the session setting with which a sweep changes rows. */
export const sweepSetting = 'fasten.sweep'

function guardFunction(schema: string): string {
  return `CREATE FUNCTION ${schema}fasten_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('${sweepSetting}', true) = 'on' THEN
        RETURN CASE WHEN TG_OP = 'UPDATE' THEN NEW WHEN TG_OP = 'DELETE' THEN OLD END;
      END IF;
      RAISE EXCEPTION 'fasten: % of % is refused, rows are only ever added', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
          HINT = 'expiry and erasure go through the fasten command; what it does is recorded in the log';
    END $$`
}

/** Rows by a trigger that partitions inherit, TRUNCATE by one that each partition needs for itself (`fasten_make_months`). */
function guards(schema: string, table: string, events: string): string[] {
  const run = `EXECUTE FUNCTION ${schema}fasten_guard()`
  return [
    `CREATE TRIGGER fasten_guard BEFORE ${events} ON ${schema}"${table}" FOR EACH ROW ${run}`,
    `CREATE TRIGGER fasten_guard_truncate BEFORE TRUNCATE ON ${schema}"${table}" FOR EACH STATEMENT ${run}`,
  ]
}

/**
 * A member of a leaf, or null when it has none or is damaged: a damaged row must not fail the answer about the others. Postgres reads no
 * text with U+0000 in it, wherever that stands; so another control character takes its place, and values are compared in the leaf.
 */
function memberFunction(schema: string): string {
  return `CREATE FUNCTION ${schema}fasten_member(leaf text, name text) RETURNS json
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
    BEGIN
      RETURN replace(leaf, '\\u0000', '\\u0001')::json -> name;
    EXCEPTION WHEN data_exception THEN
      RETURN NULL;
    END $$`
}

/**
 * Makes the partitions of a table of ours, from the month of \`first\` on; answers how many were missing. It runs with the rights of
 * its owner, so that a writer that may create nothing else can still enter a new month. Whether one is there is asked of the table of
 * tables, since a name that was not found once is remembered as missing for longer than the wait for the lock. A new partition is filled in beside the table and
 * attached at the end, which does not wait for readers and writers, as PARTITION OF would.
 */
function monthsFunction(schema: string): string {
  return `CREATE FUNCTION ${schema}fasten_make_months(parent text, first date, months int) RETURNS int
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      home name := (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = '${schema}fasten_tables'::regclass);
      begins date;
      part text;
      made int := 0;
    BEGIN
      IF months > 60 OR NOT EXISTS (SELECT FROM ${schema}fasten_tables t WHERE t.table_name = parent) THEN
        RAISE EXCEPTION 'fasten: % is no table of fasten', parent USING ERRCODE = 'insufficient_privilege';
      END IF;
      FOR i IN 0 .. months - 1 LOOP
        begins := (date_trunc('month', first::timestamp) + make_interval(months => i))::date;
        part := parent || to_char(begins, '"_"YYYY"_"MM');
        IF length(part) > 63 THEN
          part := left(parent, 46) || '_' || left(md5(parent), 8) || to_char(begins, '"_"YYYY"_"MM');
        END IF;
        CONTINUE WHEN EXISTS (SELECT FROM pg_class c WHERE c.relname = part AND c.relnamespace = quote_ident(home)::regnamespace);
        PERFORM pg_advisory_xact_lock(${lockClass}, hashtext(home || '.' || parent));
        CONTINUE WHEN EXISTS (SELECT FROM pg_class c WHERE c.relname = part AND c.relnamespace = quote_ident(home)::regnamespace);
        EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)',
          home, part, home, parent);
        EXECUTE format('CREATE TRIGGER fasten_guard_truncate BEFORE TRUNCATE ON %I.%I FOR EACH STATEMENT
          EXECUTE FUNCTION %I.fasten_guard()', home, part, home);
        EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', home, parent,
          home, part, begins, (begins + interval '1 month')::date);
        made := made + 1;
      END LOOP;
      RETURN made;
    END $$`
}

/** First half of the advisory locks that fasten takes; the second is a hash of what is locked. */
export const lockClass = 0x66617374
