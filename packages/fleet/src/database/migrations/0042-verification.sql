-- How far the fleet has verified each of its logs, and what it found. `seal` is a MAC under the fleet's secret: whoever moves the place ahead begins
-- the log anew. Whoever verifies a log holds its line's lock.
CREATE TABLE fleet_verification (
  log text COLLATE "C" PRIMARY KEY,
  state jsonb,
  seal text,
  looked_at timestamptz
);
CREATE INDEX fleet_verification_looked ON fleet_verification (looked_at NULLS FIRST);
