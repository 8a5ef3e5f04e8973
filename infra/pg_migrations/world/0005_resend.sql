-- Up Migration

-- What the broker has confirmed has not had its effect yet: when its queues are lost, lanes begin again at the oldest
-- row that is kept, and receivers, who know event ids, drop what they have.

-- How often the lane was set back; a position that was confirmed before that no longer moves it.
ALTER TABLE world.outbox_lane ADD COLUMN resends bigint NOT NULL DEFAULT 0;

-- Raised with each resend, so that owners of slots read their lanes again.
CREATE TABLE world.resend (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  number   bigint NOT NULL DEFAULT 0,
  why      text NOT NULL DEFAULT '',
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO world.resend DEFAULT VALUES;

-- Sets back the lanes to `p_destinations`, all of them when it is NULL; returns how many rows will be sent again.
CREATE FUNCTION world.resend_lanes(p_destinations text[], p_why text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  again bigint;
BEGIN
  UPDATE world.resend SET number = number + 1, why = left(p_why, 200), asked_at = clock_timestamp();
  SELECT count(*) INTO again FROM world.outbox o
    WHERE p_destinations IS NULL OR o.destination = ANY (p_destinations);
  INSERT INTO world.outbox_lane AS lane (slot, destination, position, resends)
  SELECT DISTINCT o.slot, o.destination, 0::bigint, 1::bigint FROM world.outbox o
    WHERE p_destinations IS NULL OR o.destination = ANY (p_destinations)
  ON CONFLICT (slot, destination) DO UPDATE SET position = 0, resends = lane.resends + 1;
  RETURN again;
END $$;

-- As before, for lanes that were set back as often as the caller knows.
CREATE FUNCTION world.advance_lane(
  p_slot text, p_destinations text[], p_positions bigint[], p_resends bigint[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO world.outbox_lane AS lane (slot, destination, position, resends)
  SELECT p_slot, l.destination, l.position, l.resends
  FROM unnest(p_destinations, p_positions, p_resends) AS l(destination, position, resends)
  ON CONFLICT (slot, destination) DO UPDATE SET position = excluded.position
  WHERE lane.position < excluded.position AND lane.resends = excluded.resends
$$;
-- Of workers that know nothing of resends.
CREATE OR REPLACE FUNCTION world.advance_lane(p_slot text, p_destinations text[], p_positions bigint[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT world.advance_lane(p_slot, p_destinations, p_positions,
                            array_fill(0::bigint, ARRAY[cardinality(p_positions)]))
$$;

REVOKE ALL ON world.resend FROM PUBLIC;
REVOKE ALL ON FUNCTION world.resend_lanes(text[], text),
  world.advance_lane(text, text[], bigint[], bigint[]) FROM PUBLIC;
GRANT SELECT ON world.resend TO hexhold_worker, hexhold_readonly;
GRANT EXECUTE ON FUNCTION world.advance_lane(text, text[], bigint[], bigint[]) TO hexhold_worker;
GRANT EXECUTE ON FUNCTION world.resend_lanes(text[], text) TO hexhold_router;

-- Down Migration

DROP FUNCTION world.resend_lanes(text[], text);
CREATE OR REPLACE FUNCTION world.advance_lane(p_slot text, p_destinations text[], p_positions bigint[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO world.outbox_lane AS lane (slot, destination, position)
  SELECT p_slot, l.destination, l.position FROM unnest(p_destinations, p_positions) AS l(destination, position)
  ON CONFLICT (slot, destination) DO UPDATE SET position = excluded.position
  WHERE lane.position < excluded.position
$$;
DROP FUNCTION world.advance_lane(text, text[], bigint[], bigint[]);
DROP TABLE world.resend;
ALTER TABLE world.outbox_lane DROP COLUMN resends;
