-- Up Migration

-- Schema of the inventory: a double-entry ledger. PostgreSQL >= 15. Roles are made by `hexctl migrate` before
-- any migration runs.

CREATE SCHEMA IF NOT EXISTS inventory;

-- Kinds of items that are counted, each with its name; made when the first of them is posted.
CREATE TABLE inventory.asset (
  asset    text PRIMARY KEY CHECK (asset ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' AND length(asset) <= 64),
  added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Where amounts stand: one row for each owner, kind and asset. What comes into the world comes from a mint, what
-- leaves it goes to a burn; both belong to nobody, which is the nil UUID.
CREATE TABLE inventory.ledger_account (
  ledger_account_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  owner             uuid NOT NULL,
  kind              text NOT NULL CHECK (kind IN ('player', 'mint', 'burn')),
  asset             text NOT NULL REFERENCES inventory.asset,
  CHECK ((kind = 'player') = (owner <> '00000000-0000-0000-0000-000000000000')),
  UNIQUE (owner, kind, asset)
);

-- A change of the ledger. Its id is that of its cause (an event_id), so that one cause has one transaction for ever.
CREATE TABLE inventory.transaction (
  transaction_id uuid PRIMARY KEY,
  -- `gathered`, …
  kind           text NOT NULL,
  -- World time of its cause.
  at             timestamptz NOT NULL,
  posted_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What a transaction adds to, or takes from, one ledger account. Never changed, never deleted.
CREATE TABLE inventory.posting (
  posting_id        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  transaction_id    uuid NOT NULL REFERENCES inventory.transaction,
  ledger_account_id bigint NOT NULL REFERENCES inventory.ledger_account,
  amount            bigint NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (transaction_id, ledger_account_id)
);
-- History of an account, newest first.
CREATE INDEX posting_history ON inventory.posting (ledger_account_id, posting_id DESC);

-- What a player has: the sum of the postings, kept by the trigger below. Mints and burns have no row: every
-- credit would wait for the same one.
CREATE TABLE inventory.balance (
  ledger_account_id bigint PRIMARY KEY REFERENCES inventory.ledger_account,
  amount            bigint NOT NULL CHECK (amount >= 0),
  changed_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- In the functions and statements below rows of other tables are looked up one by one, in subqueries: a join is
-- planned while the tables are small, and then reads them whole for as long as the connection lives (tried: a fifth
-- of the speed after some thousand accounts).

-- Adds new postings to the balances of players, rows locked in ascending order of their ids.
CREATE FUNCTION inventory.add_to_balances() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  change record;
BEGIN
  FOR change IN
    SELECT p.ledger_account_id AS id, sum(p.amount)::bigint AS amount
    FROM added AS p WHERE 'player' = (
      SELECT a.kind FROM inventory.ledger_account AS a WHERE a.ledger_account_id = p.ledger_account_id)
    GROUP BY 1 ORDER BY 1
  LOOP
    UPDATE inventory.balance AS b SET amount = b.amount + change.amount, changed_at = clock_timestamp()
    WHERE b.ledger_account_id = change.id;
    CONTINUE WHEN FOUND;
    -- Two may come to the same new row: one inserts it, the other waits and adds to it.
    INSERT INTO inventory.balance (ledger_account_id, amount) VALUES (change.id, 0) ON CONFLICT DO NOTHING;
    UPDATE inventory.balance AS b SET amount = b.amount + change.amount, changed_at = clock_timestamp()
    WHERE b.ledger_account_id = change.id;
  END LOOP;
  RETURN NULL;
END
$$;
CREATE TRIGGER add_to_balances AFTER INSERT ON inventory.posting
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION inventory.add_to_balances();

-- Nothing is made or lost but by mint and burn: at the commit the postings of a transaction sum to zero per asset.
CREATE FUNCTION inventory.check_zero_sum() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  uneven record;
BEGIN
  SELECT asset, sum(amount) AS amount INTO uneven
  FROM (
    SELECT p.amount, (
      SELECT a.asset FROM inventory.ledger_account AS a WHERE a.ledger_account_id = p.ledger_account_id) AS asset
    FROM inventory.posting AS p WHERE p.transaction_id = NEW.transaction_id) AS p
  GROUP BY asset HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'transaction %: postings of % sum to %, not 0', NEW.transaction_id, uneven.asset, uneven.amount
      USING ERRCODE = 'check_violation', CONSTRAINT = 'zero_sum';
  END IF;
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER zero_sum AFTER INSERT ON inventory.posting
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION inventory.check_zero_sum();

-- The next three tables and `prune` are those of every domain service (libs/domain).

-- Events whose effect is committed: the row goes into the transaction of the effect.
CREATE TABLE inventory.inbox (
  event_id    uuid PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX inbox_age ON inventory.inbox (received_at);

-- Terminal answers of DURABLE commands.
CREATE TABLE inventory.result (
  idempotency_key bytea PRIMARY KEY CHECK (length(idempotency_key) = 32),
  payload_hash    bytea NOT NULL,
  answer          bytea NOT NULL,
  stored_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX result_age ON inventory.result (stored_at);

-- Messages to send, deleted when the broker has confirmed them.
CREATE TABLE inventory.outbox (
  position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- A service; never a queue.
  destination text NOT NULL,
  subject     text NOT NULL,
  envelope    bytea NOT NULL,
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Deletes up to `rows_max` rows of inbox and results that are older than asked; returns how many.
-- The bounds are those of the world's outbox and of request ids: younger rows are never deleted.
CREATE FUNCTION inventory.prune(inbox_hours integer, result_hours integer, rows_max integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
BEGIN
  IF inbox_hours < 96 OR result_hours < 24 THEN
    RAISE EXCEPTION 'inbox rows are kept for 96 h and results for 24 h at least';
  END IF;
  DELETE FROM inventory.inbox WHERE event_id IN (
    SELECT event_id FROM inventory.inbox
    WHERE received_at < clock_timestamp() - make_interval(hours => inbox_hours) LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM inventory.result WHERE idempotency_key IN (
    SELECT idempotency_key FROM inventory.result
    WHERE stored_at < clock_timestamp() - make_interval(hours => result_hours) LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA inventory FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA inventory FROM PUBLIC;
GRANT USAGE ON SCHEMA inventory TO hexhold_inventory;
GRANT SELECT ON ALL TABLES IN SCHEMA inventory TO hexhold_inventory;
-- The ledger is append-only, and balances are the trigger's alone.
GRANT INSERT ON inventory.asset, inventory.ledger_account, inventory.transaction, inventory.posting
  TO hexhold_inventory;
GRANT INSERT ON inventory.inbox, inventory.result TO hexhold_inventory;
GRANT INSERT, DELETE ON inventory.outbox TO hexhold_inventory;
GRANT EXECUTE ON FUNCTION inventory.prune(integer, integer, integer) TO hexhold_inventory;
GRANT USAGE ON SCHEMA inventory TO hexhold_readonly;
GRANT SELECT ON inventory.asset, inventory.ledger_account, inventory.transaction, inventory.posting,
  inventory.balance TO hexhold_readonly;

-- Down Migration

DROP SCHEMA inventory CASCADE;
