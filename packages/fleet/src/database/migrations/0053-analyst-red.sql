-- What the metrics have counted, for questions in SQL: by minute, hour and day, of the tenants of the session, as the rows themselves (0051). Who is bound to
-- codes sees none of it. Sketches and exemplars are for the metrics' own answers.
DO $$
DECLARE
  bound text;
BEGIN
  FOREACH bound IN ARRAY ARRAY['fleet_red_series', 'fleet_red', 'fleet_red_code_series', 'fleet_red_codes'] LOOP
    EXECUTE format('CREATE POLICY fleet_analyst ON %I FOR SELECT TO {{analyst}}
      USING ((SELECT fleet_analyst_sees_all()) OR tenant = ANY ((SELECT fleet_analyst_tenants())::text[]))', bound);
    EXECUTE format('CREATE POLICY fleet_analyst_code ON %I AS RESTRICTIVE FOR SELECT TO {{analyst}}
      USING ((SELECT fleet_analyst_codes()) IS NULL)', bound);
  END LOOP;
END $$;

-- `width` says how long the bucket is that begins at `at`. The same accesses are in a bucket of each width: choose one.
CREATE VIEW red_requests WITH (security_invoker = true) AS
  SELECT CASE f.tier WHEN 1 THEN 'minute' WHEN 2 THEN 'hour' WHEN 3 THEN 'day' END AS width, f.at, f.tenant, s.service, s.node, s.route, s.method,
    f.status_class, f.requests, f.sum_us, f.max_us
  FROM fleet_red f JOIN fleet_red_series s USING (series_id) WHERE f.tier < 4;
CREATE VIEW red_codes WITH (security_invoker = true) AS
  SELECT CASE f.tier WHEN 1 THEN 'minute' WHEN 2 THEN 'hour' WHEN 3 THEN 'day' END AS width, f.at, f.tenant, s.service, s.code, s.outcome, f.rows
  FROM fleet_red_codes f JOIN fleet_red_code_series s USING (series_id) WHERE f.tier < 4;

GRANT SELECT ON red_requests, red_codes TO {{analyst}};
GRANT SELECT (tier, at, series_id, status_class, tenant, requests, sum_us, max_us) ON fleet_red TO {{analyst}};
GRANT SELECT (series_id, tenant, service, node, route, method) ON fleet_red_series TO {{analyst}};
GRANT SELECT (tier, at, series_id, tenant, rows) ON fleet_red_codes TO {{analyst}};
GRANT SELECT (series_id, tenant, service, code, outcome) ON fleet_red_code_series TO {{analyst}};
