-- Which sources there are, and what opens them, is believed only where the row bears a MAC under a key that comes out of the fleet's secret (database/seals).
ALTER TABLE fleet_sources ADD COLUMN seal bytea;
ALTER TABLE fleet_source_credentials ADD COLUMN seal bytea;
