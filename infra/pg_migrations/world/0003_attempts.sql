-- Up Migration

-- Attempts on suspect commands, many in one trip: a worker that died has left a whole message, see ADR 14.

DROP FUNCTION world.note_attempt(text, bigint, bytea, integer);

-- Adds an attempt to each of the commands and returns the most that one of them has now.
CREATE FUNCTION world.note_attempts(p_slot text, p_epoch bigint, p_keys bytea[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  most integer;
BEGIN
  PERFORM 1 FROM world.slot s WHERE s.slot = p_slot AND s.epoch = p_epoch FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slot % is no longer held at epoch %', p_slot, p_epoch USING ERRCODE = 'HX001';
  END IF;
  -- A server that crashes in the same half second as a worker forgets one attempt of five.
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH noted AS (
    INSERT INTO world.suspect_attempt AS a (idempotency_key, slot, attempts)
    SELECT DISTINCT k.key, p_slot, 1 FROM unnest(p_keys) AS k(key)
    ON CONFLICT (idempotency_key) DO UPDATE
      SET attempts = a.attempts + 1, noted_at = clock_timestamp()
    RETURNING a.attempts)
  SELECT max(n.attempts) INTO most FROM noted n;
  RETURN coalesce(most, 0);
END $$;

-- Takes an attempt of each of the commands back; those that have none left are forgotten.
CREATE FUNCTION world.take_attempts_back(p_slot text, p_epoch bigint, p_keys bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM 1 FROM world.slot s WHERE s.slot = p_slot AND s.epoch = p_epoch FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slot % is no longer held at epoch %', p_slot, p_epoch USING ERRCODE = 'HX001';
  END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM world.suspect_attempt a WHERE a.idempotency_key = ANY (p_keys) AND a.attempts <= 1;
  UPDATE world.suspect_attempt a SET attempts = a.attempts - 1 WHERE a.idempotency_key = ANY (p_keys);
END $$;

REVOKE ALL ON FUNCTION
  world.note_attempts(text, bigint, bytea[]), world.take_attempts_back(text, bigint, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  world.note_attempts(text, bigint, bytea[]), world.take_attempts_back(text, bigint, bytea[])
  TO hexhold_worker;

-- Down Migration

DROP FUNCTION world.note_attempts(text, bigint, bytea[]), world.take_attempts_back(text, bigint, bytea[]);
CREATE FUNCTION world.note_attempt(p_slot text, p_epoch bigint, p_key bytea, p_delta integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now_at integer;
BEGIN
  PERFORM 1 FROM world.slot s WHERE s.slot = p_slot AND s.epoch = p_epoch FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slot % is no longer held at epoch %', p_slot, p_epoch USING ERRCODE = 'HX001';
  END IF;
  INSERT INTO world.suspect_attempt AS a (idempotency_key, slot, attempts)
  VALUES (p_key, p_slot, greatest(p_delta, 0))
  ON CONFLICT (idempotency_key) DO UPDATE
    SET attempts = greatest(a.attempts + p_delta, 0), noted_at = clock_timestamp()
  RETURNING a.attempts INTO now_at;
  IF now_at = 0 THEN
    DELETE FROM world.suspect_attempt WHERE idempotency_key = p_key;
  END IF;
  RETURN now_at;
END $$;
REVOKE ALL ON FUNCTION world.note_attempt(text, bigint, bytea, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION world.note_attempt(text, bigint, bytea, integer) TO hexhold_worker;
