-- Rate, errors and durations, derived from the api and audit rows by a follower. Buckets of four widths: 1 minute, 2 hour, 3 day, 4 ever (whose time
-- is the epoch). All of them are moved in the transaction that moves the cursor, so a row is counted in each of them once or not at all.

-- Whoever locks a line counts that stream's next rows. Positions are given out under a lock that is held until commit, so nothing below a position that
-- is seen can still appear.
CREATE TABLE fleet_red_cursors (
  stream text PRIMARY KEY,
  position bigint NOT NULL DEFAULT 0,
  -- Rows that are in buckets; rows whose time cannot be read; rows older than the widest bucket that is kept.
  counted bigint NOT NULL DEFAULT 0,
  untimed bigint NOT NULL DEFAULT 0,
  too_late bigint NOT NULL DEFAULT 0,
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 10);
INSERT INTO fleet_red_cursors (stream) VALUES ('api'), ('audit');

-- What buckets of one width are complete from. Late rows before it are counted in wider ones only.
CREATE TABLE fleet_red_kept (tier smallint PRIMARY KEY, since timestamptz NOT NULL);
INSERT INTO fleet_red_kept (tier, since) VALUES (1, 'epoch'), (2, 'epoch'), (3, 'epoch');

-- Names are looked up by digest: they can be longer than what an index takes.
CREATE TABLE fleet_red_series (
  series_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  tenant text COLLATE "C" NOT NULL,
  service text COLLATE "C" NOT NULL,
  node text COLLATE "C" NOT NULL,
  route text COLLATE "C" NOT NULL,
  method text COLLATE "C" NOT NULL
);
CREATE TABLE fleet_red (
  tier smallint NOT NULL,
  at timestamptz NOT NULL,
  series_id bigint NOT NULL,
  -- 1 to 5; 0 where the row has no status of HTTP.
  status_class smallint NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  requests bigint NOT NULL,
  sum_us numeric NOT NULL,
  max_us bigint NOT NULL,
  -- Bins of durations (duration-sketch.ts).
  sketch bytea NOT NULL,
  -- {request_id, trace_id, duration_us, at}: the slowest, and the newest of the class 5.
  slowest jsonb,
  latest jsonb,
  PRIMARY KEY (tier, at, series_id, status_class)
) WITH (fillfactor = 70);

CREATE TABLE fleet_red_code_series (
  series_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  tenant text COLLATE "C" NOT NULL,
  service text COLLATE "C" NOT NULL,
  code text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL
);
CREATE TABLE fleet_red_codes (
  tier smallint NOT NULL,
  at timestamptz NOT NULL,
  series_id bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  rows bigint NOT NULL,
  PRIMARY KEY (tier, at, series_id)
) WITH (fillfactor = 70);

-- Names that a tenant has used on a day, as far as they are told apart, and how many of each kind.
CREATE TABLE fleet_red_names (
  day date NOT NULL,
  digest bytea NOT NULL,
  PRIMARY KEY (day, digest)
);
CREATE TABLE fleet_red_days (
  day date NOT NULL,
  tenant_digest bytea NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  routes int NOT NULL DEFAULT 0,
  places int NOT NULL DEFAULT 0,
  codes int NOT NULL DEFAULT 0,
  -- Rows that were counted under `other` because the day's names were used up.
  other bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (day, tenant_digest)
) WITH (fillfactor = 50);

-- Exemplars and names are a tenant's own. Whoever is bound to codes sees no numbers of everything.
DO $$
DECLARE
  bound text;
BEGIN
  FOREACH bound IN ARRAY ARRAY['fleet_red_series', 'fleet_red', 'fleet_red_code_series', 'fleet_red_codes', 'fleet_red_days'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', bound);
    EXECUTE format('CREATE POLICY fleet_tenant ON %I FOR SELECT TO {{reader}}
      USING ((SELECT fleet_sees_all()) OR tenant = ANY ((SELECT fleet_tenants())::text[]))', bound);
    EXECUTE format('CREATE POLICY fleet_code ON %I AS RESTRICTIVE FOR SELECT TO {{reader}}
      USING ((SELECT coalesce(current_setting(''fleet.codes'', true), '''')) = '''')', bound);
  END LOOP;
END $$;
GRANT SELECT ON fleet_red_series, fleet_red, fleet_red_code_series, fleet_red_codes, fleet_red_days, fleet_red_kept TO {{reader}};
