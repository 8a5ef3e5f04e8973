-- Up Migration

-- Schema of the router. PostgreSQL >= 15. Roles are made by `hexctl migrate` before any migration runs.

CREATE SCHEMA IF NOT EXISTS control;

-- What must be equal across a cluster, compared at every start. Written at the first start of a world;
-- only world_format is ever raised, by an operator.
CREATE TABLE control.world_setting (
  key    text PRIMARY KEY,
  value  text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which router leads: who holds the advisory lock. For operators, and to tell a frozen one by its silence.
CREATE TABLE control.router_leader (
  only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  instance    text NOT NULL,
  backend_pid integer NOT NULL,
  heard_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Version of the route table: raised in the transaction that changes it, never lowered. One row.
CREATE TABLE control.route_counter (
  id      boolean PRIMARY KEY DEFAULT true CHECK (id),
  version bigint NOT NULL
);
INSERT INTO control.route_counter (version) VALUES (1);

CREATE FUNCTION control.next_route_version() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE control.route_counter SET version = version + 1 RETURNING version
$$;

-- Commands that no attempt could decide. event_id is the inbox: a letter that comes again changes nothing.
CREATE TABLE control.dead_letter (
  event_id        uuid PRIMARY KEY,
  -- When the worker gave up.
  dead_at         timestamptz NOT NULL,
  received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  slot            text NOT NULL,
  worker          text NOT NULL,
  -- The command, as far as its envelope could be read.
  type            text NOT NULL DEFAULT '',
  message_version integer NOT NULL DEFAULT 0,
  hex_id          bigint,
  layer_id        bigint,
  request_id      uuid,
  account_id      uuid,
  traceparent     text NOT NULL DEFAULT '',
  envelope        bytea NOT NULL,
  error           text NOT NULL,
  attempts        integer NOT NULL,
  -- What an operator did with it.
  state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'replayed', 'discarded')),
  resolved_at     timestamptz,
  CHECK ((state = 'waiting') = (resolved_at IS NULL))
);
-- The list of what waits, newest first; letters of an (account, type) within an hour.
CREATE INDEX dead_letter_waiting ON control.dead_letter (dead_at DESC) WHERE state = 'waiting';
CREATE INDEX dead_letter_account ON control.dead_letter (account_id, type, dead_at)
  WHERE account_id IS NOT NULL;

REVOKE ALL ON ALL TABLES IN SCHEMA control FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA control FROM PUBLIC;
GRANT USAGE ON SCHEMA control TO hexhold_router;
GRANT SELECT, INSERT ON control.world_setting TO hexhold_router;
GRANT SELECT, INSERT, UPDATE ON control.router_leader TO hexhold_router;
GRANT SELECT ON control.route_counter, control.schema_migration TO hexhold_router;
GRANT EXECUTE ON FUNCTION control.next_route_version() TO hexhold_router;
-- A letter is never deleted by a service, and only what became of it is ever changed.
GRANT SELECT, INSERT, UPDATE (state, resolved_at) ON control.dead_letter TO hexhold_router;

-- Down Migration

DROP SCHEMA control CASCADE;
