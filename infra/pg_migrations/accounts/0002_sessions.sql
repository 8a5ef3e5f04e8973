-- Up Migration

-- Sessions of players as gateways tell of them, and players whose sessions are all gone.

-- An incarnation of a gateway: one life of its process.
CREATE TABLE accounts.gateway (
  gateway_id uuid PRIMARY KEY,
  instance   text NOT NULL,
  -- Of the last report that was taken; 0 = none.
  number     bigint NOT NULL DEFAULT 0,
  -- Report with which the list under way began; NULL = there is none.
  list_from  bigint,
  heard_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX gateway_heard ON accounts.gateway (heard_at);

CREATE TABLE accounts.session (
  gateway_id uuid NOT NULL REFERENCES accounts.gateway,
  session_id uuid NOT NULL,
  account_id uuid NOT NULL,
  -- Report that named it last.
  number     bigint NOT NULL,
  -- Where the player lived, as far as the gateway had heard.
  hex_id     bigint,
  layer_id   bigint,
  PRIMARY KEY (gateway_id, session_id),
  CHECK ((hex_id IS NULL) = (layer_id IS NULL))
);
CREATE INDEX session_account ON accounts.session (account_id);

-- Accounts with a session, and those without whose player may still be online: these are due at `next_at`.
-- Not only accounts of this schema: in development the host mints players.
CREATE TABLE accounts.presence (
  account_id     uuid PRIMARY KEY,
  -- The newest of its sessions that is known.
  newest_session uuid NOT NULL,
  hex_id         bigint,
  layer_id       bigint,
  -- NULL = it has a session.
  gone_at        timestamptz,
  next_at        timestamptz,
  -- One until its outcome is certain; NULL = nothing was sent yet.
  request_id     uuid,
  -- Times that its player was not found where it was looked for.
  tries          integer NOT NULL DEFAULT 0,
  CHECK ((hex_id IS NULL) = (layer_id IS NULL)),
  CHECK ((gone_at IS NULL) = (next_at IS NULL)),
  CHECK (gone_at IS NOT NULL OR request_id IS NULL)
);
CREATE INDEX presence_next ON accounts.presence (next_at) WHERE next_at IS NOT NULL;

-- Who was left online before sessions were known goes offline too, unless a gateway names a session of it within five
-- minutes; two hundred a second, so that nobody notices.
INSERT INTO accounts.presence (account_id, newest_session, gone_at, next_at)
SELECT account_id, '00000000-0000-0000-0000-000000000000', clock_timestamp(),
       clock_timestamp() + interval '5 minutes' + row_number() OVER (ORDER BY account_id) * interval '5 milliseconds'
FROM accounts.account WHERE hex_id IS NOT NULL;

REVOKE ALL ON accounts.gateway, accounts.session, accounts.presence FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE (number, list_from, heard_at), DELETE ON accounts.gateway TO hexhold_accounts;
GRANT SELECT, INSERT, UPDATE (number, hex_id, layer_id), DELETE ON accounts.session TO hexhold_accounts;
GRANT SELECT, INSERT, UPDATE (newest_session, hex_id, layer_id, gone_at, next_at, request_id, tries), DELETE
  ON accounts.presence TO hexhold_accounts;

-- Down Migration

DROP TABLE accounts.presence, accounts.session, accounts.gateway;
