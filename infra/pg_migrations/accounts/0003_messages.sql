-- Up Migration

-- What every domain service has for its messages. Of the queue for secrets nothing is kept here.

-- Events that were handled. `lettered`: put aside for the operators; a later copy is handled.
CREATE TABLE accounts.inbox (
  event_id    uuid PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lettered    boolean NOT NULL DEFAULT false
);
CREATE INDEX inbox_age ON accounts.inbox (received_at);

-- Terminal answers of DURABLE commands.
CREATE TABLE accounts.result (
  idempotency_key bytea PRIMARY KEY CHECK (length(idempotency_key) = 32),
  payload_hash    bytea NOT NULL,
  answer          bytea NOT NULL,
  stored_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX result_age ON accounts.result (stored_at);

-- Messages to send, deleted when the broker has confirmed them.
CREATE TABLE accounts.outbox (
  position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- A service, or `hex`; never a queue.
  destination text NOT NULL,
  -- Of a hex its key text.
  subject     text NOT NULL,
  envelope    bytea NOT NULL,
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_lane ON accounts.outbox (destination, position);

-- Deletes up to `rows_max` rows of inbox and results that are older than asked, by this server's clock and by world time:
-- one of them may have been set. Returns how many. The bounds are those of the world's outbox and of request ids.
CREATE FUNCTION accounts.prune(inbox_hours integer, result_hours integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000));
BEGIN
  IF inbox_hours < 96 OR result_hours < 24 THEN
    RAISE EXCEPTION 'inbox rows are kept for 96 h and results for 24 h at least';
  END IF;
  DELETE FROM accounts.inbox WHERE event_id IN (
    SELECT event_id FROM accounts.inbox
    WHERE received_at < moment - make_interval(hours => inbox_hours) LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM accounts.result WHERE idempotency_key IN (
    SELECT idempotency_key FROM accounts.result
    WHERE stored_at < moment - make_interval(hours => result_hours) LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

REVOKE ALL ON accounts.inbox, accounts.result, accounts.outbox FROM PUBLIC;
REVOKE ALL ON FUNCTION accounts.prune(integer, integer, integer, double precision) FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE (lettered) ON accounts.inbox TO hexhold_accounts;
GRANT SELECT, INSERT ON accounts.result TO hexhold_accounts;
GRANT SELECT, INSERT, DELETE ON accounts.outbox TO hexhold_accounts;
GRANT EXECUTE ON FUNCTION accounts.prune(integer, integer, integer, double precision) TO hexhold_accounts;

-- Down Migration

DROP FUNCTION accounts.prune(integer, integer, integer, double precision);
DROP TABLE accounts.outbox, accounts.result, accounts.inbox;
