-- Up Migration

-- World time is this server's clock and `offset_ms`: a clock that is set moves the offset, never world time, and the
-- offset then goes back to 0 at a bounded rate. `world_ms` was world time when the row was last written: it is never
-- earlier afterwards.
CREATE TABLE control.world_clock (
  only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  offset_ms double precision NOT NULL DEFAULT 0,
  world_ms  double precision NOT NULL DEFAULT 0,
  -- How often, when last (world time) and by how much this server's clock was set.
  steps     integer NOT NULL DEFAULT 0,
  stepped_ms double precision NOT NULL DEFAULT 0,
  step_ms   double precision NOT NULL DEFAULT 0
);
INSERT INTO control.world_clock DEFAULT VALUES;

REVOKE ALL ON control.world_clock FROM PUBLIC;
GRANT SELECT, UPDATE (offset_ms, world_ms, steps, stepped_ms, step_ms) ON control.world_clock TO hexhold_router;

-- Down Migration

DROP TABLE control.world_clock;
