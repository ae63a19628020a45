-- Whose rows a session may see, and the policies that hold every reading role to it. The owner of the schema is not bound: it stores rows.

CREATE TABLE fleet_meta (key text PRIMARY KEY, value text NOT NULL);

-- What a session was given at its start, out of a credential: `all`, or a JSON list of tenants. Nothing set is nothing seen.
CREATE FUNCTION fleet_tenants() RETURNS text[] LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog AS $$
DECLARE
  given text := current_setting('fleet.tenants', true);
BEGIN
  IF given IS NULL OR given = '' OR given = 'all' THEN RETURN '{}'; END IF;
  RETURN ARRAY(SELECT json_array_elements_text(given::json));
END $$;

CREATE FUNCTION fleet_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = pg_catalog AS $$ SELECT coalesce(current_setting('fleet.tenants', true), '') = 'all' $$;

-- The tenant of a log is the first part of its name, percent-encoded there; `_` when there is none.
CREATE FUNCTION fleet_tenant_of(log text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog AS $$
DECLARE
  part text := split_part(log, '/', 1);
BEGIN
  IF strpos(part, '%') = 0 THEN RETURN part; END IF;
  RETURN convert_from(decode(
    (SELECT string_agg(CASE WHEN m[1] LIKE '\%%' THEN substr(m[1], 2) ELSE encode(convert_to(m[1], 'UTF8'), 'hex') END, '' ORDER BY n)
     FROM regexp_matches(part, '(%[0-9A-Fa-f]{2}|[^%])', 'g') WITH ORDINALITY AS t (m, n)), 'hex'), 'UTF8');
END $$;

-- A policy's function is asked once per statement, as a sub-select, and not once per row.
DO $$
DECLARE
  row_table text;
BEGIN
  FOREACH row_table IN ARRAY ARRAY['audit_log', 'sys_log', 'api_log'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', row_table);
    EXECUTE format('CREATE POLICY fleet_tenant ON %I FOR SELECT TO {{reader}}
      USING ((SELECT fleet_sees_all()) OR coalesce(tenant_id, ''_'') = ANY ((SELECT fleet_tenants())::text[]))', row_table);
  END LOOP;
END $$;

ALTER TABLE fasten_logs ENABLE ROW LEVEL SECURITY;
CREATE POLICY fleet_tenant ON fasten_logs FOR SELECT TO {{reader}}
  USING ((SELECT fleet_sees_all()) OR fleet_tenant_of(log) = ANY ((SELECT fleet_tenants())::text[]));

ALTER TABLE fasten_checkpoints ENABLE ROW LEVEL SECURITY;
CREATE POLICY fleet_tenant ON fasten_checkpoints FOR SELECT TO {{reader}}
  USING ((SELECT fleet_sees_all()) OR fleet_tenant_of(log) = ANY ((SELECT fleet_tenants())::text[]));

-- These know logs by number only. `fasten_logs` is itself bound, so a log that is not seen has nothing here.
DO $$
DECLARE
  by_log text;
BEGIN
  FOREACH by_log IN ARRAY ARRAY['fasten_expired', 'fasten_retention', 'fasten_stretches'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', by_log);
    EXECUTE format('CREATE POLICY fleet_tenant ON %I FOR SELECT TO {{reader}}
      USING ((SELECT fleet_sees_all()) OR log_id IN (SELECT l.log_id FROM fasten_logs l))', by_log);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA {{schema}} TO {{reader}};
GRANT SELECT ON audit_log, sys_log, api_log, fasten_logs, fasten_checkpoints, fasten_expired, fasten_retention, fasten_stretches,
  fasten_meta, fasten_tables TO {{reader}};
GRANT EXECUTE ON FUNCTION fleet_tenants(), fleet_sees_all(), fleet_tenant_of(text) TO {{reader}};
