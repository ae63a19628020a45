-- Questions in SQL. Whoever asks them runs as a role of its own whose tenants are no setting, which a statement could change, but a line in a table
-- that only the owner writes, found by the number of the session's process.

CREATE UNLOGGED TABLE fleet_analyst_sessions (
  pid int PRIMARY KEY,
  every_tenant boolean NOT NULL,
  tenants text[] NOT NULL,
  codes text[],
  ends_at timestamptz NOT NULL
);

CREATE FUNCTION fleet_analyst_sees_all() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
  SET search_path = {{schema}}, pg_catalog AS $$
  SELECT coalesce((SELECT s.every_tenant FROM fleet_analyst_sessions s
    WHERE s.pid = pg_backend_pid() AND s.ends_at > clock_timestamp()), false)
$$;

CREATE FUNCTION fleet_analyst_tenants() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
  SET search_path = {{schema}}, pg_catalog AS $$
  SELECT coalesce((SELECT s.tenants FROM fleet_analyst_sessions s
    WHERE s.pid = pg_backend_pid() AND s.ends_at > clock_timestamp()), '{}')
$$;

CREATE FUNCTION fleet_analyst_codes() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
  SET search_path = {{schema}}, pg_catalog AS $$
  SELECT s.codes FROM fleet_analyst_sessions s WHERE s.pid = pg_backend_pid() AND s.ends_at > clock_timestamp()
$$;

DO $$
DECLARE
  row_table text;
BEGIN
  FOREACH row_table IN ARRAY ARRAY['audit_log', 'sys_log', 'api_log'] LOOP
    EXECUTE format('CREATE POLICY fleet_analyst ON %I FOR SELECT TO {{analyst}}
      USING ((SELECT fleet_analyst_sees_all()) OR coalesce(tenant_id, ''_'') = ANY ((SELECT fleet_analyst_tenants())::text[]))', row_table);
  END LOOP;
END $$;
CREATE POLICY fleet_analyst_code ON audit_log AS RESTRICTIVE FOR SELECT TO {{analyst}}
  USING ((SELECT fleet_analyst_codes()) IS NULL OR fleet_is_code(code, (SELECT fleet_analyst_codes())));
CREATE POLICY fleet_analyst_code ON sys_log AS RESTRICTIVE FOR SELECT TO {{analyst}} USING ((SELECT fleet_analyst_codes()) IS NULL);
CREATE POLICY fleet_analyst_code ON api_log AS RESTRICTIVE FOR SELECT TO {{analyst}} USING ((SELECT fleet_analyst_codes()) IS NULL);
CREATE POLICY fleet_analyst ON fasten_logs FOR SELECT TO {{analyst}}
  USING ((SELECT fleet_analyst_sees_all()) OR fleet_tenant_of(log) = ANY ((SELECT fleet_analyst_tenants())::text[]));

-- The rows as people ask of them. These run with the rights of whoever asks, so the policies above hold. `timestamp` is the text that is indexed,
-- `time` the same as a time.
CREATE VIEW audit WITH (security_invoker = true) AS
  SELECT a."timestamp", a."timestamp"::timestamptz AS "time", coalesce(a.tenant_id, '_') AS tenant, a.service_id AS service,
    a.source_node_id AS node, a.code, a.action, a.severity, a.category, a.domain, a.outcome, a.actor, a.actor_kind, a.on_behalf_of, a.target,
    a.method, a.request_id, a.trace_id, fasten_member(a.leaf, 'detail')::jsonb AS detail, a.id, l.log, a.monotonic_seq, a.hash, a.leaf
  FROM audit_log a LEFT JOIN fasten_logs l ON l.log_id = a.log_id;
CREATE VIEW sys WITH (security_invoker = true) AS
  SELECT s."timestamp", s."timestamp"::timestamptz AS "time", coalesce(s.tenant_id, '_') AS tenant, s.service_id AS service,
    s.source_node_id AS node, s.level, s.event, s.logger, s.request_id, s.trace_id, fasten_member(s.leaf, 'fields')::jsonb AS fields,
    s.id, l.log, s.monotonic_seq, s.hash, s.leaf
  FROM sys_log s LEFT JOIN fasten_logs l ON l.log_id = s.log_id;
CREATE VIEW api WITH (security_invoker = true) AS
  SELECT p."timestamp", p."timestamp"::timestamptz AS "time", coalesce(p.tenant_id, '_') AS tenant, p.service_id AS service,
    p.source_node_id AS node, p.method, p.path, p.route, p.status, p.duration_us, p.actor, p.request_id, p.trace_id,
    p.id, l.log, p.monotonic_seq, p.hash, p.leaf
  FROM api_log p LEFT JOIN fasten_logs l ON l.log_id = p.log_id;

GRANT USAGE ON SCHEMA {{schema}} TO {{analyst}};
GRANT SELECT ON audit, sys, api, audit_log, sys_log, api_log TO {{analyst}};
GRANT SELECT (log_id, log) ON fasten_logs TO {{analyst}};
REVOKE ALL ON FUNCTION fleet_analyst_sees_all(), fleet_analyst_tenants(), fleet_analyst_codes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fleet_analyst_sees_all(), fleet_analyst_tenants(), fleet_analyst_codes(), fleet_tenant_of(text),
  fleet_is_code(text, text[]) TO {{analyst}};
