-- What nodes hand in: the key with which this fleet cosigns, and what it refused.

-- A node that lost the end of its log stores again, in the log's next generation, what was left in its spool; the fleet has both. So an id may
-- be there twice, and the look-up before each insert decides (fasten/store/replica).
DO $$
DECLARE
  row_table text;
BEGIN
  FOREACH row_table IN ARRAY ARRAY['audit_log', 'sys_log', 'api_log'] LOOP
    EXECUTE format('DROP INDEX %I', row_table || '_id_stored_on_idx');
    EXECUTE format('CREATE INDEX %I ON %I (id, stored_on)', row_table || '_id_stored_on_idx', row_table);
  END LOOP;
END $$;

-- One for all servers. `sealed` opens with the fleet's secret only.
CREATE TABLE fleet_witness_key (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  vkey text NOT NULL,
  sealed bytea NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What was refused, as it was sent, with what the fleet knew instead. `digest` is of who sent what and why it was refused: sent again, it is counted.
CREATE TABLE fleet_evidence (
  evidence_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest text NOT NULL UNIQUE,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  times bigint NOT NULL DEFAULT 1,
  node_id text NOT NULL,
  log text COLLATE "C" NOT NULL,
  tenant text COLLATE "C",
  code text NOT NULL,
  at_seq bigint,
  message text NOT NULL,
  sent bytea,
  checkpoint text,
  known jsonb NOT NULL
);
CREATE INDEX fleet_evidence_node ON fleet_evidence (node_id, found_at);
CREATE INDEX fleet_evidence_log ON fleet_evidence (log, evidence_id);
-- `tenant` is null where the sender named a log that is not its own: whose that would be is nobody's but the fleet's.
ALTER TABLE fleet_evidence ENABLE ROW LEVEL SECURITY;
CREATE POLICY fleet_tenant ON fleet_evidence FOR SELECT TO {{reader}}
  USING ((SELECT fleet_sees_all()) OR tenant = ANY ((SELECT fleet_tenants())::text[]));
GRANT SELECT ON fleet_evidence TO {{reader}};
