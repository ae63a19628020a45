-- Who may hand in rows. Readers have no rights here: what of it is for whom, the routes say.

CREATE TABLE fleet_nodes (
  node_id text PRIMARY KEY CHECK (node_id ~ '^[0-9a-z]{16}$'),
  source_node_id text COLLATE "C" NOT NULL,
  -- Null: any service of this node.
  service_id text COLLATE "C",
  -- Null: every tenant, and rows of none.
  tenants text[] COLLATE "C",
  software text,
  enrolled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  revoked_at timestamptz
);
CREATE INDEX fleet_nodes_source ON fleet_nodes (source_node_id);

-- Ed25519, 64 hex. A key that was revoked opens nothing that comes after.
CREATE TABLE fleet_node_keys (
  node_id text NOT NULL REFERENCES fleet_nodes,
  public_key text NOT NULL CHECK (public_key ~ '^[0-9a-f]{64}$'),
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  revoked_at timestamptz,
  PRIMARY KEY (node_id, public_key)
);

-- SHA-256 of the secret: it has 256 bits of chance, so nothing slower is called for.
CREATE TABLE fleet_node_credentials (
  digest bytea PRIMARY KEY,
  node_id text NOT NULL REFERENCES fleet_nodes,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ends_at timestamptz
);
CREATE INDEX fleet_node_credentials_node ON fleet_node_credentials (node_id);
