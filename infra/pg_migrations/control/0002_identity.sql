-- Up Migration

-- Who this world is. Drawn at its birth; what is kept elsewhere (snapshots, leases, broker, status file) names both.
-- history_id changes when an operator says that the world goes on from an earlier moment (`hexctl history begin`).
CREATE TABLE control.world (
  only_row         boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  world_id         uuid NOT NULL DEFAULT gen_random_uuid(),
  history_id       uuid NOT NULL DEFAULT gen_random_uuid(),
  born_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  history_began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO control.world DEFAULT VALUES;

REVOKE ALL ON control.world FROM PUBLIC;
GRANT SELECT ON control.world TO hexhold_router, hexhold_readonly;
GRANT USAGE ON SCHEMA control TO hexhold_readonly;

-- Down Migration

REVOKE USAGE ON SCHEMA control FROM hexhold_readonly;
DROP TABLE control.world;
