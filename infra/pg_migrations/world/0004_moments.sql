-- Up Migration

-- A database may come back from an earlier moment: a backup that was restored, a volume that was rolled back, a
-- standby that was promoted before it had everything. What was minted after that moment must not be minted again.

-- How the running database is known: a start of the server, and a database or a table that was made anew under a
-- running server, give it another mark. `life` only grows, as far as the clock does.
CREATE TABLE world.database_life (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  mark     text NOT NULL,
  life     bigint NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO world.database_life (mark, life) VALUES ('', 0);

-- The life of the running database. In the first call after a change of its mark a new life begins: epochs go on
-- above the milliseconds of the clock, and positions of the outbox above its microseconds. So one that was drawn after
-- the moment from which the database came back is not drawn again; a thousand takes, or a million rows, a second
-- would be needed to catch up with the clock.
CREATE FUNCTION world.current_life() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  mark_now text := concat_ws(' ',
    extract(epoch FROM pg_postmaster_start_time()),
    (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
    'world.slot'::regclass::oid);
  life_now bigint;
BEGIN
  SELECT l.life INTO life_now FROM world.database_life l WHERE l.mark = mark_now;
  IF FOUND THEN
    RETURN life_now;
  END IF;
  PERFORM 1 FROM world.database_life FOR UPDATE;
  SELECT l.life INTO life_now FROM world.database_life l WHERE l.mark = mark_now;
  IF FOUND THEN
    RETURN life_now;
  END IF;
  life_now := greatest((SELECT l.life FROM world.database_life l) + 1,
                    (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
  UPDATE world.database_life SET mark = mark_now, life = life_now, begun_at = clock_timestamp();
  PERFORM setval('world.epoch', greatest((SELECT s.last_value FROM world.epoch s), life_now));
  PERFORM setval('world.outbox_position',
                 greatest((SELECT s.last_value FROM world.outbox_position s), life_now * 1000));
  RETURN life_now;
END $$;

-- As before, and `life`: an owner whose last epoch is of another life knows nothing any more, since what it
-- remembers may be of a moment that this database has not seen.
DROP FUNCTION world.take_slot(text, bigint, text);
CREATE FUNCTION world.take_slot(p_slot text, p_expected_epoch bigint, p_owner text)
RETURNS TABLE (epoch bigint, clean boolean, life bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was_released boolean;
  life_now bigint := world.current_life();
BEGIN
  IF p_expected_epoch = 0 THEN
    RETURN QUERY
      INSERT INTO world.slot AS s (slot, epoch, owner)
      VALUES (p_slot, nextval('world.epoch'), p_owner)
      ON CONFLICT (slot) DO NOTHING
      RETURNING s.epoch, true, life_now;
    RETURN;
  END IF;
  SELECT s.released INTO was_released FROM world.slot s
    WHERE s.slot = p_slot AND s.epoch = p_expected_epoch FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY
    UPDATE world.slot AS s
    SET epoch = nextval('world.epoch'), owner = p_owner, released = false, taken_at = clock_timestamp()
    WHERE s.slot = p_slot AND s.epoch = p_expected_epoch
    RETURNING s.epoch, was_released, life_now;
END $$;

-- A snapshot names the last event that is in it: it counts only if the journal has just that event at its version.
ALTER TABLE world.snapshot ADD COLUMN last_event_id uuid;

CREATE FUNCTION world.save_snapshots(
  s_bucket smallint[], s_hex bigint[], s_layer bigint[], s_epoch bigint[], s_version bigint[],
  s_volatile_count bigint[], s_state_format integer[], s_durable bytea[], s_durable_hash bytea[],
  s_volatile bytea[], s_readable text[], s_last_event_id uuid[]
) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH written AS (
    INSERT INTO world.snapshot AS old (
      bucket, hex_id, layer_id, epoch, hex_version, volatile_count, state_format, durable,
      durable_hash, volatile, readable, last_event_id)
    SELECT s.bucket, s.hex_id, s.layer_id, s.epoch, s.hex_version, s.volatile_count, s.state_format,
           s.durable, s.durable_hash, s.volatile, s.readable::jsonb, s.last_event_id
    FROM unnest(s_bucket, s_hex, s_layer, s_epoch, s_version, s_volatile_count, s_state_format,
                s_durable, s_durable_hash, s_volatile, s_readable, s_last_event_id)
      AS s(bucket, hex_id, layer_id, epoch, hex_version, volatile_count, state_format,
           durable, durable_hash, volatile, readable, last_event_id)
    ON CONFLICT (bucket, hex_id, layer_id) DO UPDATE
    SET epoch = excluded.epoch, hex_version = excluded.hex_version,
        volatile_count = excluded.volatile_count, state_format = excluded.state_format,
        durable = excluded.durable, durable_hash = excluded.durable_hash,
        volatile = excluded.volatile, readable = excluded.readable,
        last_event_id = excluded.last_event_id, updated_at = clock_timestamp()
    WHERE (old.epoch, old.hex_version, old.volatile_count)
        < (excluded.epoch, excluded.hex_version, excluded.volatile_count)
    RETURNING 1
  )
  SELECT count(*)::integer FROM written
$$;

REVOKE ALL ON world.database_life FROM PUBLIC;
REVOKE ALL ON FUNCTION world.current_life(), world.take_slot(text, bigint, text),
  world.save_snapshots(
    smallint[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], bytea[], bytea[],
    bytea[], text[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION world.take_slot(text, bigint, text),
  world.save_snapshots(
    smallint[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], bytea[], bytea[],
    bytea[], text[], uuid[]) TO hexhold_worker;
GRANT SELECT ON world.database_life TO hexhold_readonly;

-- Down Migration

DROP FUNCTION world.save_snapshots(
  smallint[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], bytea[], bytea[],
  bytea[], text[], uuid[]);
ALTER TABLE world.snapshot DROP COLUMN last_event_id;
DROP FUNCTION world.take_slot(text, bigint, text);
DROP FUNCTION world.current_life();
DROP TABLE world.database_life;
CREATE FUNCTION world.take_slot(p_slot text, p_expected_epoch bigint, p_owner text)
RETURNS TABLE (epoch bigint, clean boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was_released boolean;
BEGIN
  IF p_expected_epoch = 0 THEN
    RETURN QUERY
      INSERT INTO world.slot AS s (slot, epoch, owner)
      VALUES (p_slot, nextval('world.epoch'), p_owner)
      ON CONFLICT (slot) DO NOTHING
      RETURNING s.epoch, true;
    RETURN;
  END IF;
  SELECT s.released INTO was_released FROM world.slot s
    WHERE s.slot = p_slot AND s.epoch = p_expected_epoch FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY
    UPDATE world.slot AS s
    SET epoch = nextval('world.epoch'), owner = p_owner, released = false, taken_at = clock_timestamp()
    WHERE s.slot = p_slot AND s.epoch = p_expected_epoch
    RETURNING s.epoch, was_released;
END $$;
REVOKE ALL ON FUNCTION world.take_slot(text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION world.take_slot(text, bigint, text) TO hexhold_worker;
