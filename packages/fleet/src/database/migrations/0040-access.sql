-- Who may ask this fleet, and what. Nothing here is granted to the reading role: names of users say which tenants exist.

CREATE TABLE fleet_users (
  user_id text PRIMARY KEY,
  -- As `actor` of rows spells it, `user:<name>`; given once and never changed, so that a row always means the same person.
  name text NOT NULL,
  -- Where an identity provider vouches for the user: who it is there.
  issuer text,
  subject text,
  -- Where this fleet does: argon2id in PHC form.
  password text,
  password_must_change boolean NOT NULL DEFAULT false,
  -- As the identity provider said at the last login.
  groups text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  last_login_at timestamptz,
  locked_at timestamptz,
  CHECK ((issuer IS NULL) = (subject IS NULL)),
  CHECK ((issuer IS NULL) = (password IS NOT NULL)),
  UNIQUE (issuer, subject)
);
CREATE UNIQUE INDEX fleet_users_name ON fleet_users (lower(name));

CREATE TABLE fleet_grants (
  grant_id text PRIMARY KEY,
  user_id text REFERENCES fleet_users,
  group_name text,
  role text NOT NULL CHECK (role IN ('viewer', 'auditor', 'operator', 'admin')),
  -- NULL is all of them.
  tenants text[],
  codes text[],
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  revoked_by text,
  CHECK ((user_id IS NULL) <> (group_name IS NULL)),
  -- An audit ends.
  CHECK (role <> 'auditor' OR expires_at IS NOT NULL)
);
CREATE INDEX fleet_grants_user ON fleet_grants (user_id) WHERE revoked_at IS NULL;
CREATE INDEX fleet_grants_group ON fleet_grants (group_name) WHERE revoked_at IS NULL;

CREATE TABLE fleet_api_keys (
  -- The part of a key that is no secret, by which it is found.
  prefix text PRIMARY KEY,
  secret_sha256 bytea NOT NULL,
  name text NOT NULL,
  -- Whose rights bound it at every use; NULL for a key that was made on the machine itself.
  user_id text REFERENCES fleet_users,
  permissions text[] NOT NULL,
  tenants text[],
  codes text[],
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  -- To the minute.
  last_used_at timestamptz,
  revoked_at timestamptz,
  revoked_by text
);
CREATE INDEX fleet_api_keys_user ON fleet_api_keys (user_id);

CREATE TABLE fleet_sessions (
  -- Names the session in rows and lists; opens nothing.
  session_id text PRIMARY KEY,
  token_sha256 bytea NOT NULL UNIQUE,
  user_id text NOT NULL REFERENCES fleet_users,
  auth_method text NOT NULL,
  created_at timestamptz NOT NULL,
  -- To the minute.
  last_seen_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  address text,
  user_agent text,
  ended_at timestamptz,
  ended_by text
);
CREATE INDEX fleet_sessions_user ON fleet_sessions (user_id) WHERE ended_at IS NULL;

-- Guesses at passwords, counted for all servers together: by account, known or not, and by address. Keys are MACs, because people type
-- passwords where their name belongs.
CREATE TABLE fleet_login_attempts (
  key text PRIMARY KEY,
  failures integer NOT NULL,
  last_at timestamptz NOT NULL
);
