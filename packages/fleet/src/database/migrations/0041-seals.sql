-- Who may do what is believed only where the row bears a MAC under a key that comes out of the fleet's secret (database/seals). What is there
-- before this step is sealed in its transaction, once.
ALTER TABLE fleet_users ADD COLUMN seal bytea;
ALTER TABLE fleet_grants ADD COLUMN seal bytea;
ALTER TABLE fleet_api_keys ADD COLUMN seal bytea;
ALTER TABLE fleet_sessions ADD COLUMN seal bytea;
ALTER TABLE fleet_nodes ADD COLUMN seal bytea;
ALTER TABLE fleet_node_credentials ADD COLUMN seal bytea;
ALTER TABLE fleet_enrolment_tokens ADD COLUMN seal bytea;
