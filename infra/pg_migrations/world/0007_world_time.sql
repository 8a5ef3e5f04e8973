-- Up Migration

-- `prune_days` by world time, too: a clock of this server that was set forward prunes nothing. The one without it stays
-- for workers of the release before.
CREATE FUNCTION world.prune_days(p_retention_hours integer, p_world_ms double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  dropped integer := 0;
  child record;
  floor_now world.prune_floor;
  -- Two clocks must agree that it is time: one of them may have been set.
  moment timestamptz := least(clock_timestamp(), to_timestamp(p_world_ms / 1000));
  wanted date := (moment AT TIME ZONE 'UTC' - make_interval(hours => p_retention_hours))::date;
  behind boolean;
BEGIN
  IF p_retention_hours < 24 THEN
    RAISE EXCEPTION 'retention must be at least 24 hours, not %', p_retention_hours;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('world.make_days'));
  SELECT * INTO floor_now FROM world.prune_floor FOR UPDATE;
  IF floor_now.raised_at < moment - interval '1 hour' THEN
    FOR child IN
      SELECT c.relname, p.relname AS parent, to_date(right(c.relname, 8), 'YYYYMMDD') AS of_day
      FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid
      JOIN pg_class p ON p.oid = i.inhparent
      WHERE p.relnamespace = 'world'::regnamespace AND p.relname IN ('command_result', 'outbox')
        AND c.relname ~ '_[0-9]{8}$'
    LOOP
      CONTINUE WHEN child.of_day >= floor_now.floor;
      IF child.parent = 'outbox' THEN
        EXECUTE format(
          'SELECT EXISTS (SELECT 1 FROM world.%I o LEFT JOIN world.outbox_lane l
             USING (slot, destination) WHERE o.position > coalesce(l.position, 0))', child.relname)
          INTO behind;
        CONTINUE WHEN behind;
      END IF;
      EXECUTE format('DROP TABLE world.%I', child.relname);
      dropped := dropped + 1;
    END LOOP;
  END IF;
  DELETE FROM world.suspect_attempt WHERE noted_at < moment - interval '1 day';
  UPDATE world.prune_floor SET floor = wanted, raised_at = moment WHERE floor < wanted;
  RETURN dropped;
END $$;

REVOKE ALL ON FUNCTION world.prune_days(integer, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION world.prune_days(integer, double precision) TO hexhold_worker;

-- Down Migration

DROP FUNCTION world.prune_days(integer, double precision);
