-- When somebody wanted the node to change its credential; over once one that was made later is in use.

ALTER TABLE fleet_nodes ADD COLUMN rotation_asked_at timestamptz;
