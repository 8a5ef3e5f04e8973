-- Up Migration

-- Schema of the accounts service. PostgreSQL >= 15. Roles are made by `hexctl migrate` before any migration runs.

CREATE SCHEMA IF NOT EXISTS accounts;

CREATE TABLE accounts.account (
  account_id     uuid PRIMARY KEY,
  name           text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{2,23}$'),
  -- PHC string. The password itself is nowhere.
  password_hash  text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- NULL = not banned, infinity = for ever.
  banned_until   timestamptz,
  ban_reason     text NOT NULL DEFAULT '',
  ban_changed_at timestamptz,
  -- Hex where the player was last known to live; NULL until it has been brought into the world.
  hex_id         bigint,
  layer_id       bigint,
  -- Number of the transfer by which it came there; 0 = birth.
  transfers      bigint NOT NULL DEFAULT 0,
  CHECK ((hex_id IS NULL) = (layer_id IS NULL))
);
CREATE UNIQUE INDEX account_name ON accounts.account (lower(name));
CREATE INDEX account_ban ON accounts.account (ban_changed_at) WHERE ban_changed_at IS NOT NULL;

-- A login: what begins with name and password and goes on from one refresh token to the next (their family).
CREATE TABLE accounts.login (
  login_id   uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts.account,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at   timestamptz,
  end_reason text CHECK (end_reason IN ('logged-out', 'token-reused', 'too-many')),
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX login_open ON accounts.login (account_id, login_id) WHERE ended_at IS NULL;
CREATE INDEX login_ended ON accounts.login (ended_at) WHERE ended_at IS NOT NULL;

-- Refresh tokens, by their SHA-256 only. A used one is kept until it would have expired: it tells of a theft.
CREATE TABLE accounts.refresh_token (
  token_hash   bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
  login_id     uuid NOT NULL REFERENCES accounts.login ON DELETE CASCADE,
  issued_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at   timestamptz NOT NULL,
  used_at      timestamptz,
  -- Request under which it was used: a repetition of that is no theft.
  used_request uuid,
  CHECK ((used_at IS NULL) = (used_request IS NULL))
);
CREATE INDEX refresh_token_login ON accounts.refresh_token (login_id);
CREATE INDEX refresh_token_expiry ON accounts.refresh_token (expires_at);

-- Accounts whose player is still to be brought into the world. One request id until its outcome is certain.
CREATE TABLE accounts.spawn_duty (
  account_id  uuid PRIMARY KEY REFERENCES accounts.account,
  request_id  uuid NOT NULL,
  hex_id      bigint NOT NULL,
  layer_id    bigint NOT NULL,
  -- Hexes that were full.
  hexes_full  integer NOT NULL DEFAULT 0,
  -- Nobody else sends it before this.
  next_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX spawn_duty_next ON accounts.spawn_duty (next_at);

REVOKE ALL ON ALL TABLES IN SCHEMA accounts FROM PUBLIC;
GRANT USAGE ON SCHEMA accounts TO hexhold_accounts;
GRANT SELECT ON accounts.schema_migration TO hexhold_accounts;
-- An account is never deleted by the service; its name and birth never change.
GRANT SELECT, INSERT, UPDATE (password_hash, banned_until, ban_reason, ban_changed_at, hex_id, layer_id, transfers)
  ON accounts.account TO hexhold_accounts;
GRANT SELECT, INSERT, UPDATE (ended_at, end_reason), DELETE ON accounts.login TO hexhold_accounts;
GRANT SELECT, INSERT, UPDATE (used_at, used_request), DELETE ON accounts.refresh_token TO hexhold_accounts;
GRANT SELECT, INSERT, UPDATE (request_id, hex_id, layer_id, hexes_full, next_at), DELETE
  ON accounts.spawn_duty TO hexhold_accounts;

-- Down Migration

DROP SCHEMA accounts CASCADE;
