-- How nodes come in, what they come in with, and how they stand. Nothing here is granted to the reading role: the routes say what is for whom.

CREATE TABLE fleet_enrolment_tokens (
  -- The part of a token that is no secret, by which it is found.
  prefix text PRIMARY KEY,
  secret_sha256 bytea NOT NULL,
  -- Where the token is for one node or one service.
  source_node_id text COLLATE "C",
  service_id text COLLATE "C",
  -- What its nodes may write; NULL is all.
  tenants text[] COLLATE "C",
  uses_max integer NOT NULL CHECK (uses_max > 0),
  uses integer NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND uses_max),
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  revoked_by text
);

ALTER TABLE fleet_nodes
  ADD COLUMN enrolled_with text REFERENCES fleet_enrolment_tokens,
  ADD COLUMN revoked_by text,
  -- Seconds without a request until it counts as silent; NULL for what the fleet says.
  ADD COLUMN silent_after_s integer CHECK (silent_after_s > 0),
  -- By this fleet's clock, to within ten seconds.
  ADD COLUMN last_seen_at timestamptz;

ALTER TABLE fleet_node_credentials
  ADD COLUMN used_at timestamptz,
  ADD COLUMN made_by text,
  -- Opens nothing without a client certificate: the one of its first use, by the SHA-256 of its public key.
  ADD COLUMN wants_certificate boolean NOT NULL DEFAULT false,
  ADD COLUMN client_key_sha256 bytea;

-- A key that signs nothing of a log beyond this size, while what it signed before holds.
CREATE TABLE fleet_node_key_ends (
  node_id text NOT NULL,
  public_key text NOT NULL,
  log text COLLATE "C" NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  ended_at timestamptz NOT NULL,
  ended_by text NOT NULL,
  PRIMARY KEY (node_id, public_key, log),
  FOREIGN KEY (node_id, public_key) REFERENCES fleet_node_keys
);

-- What a node last said of itself.
CREATE TABLE fleet_node_status (
  node_id text PRIMARY KEY REFERENCES fleet_nodes,
  said_at timestamptz NOT NULL,
  software text NOT NULL,
  -- Its clock less the fleet's: at least this, and more by at most the bound. NULL where it did not say how long its requests take.
  clock_offset_ms double precision NOT NULL,
  clock_bound_ms double precision,
  spool_rows bigint NOT NULL,
  spool_bytes bigint NOT NULL,
  spool_bytes_max bigint,
  stats jsonb NOT NULL
);

-- A log at its node, as that last said, and since when rows of it are missing here.
CREATE TABLE fleet_node_logs (
  node_id text NOT NULL REFERENCES fleet_nodes,
  log text COLLATE "C" NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  size bigint NOT NULL,
  signed_size bigint NOT NULL,
  -- The node had this many rows at that time, and the fleet had fewer ever since.
  behind_size bigint,
  behind_since timestamptz,
  PRIMARY KEY (node_id, log)
);
CREATE INDEX fleet_node_logs_tenant ON fleet_node_logs (tenant, node_id);
