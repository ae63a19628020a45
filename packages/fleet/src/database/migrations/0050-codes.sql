-- Rows by code: a session may be bound to some codes besides its tenants. It then sees audit rows of these codes and nothing of the other
-- streams. Policies that restrict are joined by AND with those that permit (0001), so neither can widen the other.

-- What a session was given at its start, out of a credential: a JSON list of codes, each whole or a beginning that ends in `*`. Nothing set
-- is no bond; an empty list shows nothing, and what is no list fails the statement instead of showing rows.
CREATE FUNCTION fleet_codes() RETURNS text[] LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = pg_catalog AS $$
DECLARE
  given text := current_setting('fleet.codes', true);
BEGIN
  IF given IS NULL OR given = '' THEN RETURN NULL; END IF;
  RETURN ARRAY(SELECT json_array_elements_text(given::json));
END $$;

CREATE FUNCTION fleet_is_code(code text, codes text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
  SET search_path = pg_catalog AS $$
  SELECT coalesce(code, '') = ANY (codes) OR EXISTS (
    SELECT FROM unnest(codes) AS c (wanted) WHERE right(wanted, 1) = '*' AND starts_with(coalesce(code, ''), left(wanted, -1)))
$$;

CREATE POLICY fleet_code ON audit_log AS RESTRICTIVE FOR SELECT TO {{reader}}
  USING ((SELECT fleet_codes()) IS NULL OR fleet_is_code(code, (SELECT fleet_codes())));
CREATE POLICY fleet_code ON sys_log AS RESTRICTIVE FOR SELECT TO {{reader}} USING ((SELECT fleet_codes()) IS NULL);
CREATE POLICY fleet_code ON api_log AS RESTRICTIVE FOR SELECT TO {{reader}} USING ((SELECT fleet_codes()) IS NULL);

GRANT EXECUTE ON FUNCTION fleet_codes(), fleet_is_code(text, text[]) TO {{reader}};

-- Which rows these rows caused, among those that the session may see. The index for it reads the leaf with functions that are not leakproof,
-- which no plan may use below row-level security; so this runs as the owner and holds to the tenants and codes itself.
CREATE FUNCTION fleet_effects(causes text[]) RETURNS TABLE (stream text, first_at text, last_at text, effects bigint)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = {{schema}}, pg_catalog AS $$
DECLARE
  tenants text[] := fleet_tenants();
  every_tenant boolean := fleet_sees_all();
  codes text[] := fleet_codes();
BEGIN
  RETURN QUERY SELECT 'audit', min(a."timestamp"), max(a."timestamp"), count(*) FROM audit_log a
    WHERE strpos(a.leaf, '"caused_by":') > 0 AND substring(a.leaf from '"caused_by":"(evt-[0-9A-Za-z]{1,32})"') = ANY (causes)
      AND (every_tenant OR coalesce(a.tenant_id, '_') = ANY (tenants)) AND (codes IS NULL OR fleet_is_code(a.code, codes));
  IF codes IS NOT NULL THEN RETURN; END IF;
  RETURN QUERY SELECT 'sys', min(s."timestamp"), max(s."timestamp"), count(*) FROM sys_log s
    WHERE strpos(s.leaf, '"caused_by":') > 0 AND substring(s.leaf from '"caused_by":"(evt-[0-9A-Za-z]{1,32})"') = ANY (causes)
      AND (every_tenant OR coalesce(s.tenant_id, '_') = ANY (tenants));
  RETURN QUERY SELECT 'api', min(p."timestamp"), max(p."timestamp"), count(*) FROM api_log p
    WHERE strpos(p.leaf, '"caused_by":') > 0 AND substring(p.leaf from '"caused_by":"(evt-[0-9A-Za-z]{1,32})"') = ANY (causes)
      AND (every_tenant OR coalesce(p.tenant_id, '_') = ANY (tenants));
END $$;
REVOKE ALL ON FUNCTION fleet_effects(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fleet_effects(text[]) TO {{reader}};
