-- Up Migration

-- The one setting of a world that changes: the format is raised, by an operator, and never lowered. Routers may insert
-- settings and change none, so they raise it by this function alone.
CREATE FUNCTION control.raise_world_format(format integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$
  UPDATE control.world_setting SET value = format::text, set_at = clock_timestamp()
  WHERE key = 'world_format' AND value::integer < format
$$;
REVOKE ALL ON FUNCTION control.raise_world_format(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION control.raise_world_format(integer) TO hexhold_router;

-- Down Migration

DROP FUNCTION control.raise_world_format(integer);
