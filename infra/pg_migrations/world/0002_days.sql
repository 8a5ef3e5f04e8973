-- Up Migration

-- Results and outbox rows are kept by day: days are made ahead and dropped whole.

-- Makes the daily partitions of today (UTC) and `p_ahead` days after it. Safe to run at any time, by many.
CREATE FUNCTION world.make_days(p_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  made integer := 0;
  of_table text;
  of_day date;
  name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('world.make_days'));
  FOREACH of_table IN ARRAY ARRAY['command_result', 'outbox'] LOOP
    FOR of_day IN
      SELECT d::date FROM generate_series(
        (clock_timestamp() AT TIME ZONE 'UTC')::date - 1,
        (clock_timestamp() AT TIME ZONE 'UTC')::date + p_ahead, interval '1 day') AS d
    LOOP
      name := of_table || '_' || to_char(of_day, 'YYYYMMDD');
      IF to_regclass('world.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE world.%I PARTITION OF world.%I FOR VALUES FROM (%L) TO (%L)',
                       name, of_table, of_day, of_day + 1);
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;

-- Raises the prune floor to keep `p_retention_hours`, and drops the days below a floor that was raised at
-- least an hour ago: results whole, outbox days only when every lane is past them. Returns days dropped.
CREATE FUNCTION world.prune_days(p_retention_hours integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  dropped integer := 0;
  child record;
  floor_now world.prune_floor;
  wanted date := (clock_timestamp() AT TIME ZONE 'UTC' - make_interval(hours => p_retention_hours))::date;
  behind boolean;
BEGIN
  IF p_retention_hours < 24 THEN
    RAISE EXCEPTION 'retention must be at least 24 hours, not %', p_retention_hours;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('world.make_days'));
  SELECT * INTO floor_now FROM world.prune_floor FOR UPDATE;
  IF floor_now.raised_at < clock_timestamp() - interval '1 hour' THEN
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
  DELETE FROM world.suspect_attempt WHERE noted_at < clock_timestamp() - interval '1 day';
  UPDATE world.prune_floor SET floor = wanted, raised_at = clock_timestamp() WHERE floor < wanted;
  RETURN dropped;
END $$;

SELECT world.make_days(7);

REVOKE ALL ON FUNCTION world.make_days(integer), world.prune_days(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION world.make_days(integer), world.prune_days(integer) TO hexhold_worker;

-- Down Migration

DROP FUNCTION world.make_days(integer), world.prune_days(integer);
