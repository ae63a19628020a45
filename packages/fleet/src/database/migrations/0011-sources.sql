-- Services without our shipper, whose rows this fleet takes and seals itself. Nothing of it is granted to the reading role: the routes say what is for whom.

CREATE TABLE fleet_sources (
  source_id text PRIMARY KEY CHECK (source_id ~ '^[0-9a-z]{16}$'),
  kind text NOT NULL CHECK (kind IN ('pull', 'otlp', 'ndjson')),
  name text NOT NULL,
  -- Of the logs that its rows lie in.
  service_id text COLLATE "C" NOT NULL,
  -- What its rows may be of; null for all. With `stamp`, which is then the only one of them, that is written on each row whatever it says.
  tenants text[] COLLATE "C",
  stamp text COLLATE "C",
  -- What its kind needs to know.
  settings jsonb NOT NULL DEFAULT '{}',
  -- With which the fleet asks it; opens with the fleet's secret only.
  sealed_token bytea,
  silent_after_s integer CHECK (silent_after_s > 0),
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  paused_at timestamptz,
  removed_at timestamptz,
  removed_by text,
  -- Since when it is asked without success, or what it sends is not taken.
  failing_since timestamptz,
  last_error text,
  last_error_at timestamptz,
  last_row_at timestamptz,
  -- Rows sealed; those that came again; those that were not taken; those that came again and were others.
  rows bigint NOT NULL DEFAULT 0,
  rows_again bigint NOT NULL DEFAULT 0,
  rows_refused bigint NOT NULL DEFAULT 0,
  rows_changed bigint NOT NULL DEFAULT 0,
  CHECK (stamp IS NULL OR tenants = ARRAY[stamp])
);

-- SHA-256 of the secret, as for nodes.
CREATE TABLE fleet_source_credentials (
  digest bytea PRIMARY KEY,
  source_id text NOT NULL REFERENCES fleet_sources,
  made_at timestamptz NOT NULL,
  made_by text NOT NULL,
  used_at timestamptz,
  ends_at timestamptz
);
CREATE INDEX fleet_source_credentials_source ON fleet_source_credentials (source_id);

-- What each source has sent: what a row is told apart by, and a digest of all of it. 16 bytes each.
CREATE TABLE fleet_arrivals (
  source_id text NOT NULL,
  identity bytea NOT NULL,
  content bytea NOT NULL,
  arrived_on date NOT NULL,
  PRIMARY KEY (source_id, identity)
);

ALTER TABLE fleet_evidence ALTER COLUMN node_id DROP NOT NULL;
ALTER TABLE fleet_evidence ADD COLUMN source_id text, ADD CHECK ((node_id IS NULL) <> (source_id IS NULL));
CREATE INDEX fleet_evidence_source ON fleet_evidence (source_id, found_at) WHERE source_id IS NOT NULL;
