-- Sources that this fleet asks: where it is in each, and whose turn it is. By the clock of the database, which all servers share.

CREATE TABLE fleet_pulls (
  source_id text PRIMARY KEY REFERENCES fleet_sources,
  -- What was taken; moves in the transaction that stores the rows before it. Null: nothing was, or it begins again.
  cursor jsonb,
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Failures since the last success.
  failures integer NOT NULL DEFAULT 0,
  -- Drawn by the server that asks now; it is out of time when `leased_until` is over, and stores nothing once another has drawn.
  lease text,
  leased_until timestamptz
);
CREATE INDEX fleet_pulls_due ON fleet_pulls (due_at);
