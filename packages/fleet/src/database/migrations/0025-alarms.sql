-- What needs a person, and who was told. Nothing is granted to the reading role.

CREATE TABLE fleet_alarms (
  alarm_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL,
  -- What it is about: a node, or a node's log.
  subject text COLLATE "C" NOT NULL,
  node_id text REFERENCES fleet_nodes,
  -- Whose things it names; NULL for those of the whole fleet.
  tenants text[] COLLATE "C",
  raised_at timestamptz NOT NULL,
  detail jsonb NOT NULL,
  cleared_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text,
  note text
);
-- However many servers find the same, it is raised once.
CREATE UNIQUE INDEX fleet_alarms_open ON fleet_alarms (kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX fleet_alarms_node ON fleet_alarms (node_id) WHERE cleared_at IS NULL;

-- One line for each alarm, event and channel, until it was told.
CREATE TABLE fleet_alarm_deliveries (
  delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alarm_id bigint NOT NULL REFERENCES fleet_alarms,
  event text NOT NULL CHECK (event IN ('raised', 'cleared')),
  channel text NOT NULL,
  made_at timestamptz NOT NULL,
  -- Not before; whoever tries moves it ahead first, so that another server tries when this one dies of it.
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  delivered_at timestamptz,
  given_up_at timestamptz,
  UNIQUE (alarm_id, event, channel)
);
CREATE INDEX fleet_alarm_deliveries_due ON fleet_alarm_deliveries (due_at)
  WHERE delivered_at IS NULL AND given_up_at IS NULL;

-- Rows of a log that no checkpoint covers: it had this many at that time, and a checkpoint of so many has not come since.
CREATE TABLE fleet_unanchored (
  log text COLLATE "C" PRIMARY KEY,
  size bigint NOT NULL,
  since timestamptz NOT NULL
);

-- Whoever looks after the nodes holds this line's lock while it does.
CREATE TABLE fleet_watch (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  at timestamptz,
  -- Since when somebody has looked without a longer pause. Nobody was silent before that: perhaps nobody listened.
  since timestamptz
);
INSERT INTO fleet_watch DEFAULT VALUES;
