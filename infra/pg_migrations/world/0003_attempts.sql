-- Up Migration

-- Attempts on suspect commands, many in one trip: a worker that died has left a whole message, see ADR 14.

DROP FUNCTION world.note_attempt(text, bigint, bytea, integer);

-- Adds `p_delta` attempts to each of the commands and returns the most that one of them has now; rows of none are removed.
CREATE FUNCTION world.note_attempts(p_slot text, p_epoch bigint, p_keys bytea[], p_delta integer) RETURNS integer
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
    SELECT DISTINCT k.key, p_slot, greatest(p_delta, 0) FROM unnest(p_keys) AS k(key)
    ON CONFLICT (idempotency_key) DO UPDATE
      SET attempts = greatest(a.attempts + p_delta, 0), noted_at = clock_timestamp()
    RETURNING a.attempts)
  SELECT max(n.attempts) INTO most FROM noted n;
  DELETE FROM world.suspect_attempt a WHERE a.idempotency_key = ANY (p_keys) AND a.attempts = 0;
  RETURN coalesce(most, 0);
END $$;

REVOKE ALL ON FUNCTION world.note_attempts(text, bigint, bytea[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION world.note_attempts(text, bigint, bytea[], integer) TO hexhold_worker;

-- Down Migration

DROP FUNCTION world.note_attempts(text, bigint, bytea[], integer);
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
