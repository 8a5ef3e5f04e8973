-- Up Migration

-- What a dead letter has left open stays noted, however old: by this note its receiver knows that a router which brings the
-- letter back brings back nothing else.
CREATE OR REPLACE FUNCTION inventory.prune(inbox_hours integer, result_hours integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000));
BEGIN
  IF inbox_hours < 96 OR result_hours < 24 THEN
    RAISE EXCEPTION 'inbox rows are kept for 96 h and results for 24 h at least';
  END IF;
  DELETE FROM inventory.inbox WHERE event_id IN (
    SELECT event_id FROM inventory.inbox
    WHERE received_at < moment - make_interval(hours => inbox_hours) AND NOT lettered LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM inventory.result WHERE idempotency_key IN (
    SELECT idempotency_key FROM inventory.result
    WHERE stored_at < moment - make_interval(hours => result_hours) LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

-- Down Migration

CREATE OR REPLACE FUNCTION inventory.prune(inbox_hours integer, result_hours integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
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
