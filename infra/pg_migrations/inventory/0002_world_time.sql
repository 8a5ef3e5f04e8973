-- Up Migration

-- `prune` by world time, too: a clock of this server that was set forward deletes nothing. The one without it stays for
-- services of the release before.
CREATE FUNCTION inventory.prune(inbox_hours integer, result_hours integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  -- Two clocks must agree that it is time: one of them may have been set.
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000));
BEGIN
  IF inbox_hours < 96 OR result_hours < 24 THEN
    RAISE EXCEPTION 'inbox rows are kept for 96 h and results for 24 h at least';
  END IF;
  DELETE FROM inventory.inbox WHERE event_id IN (
    SELECT event_id FROM inventory.inbox
    WHERE received_at < moment - make_interval(hours => inbox_hours) LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM inventory.result WHERE idempotency_key IN (
    SELECT idempotency_key FROM inventory.result
    WHERE stored_at < moment - make_interval(hours => result_hours) LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

REVOKE ALL ON FUNCTION inventory.prune(integer, integer, integer, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inventory.prune(integer, integer, integer, double precision) TO hexhold_inventory;

-- Down Migration

DROP FUNCTION inventory.prune(integer, integer, integer, double precision);
