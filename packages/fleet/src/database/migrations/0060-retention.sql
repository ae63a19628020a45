-- What of the nodes' rows may go, and how far it has gone. Nothing here is granted to the reading roles: the routes say what is for whom.

-- Whoever locks this line reads the next rows of stores, in the order of their positions, and finds those that tell of sweeps and holds.
CREATE TABLE fleet_sweep_cursor (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  position bigint NOT NULL DEFAULT 0
);
INSERT INTO fleet_sweep_cursor DEFAULT VALUES;

-- Of several servers one does the work at a time: who, and until when if nothing is heard of it.
CREATE TABLE fleet_retention_lease (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  server text,
  until timestamptz,
  -- When policies were last applied, and up to when checkpoints are thinned out.
  swept_at timestamptz,
  thinned_to text COLLATE "C" NOT NULL DEFAULT ''
);
INSERT INTO fleet_retention_lease DEFAULT VALUES;

-- One line for each row that says that rows of a replica are let go: by the node, or by this fleet.
CREATE TABLE fleet_sweeps (
  sweep_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  log_id bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  told_by text NOT NULL CHECK (told_by IN ('node', 'fleet')),
  -- The row that says so. Null for one of the fleet's own as long as it waits to be stored; nothing goes before it is there and signed.
  told_log_id bigint,
  told_seq bigint,
  class text NOT NULL,
  policy_hash text NOT NULL,
  -- First and last numbers, ascending: [[3,5],[9,9]].
  runs jsonb NOT NULL,
  rows bigint NOT NULL,
  noticed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Numbers below it were looked at.
  next_seq bigint NOT NULL DEFAULT 0,
  gone bigint NOT NULL DEFAULT 0,
  -- Rows that stay under holds, and which holds those were: looked at again when there are others.
  held bigint NOT NULL DEFAULT 0,
  holds text,
  done_at timestamptz,
  UNIQUE (told_log_id, told_seq)
);
CREATE INDEX fleet_sweeps_open ON fleet_sweeps (told_by, tenant, sweep_id) WHERE done_at IS NULL;
CREATE INDEX fleet_sweeps_log ON fleet_sweeps (log_id) WHERE done_at IS NULL;
CREATE INDEX fleet_sweeps_tenant ON fleet_sweeps (tenant, told_by);

-- Holds at nodes. Which rows they keep is told by a hash only, so of a log with one the fleet lets nothing go by itself.
CREATE TABLE fleet_node_holds (
  -- The log's name without its generation, as fasten_logs has it.
  base text COLLATE "C" NOT NULL,
  table_name text COLLATE "C" NOT NULL,
  hold_id text NOT NULL,
  released boolean NOT NULL DEFAULT false,
  PRIMARY KEY (base, table_name, hold_id)
);
