-- What a reading session may see is no setting any more, whose length is bounded and which a statement could change, but a line in a table that only the owner
-- reads and writes. The session has the token of one line (`fleet.scope`); tokens come out of the fleet's secret, so nobody guesses that of another.
CREATE TABLE fleet_scopes (
  token_sha256 bytea PRIMARY KEY,
  every_tenant boolean NOT NULL,
  tenants text[] COLLATE "C" NOT NULL,
  -- Null: no bond to codes.
  codes text[] COLLATE "C",
  noted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A server from before this would see nothing, and take that for an answer: it is told instead.
CREATE FUNCTION fleet_scope() RETURNS fleet_scopes LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
  SET search_path = pg_catalog, {{schema}} AS $$
DECLARE
  token text := coalesce(current_setting('fleet.scope', true), '');
  found fleet_scopes;
BEGIN
  IF token = '' AND coalesce(current_setting('fleet.tenants', true), '') <> '' THEN
    RAISE EXCEPTION 'this server is older than its database: install the newer version' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT * INTO found FROM fleet_scopes s WHERE s.token_sha256 = sha256(convert_to(token, 'UTF8'));
  RETURN found;
END $$;
REVOKE ALL ON FUNCTION fleet_scope() FROM PUBLIC;

CREATE OR REPLACE FUNCTION fleet_tenants() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
  SET search_path = pg_catalog, {{schema}} AS $$ SELECT coalesce((fleet_scope()).tenants, '{}') $$;
CREATE OR REPLACE FUNCTION fleet_sees_all() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
  SET search_path = pg_catalog, {{schema}} AS $$ SELECT coalesce((fleet_scope()).every_tenant, false) $$;
CREATE OR REPLACE FUNCTION fleet_codes() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
  SET search_path = pg_catalog, {{schema}} AS $$ SELECT (fleet_scope()).codes $$;

-- These asked the setting themselves.
DO $$
DECLARE
  bound text;
BEGIN
  FOREACH bound IN ARRAY ARRAY['fleet_red_series', 'fleet_red', 'fleet_red_code_series', 'fleet_red_codes', 'fleet_red_days'] LOOP
    EXECUTE format('DROP POLICY fleet_code ON %I', bound);
    EXECUTE format('CREATE POLICY fleet_code ON %I AS RESTRICTIVE FOR SELECT TO {{reader}} USING ((SELECT fleet_codes()) IS NULL)', bound);
  END LOOP;
END $$;

-- Personal values stay at their nodes, and the fleet's own rows have none. Whoever reads is told so by the database and not by its refusal.
ALTER TABLE fasten_disclosures ENABLE ROW LEVEL SECURITY;
ALTER TABLE fasten_erased_keys ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON fasten_disclosures, fasten_erased_keys TO {{reader}};
