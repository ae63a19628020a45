-- Indices for the roles that read. Below row-level security a condition reaches an index only if its function is leakproof: left(text, int), by
-- which fasten indexes texts of any length, is not; name(text), which keeps the first 63 bytes, is. So these take the place of fasten's, which
-- would cost as much at every insert and serve nobody: the owner asks through them as well (fasten's where.ts looks which there are).
--
-- Request ids are nearly unique and only ever compared whole: a hash holds texts of any length. Measured: see the decision
-- record on indices below row-level security.

DO $$
DECLARE
  old regclass;
BEGIN
  FOR old IN SELECT i.indexrelid FROM pg_index i
    WHERE i.indrelid = ANY (ARRAY['audit_log', 'sys_log', 'api_log']::regclass[]) AND pg_get_indexdef(i.indexrelid) LIKE '%"left"(%'
  LOOP
    EXECUTE format('DROP INDEX %s', old);
  END LOOP;
END $$;

CREATE INDEX fleet_audit_request ON audit_log USING hash (request_id);
CREATE INDEX fleet_sys_request ON sys_log USING hash (request_id);
CREATE INDEX fleet_api_request ON api_log USING hash (request_id);
CREATE INDEX fleet_audit_actor ON audit_log ((actor::name), "timestamp", position);
CREATE INDEX fleet_audit_code ON audit_log ((code::name), "timestamp", position);
CREATE INDEX fleet_audit_target ON audit_log ((target::name), "timestamp", position);
CREATE INDEX fleet_audit_principal ON audit_log ((on_behalf_of::name), "timestamp", position) WHERE on_behalf_of IS NOT NULL;
CREATE INDEX fleet_api_route ON api_log ((route::name), "timestamp", position) WHERE route IS NOT NULL;
-- Nearly all accesses succeed, and whoever asks by status asks for those that did not.
CREATE INDEX fleet_api_failures ON api_log (status, "timestamp", position) WHERE status >= 400;
