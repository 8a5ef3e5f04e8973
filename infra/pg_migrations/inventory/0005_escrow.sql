-- Up Migration

-- The ledger of an inventory that trades: escrow, takes, unique items, offers. All of it is written by functions, which check
-- by set what triggers and foreign keys checked row by row; `hexctl verify --economy` looks at all of it again.

-- What an account has in escrow stands in a ledger account of its own, with a balance as that of the player.
ALTER TABLE inventory.ledger_account
  DROP CONSTRAINT ledger_account_kind_check,
  DROP CONSTRAINT ledger_account_check,
  ADD CONSTRAINT ledger_account_kind_check CHECK (kind IN ('player', 'hold', 'mint', 'burn')),
  ADD CONSTRAINT ledger_account_check
    CHECK ((kind IN ('player', 'hold')) = (owner <> '00000000-0000-0000-0000-000000000000'));

DROP TRIGGER add_to_balances ON inventory.posting;
DROP TRIGGER zero_sum ON inventory.posting;
DROP FUNCTION inventory.add_to_balances();
DROP FUNCTION inventory.check_zero_sum();
-- One function is the only writer, and looks up what these checked.
ALTER TABLE inventory.posting
  DROP CONSTRAINT posting_transaction_id_fkey,
  DROP CONSTRAINT posting_ledger_account_id_fkey,
  DROP CONSTRAINT posting_posting_id_key;

-- Accounts, as the accounts service has told.
CREATE TABLE inventory.account (
  account       uuid PRIMARY KEY,
  name          text NOT NULL,
  registered_at timestamptz NOT NULL
);

-- Escrow. Of a refusal there is a row as well, which a late copy of the step finds.
CREATE TABLE inventory.hold (
  hold_id    uuid PRIMARY KEY,
  -- Who asked, and alone may settle and release it.
  service    text NOT NULL,
  account    uuid NOT NULL,
  asset      text NOT NULL,
  -- 0 where the end was asked for before the step came.
  amount     bigint NOT NULL CHECK (amount > 0 OR amount = 0 AND state = 'refused'),
  remaining  bigint NOT NULL CHECK (remaining BETWEEN 0 AND amount),
  fee        bigint NOT NULL CHECK (fee >= 0),
  state      text NOT NULL CHECK (state IN ('held', 'refused', 'closed')),
  -- Of a refusal.
  reason     text NOT NULL,
  at         timestamptz NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((remaining > 0) = (state = 'held'))
);
CREATE INDEX hold_ended ON inventory.hold (changed_at) WHERE state <> 'held';
CREATE INDEX hold_open ON inventory.hold (account, asset) WHERE state = 'held';

-- Goods that a hex has taken: burned in the transaction of that id. Refusals have rows, too.
CREATE TABLE inventory.take (
  take_id    uuid PRIMARY KEY,
  account    uuid NOT NULL,
  asset      text NOT NULL,
  amount     bigint NOT NULL CHECK (amount >= 0),
  state      text NOT NULL CHECK (state IN ('taken', 'refused')),
  reason     text NOT NULL,
  site_id    uuid,
  at         timestamptz NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX take_age ON inventory.take (changed_at);

-- A site gives back at most what was taken for it.
CREATE TABLE inventory.site_taken (
  site_id uuid NOT NULL,
  account uuid NOT NULL,
  asset   text NOT NULL,
  taken   bigint NOT NULL CHECK (taken >= 0),
  given   bigint NOT NULL CHECK (given BETWEEN 0 AND taken),
  PRIMARY KEY (site_id, account, asset)
);

-- Unique items: one row, one owner.
CREATE TABLE inventory.item (
  item_id    uuid PRIMARY KEY,
  kind       text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' AND length(kind) <= 64),
  owner      uuid NOT NULL,
  -- The open offer that gives it away.
  held_by    uuid,
  attributes bytea NOT NULL CHECK (length(attributes) <= 1024),
  -- Id of the transaction that made it.
  made_by    uuid NOT NULL,
  made_at    timestamptz NOT NULL,
  version    integer NOT NULL CHECK (version >= 1)
);
CREATE INDEX item_owner ON inventory.item (owner, item_id);

-- How an item came to its owner. Never changed, never deleted.
CREATE TABLE inventory.item_move (
  item_id        uuid NOT NULL,
  version        integer NOT NULL,
  -- Null: it was made.
  from_account   uuid,
  to_account     uuid NOT NULL,
  transaction_id uuid NOT NULL,
  at             timestamptz NOT NULL,
  PRIMARY KEY (item_id, version)
);

-- Offers of trade. What they say never changes, only how they end.
CREATE TABLE inventory.offer (
  offer_id     uuid PRIMARY KEY,
  from_account uuid NOT NULL,
  to_account   uuid NOT NULL CHECK (to_account <> from_account),
  terms        bytea NOT NULL,
  terms_hash   bytea NOT NULL CHECK (length(terms_hash) = 32),
  state        text NOT NULL CHECK (state IN ('open', 'accepted', 'withdrawn', 'declined', 'expired')),
  made_at      timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  -- The transaction that ended it; null: it held no amounts.
  ended_by     uuid,
  CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX offer_from ON inventory.offer (from_account, offer_id DESC);
CREATE INDEX offer_to ON inventory.offer (to_account, offer_id DESC);

-- What an offer gives and wants.
CREATE TABLE inventory.offer_line (
  offer_id uuid NOT NULL,
  side     text NOT NULL CHECK (side IN ('give', 'want')),
  nth      integer NOT NULL,
  asset    text,
  amount   bigint CHECK (amount > 0),
  item_id  uuid,
  -- Of an amount that is given.
  hold_id  uuid,
  PRIMARY KEY (offer_id, side, nth),
  CHECK ((asset IS NULL) = (amount IS NULL) AND (asset IS NULL) <> (item_id IS NULL)),
  CHECK ((hold_id IS NOT NULL) = (side = 'give' AND asset IS NOT NULL))
);

-- Durable timers.
CREATE TABLE inventory.due (
  kind     text NOT NULL,
  id       uuid NOT NULL,
  due_at   timestamptz NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, id)
);
CREATE INDEX due_next ON inventory.due (kind, due_at);

-- In the functions below rows are looked up one by one, by their keys, in subqueries with a limit and in loops: a join is
-- planned while the tables are small, and then reads one of them whole, by its index if scans are turned off, for as long
-- as the connection lives.

-- Makes the ledger accounts that are not there, and their balances, ascending; returns the id of each that was asked for.
CREATE FUNCTION inventory.open_accounts(owners uuid[], kinds text[], assets text[])
RETURNS TABLE (nth bigint, ledger_account_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO inventory.asset (asset)
  SELECT DISTINCT a FROM unnest(assets) AS a ORDER BY a ON CONFLICT DO NOTHING;
  INSERT INTO inventory.ledger_account (owner, kind, asset)
  SELECT DISTINCT p.owner, p.kind, p.asset FROM unnest(owners, kinds, assets) AS p (owner, kind, asset)
  WHERE (SELECT known.ledger_account_id FROM inventory.ledger_account AS known
    WHERE known.owner = p.owner AND known.kind = p.kind AND known.asset = p.asset) IS NULL
  ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING;
  INSERT INTO inventory.balance (ledger_account_id, amount)
  SELECT DISTINCT (SELECT a.ledger_account_id FROM inventory.ledger_account AS a
    WHERE a.owner = p.owner AND a.kind = p.kind AND a.asset = p.asset), 0
  FROM unnest(owners, kinds, assets) AS p (owner, kind, asset)
  WHERE p.kind IN ('player', 'hold')
  ORDER BY 1 ON CONFLICT DO NOTHING;
  RETURN QUERY SELECT p.nth, (SELECT a.ledger_account_id FROM inventory.ledger_account AS a
    WHERE a.owner = p.owner AND a.kind = p.kind AND a.asset = p.asset)
  FROM unnest(owners, kinds, assets) WITH ORDINALITY AS p (owner, kind, asset, nth);
END
$$;

-- The rows that a batch is about, locked: in this order of tables, and ascending within each, whoever asks, so that no two
-- wait for each other. The service may not write these tables, so it locks them by functions.
CREATE FUNCTION inventory.lock_offers(ids uuid[]) RETURNS SETOF inventory.offer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT * FROM inventory.offer WHERE offer_id = ANY (ids) ORDER BY offer_id FOR UPDATE
$$;
CREATE FUNCTION inventory.lock_holds(ids uuid[]) RETURNS SETOF inventory.hold
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT * FROM inventory.hold WHERE hold_id = ANY (ids) ORDER BY hold_id FOR UPDATE
$$;
CREATE FUNCTION inventory.lock_takes(ids uuid[]) RETURNS SETOF inventory.take
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT * FROM inventory.take WHERE take_id = ANY (ids) ORDER BY take_id FOR UPDATE
$$;
CREATE FUNCTION inventory.lock_sites(sites uuid[], accounts uuid[], assets text[]) RETURNS SETOF inventory.site_taken
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  named record;
BEGIN
  FOR named IN SELECT * FROM unnest(sites, accounts, assets) AS n (site, account, asset) ORDER BY 1, 2, 3 LOOP
    RETURN QUERY SELECT * FROM inventory.site_taken AS s
      WHERE s.site_id = named.site AND s.account = named.account AND s.asset = named.asset FOR UPDATE;
  END LOOP;
END
$$;
CREATE FUNCTION inventory.lock_balances(ids bigint[]) RETURNS SETOF inventory.balance
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT * FROM inventory.balance WHERE ledger_account_id = ANY (ids) ORDER BY ledger_account_id FOR UPDATE
$$;
CREATE FUNCTION inventory.lock_items(ids uuid[]) RETURNS SETOF inventory.item
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
  SELECT * FROM inventory.item WHERE item_id = ANY (ids) ORDER BY item_id FOR UPDATE
$$;

-- Posts transactions, and what they do to escrow. Fails with check_violation, and then nothing was done, when
-- postings of a transaction do not add up to 0 per asset, when a ledger account or a balance is missing, when a hold
-- is not there or is over, and when the change of escrow is not that of its holds; with unique_violation when a
-- transaction or a hold is known.
-- tx_*: transactions. p_*: postings; p_tx is the place of their transaction, from 1. h_*: new holds. c_*: changes of what
-- remains of holds, one for each.
CREATE FUNCTION inventory.post(
  tx_ids uuid[], tx_kinds text[], tx_ms bigint[],
  p_tx integer[], p_accounts bigint[], p_amounts bigint[],
  h_ids uuid[], h_services text[], h_accounts uuid[], h_assets text[], h_amounts bigint[], h_fees bigint[],
  h_states text[], h_reasons text[], h_ms bigint[],
  c_ids uuid[], c_amounts bigint[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  fault text;
  change record;
BEGIN
  INSERT INTO inventory.transaction (transaction_id, kind, at)
  SELECT id, kind, to_timestamp(ms / 1000.0) FROM unnest(tx_ids, tx_kinds, tx_ms) AS t (id, kind, ms);

  INSERT INTO inventory.posting (transaction_id, ledger_account_id, amount)
  SELECT tx_ids[p.tx], p.account, p.amount
  FROM unnest(p_tx, p_accounts, p_amounts) WITH ORDINALITY AS p (tx, account, amount, nth) ORDER BY p.nth;

  IF array_length(h_ids, 1) > 0 THEN
    INSERT INTO inventory.hold (hold_id, service, account, asset, amount, remaining, fee, state, reason, at)
    SELECT h.id, h.service, h.account, h.asset, h.amount, CASE h.state WHEN 'held' THEN h.amount ELSE 0 END, h.fee,
      h.state, h.reason, to_timestamp(h.ms / 1000.0)
    FROM unnest(h_ids, h_services, h_accounts, h_assets, h_amounts, h_fees, h_states, h_reasons, h_ms)
      AS h (id, service, account, asset, amount, fee, state, reason, ms);
  END IF;

  WITH posted AS MATERIALIZED (
    SELECT p.tx, p.account, p.amount, a.kind, a.owner, a.asset
    FROM unnest(p_tx, p_accounts, p_amounts) AS p (tx, account, amount)
    LEFT JOIN LATERAL (
      SELECT * FROM inventory.ledger_account AS a WHERE a.ledger_account_id = p.account LIMIT 1) AS a ON true),
  uneven AS (
    SELECT format('transaction %s: postings of %s add up to %s, not 0', tx_ids[tx], coalesce(asset, 'an unknown account'),
      sum(amount)) AS fault
    FROM posted GROUP BY tx, asset HAVING asset IS NULL OR sum(amount) <> 0),
  escrow AS (
    SELECT owner, asset, amount FROM posted WHERE kind = 'hold'
    UNION ALL
    SELECT h.account, h.asset, -h.amount
    FROM unnest(h_accounts, h_assets, h_amounts, h_states) AS h (account, asset, amount, state) WHERE h.state = 'held'
    UNION ALL
    SELECT h.account, h.asset, -c.amount
    FROM unnest(c_ids, c_amounts) AS c (id, amount)
    LEFT JOIN LATERAL (SELECT * FROM inventory.hold AS h WHERE h.hold_id = c.id LIMIT 1) AS h ON true),
  uncovered AS (
    SELECT format('escrow of %s in %s: postings are %s off the change of its holds', owner, asset, sum(amount)) AS fault
    FROM escrow GROUP BY owner, asset HAVING owner IS NULL OR sum(amount) <> 0)
  SELECT u.fault INTO fault FROM (SELECT * FROM uneven UNION ALL SELECT * FROM uncovered) AS u LIMIT 1;
  IF fault IS NOT NULL THEN
    RAISE EXCEPTION '%', fault USING ERRCODE = 'check_violation', CONSTRAINT = 'zero_sum';
  END IF;

  FOR change IN
    SELECT p.account AS id, sum(p.amount)::bigint AS amount FROM unnest(p_accounts, p_amounts) AS p (account, amount)
    GROUP BY 1
  LOOP
    UPDATE inventory.balance AS b SET amount = b.amount + change.amount, changed_at = clock_timestamp()
    WHERE b.ledger_account_id = change.id;
    CONTINUE WHEN FOUND;
    -- Mints and burns have none: every credit would wait for the same row.
    IF (SELECT a.kind FROM inventory.ledger_account AS a WHERE a.ledger_account_id = change.id) IN ('player', 'hold') THEN
      RAISE EXCEPTION 'ledger account % has no balance', change.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'balance_there';
    END IF;
  END LOOP;

  FOR change IN SELECT * FROM unnest(c_ids, c_amounts) AS c (id, amount) LOOP
    UPDATE inventory.hold AS h SET remaining = h.remaining + change.amount, changed_at = clock_timestamp(),
      state = CASE WHEN h.remaining + change.amount = 0 THEN 'closed' ELSE 'held' END
    WHERE h.hold_id = change.id AND h.state = 'held';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'hold % is not open', change.id USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_open';
    END IF;
  END LOOP;
END
$$;

-- Writes takes, and what sites have taken and given. Each take that was made has a transaction of its id.
-- t_*: new takes; a site of nil is none. s_*: changes of sites, one for each site, account and asset.
CREATE FUNCTION inventory.post_takes(
  t_ids uuid[], t_accounts uuid[], t_assets text[], t_amounts bigint[], t_states text[], t_reasons text[],
  t_sites uuid[], t_ms bigint[],
  s_sites uuid[], s_accounts uuid[], s_assets text[], s_taken bigint[], s_given bigint[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  missing uuid;
  change record;
BEGIN
  SELECT t.id INTO missing FROM unnest(t_ids, t_states) AS t (id, state)
  WHERE t.state = 'taken' AND (SELECT x.kind FROM inventory.transaction AS x WHERE x.transaction_id = t.id) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'take % has no transaction', missing
      USING ERRCODE = 'check_violation', CONSTRAINT = 'take_transaction';
  END IF;
  INSERT INTO inventory.take (take_id, account, asset, amount, state, reason, site_id, at)
  SELECT t.id, t.account, t.asset, t.amount, t.state, t.reason,
    nullif(t.site, '00000000-0000-0000-0000-000000000000'), to_timestamp(t.ms / 1000.0)
  FROM unnest(t_ids, t_accounts, t_assets, t_amounts, t_states, t_reasons, t_sites, t_ms)
    AS t (id, account, asset, amount, state, reason, site, ms);
  FOR change IN
    SELECT * FROM unnest(s_sites, s_accounts, s_assets, s_taken, s_given) AS n (site, account, asset, taken, given)
    ORDER BY 1, 2, 3
  LOOP
    UPDATE inventory.site_taken AS s SET taken = s.taken + change.taken, given = s.given + change.given
    WHERE s.site_id = change.site AND s.account = change.account AND s.asset = change.asset;
    CONTINUE WHEN FOUND;
    INSERT INTO inventory.site_taken (site_id, account, asset, taken, given)
    VALUES (change.site, change.account, change.asset, change.taken, change.given);
  END LOOP;
END
$$;

-- Makes items, and writes how items change hands and which offers hold them. Fails when an item is not as it was read.
-- n_*: new items. m_*: moves; each raises the version of its item by one. u_*: items as they were read or made, and as they
-- are to be, one row for each; an offer of nil is none.
CREATE FUNCTION inventory.post_items(
  n_ids uuid[], n_kinds text[], n_owners uuid[], n_attributes bytea[], n_transactions uuid[], n_ms bigint[],
  m_ids uuid[], m_versions integer[], m_from uuid[], m_to uuid[], m_transactions uuid[], m_ms bigint[],
  u_ids uuid[], u_owners_before uuid[], u_versions_before integer[], u_owners uuid[], u_versions integer[], u_offers uuid[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  change record;
  missing uuid;
BEGIN
  SELECT t INTO missing FROM unnest(n_transactions || m_transactions) AS t
  WHERE (SELECT x.kind FROM inventory.transaction AS x WHERE x.transaction_id = t) IS NULL LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'an item changes hands in %, which is no transaction', missing
      USING ERRCODE = 'check_violation', CONSTRAINT = 'item_transaction';
  END IF;
  INSERT INTO inventory.item (item_id, kind, owner, attributes, made_by, made_at, version)
  SELECT n.id, n.kind, n.owner, n.attributes, n.transaction, to_timestamp(n.ms / 1000.0), 1
  FROM unnest(n_ids, n_kinds, n_owners, n_attributes, n_transactions, n_ms)
    AS n (id, kind, owner, attributes, transaction, ms);
  INSERT INTO inventory.item_move (item_id, version, from_account, to_account, transaction_id, at)
  SELECT n.id, 1, NULL, n.owner, n.transaction, to_timestamp(n.ms / 1000.0)
  FROM unnest(n_ids, n_owners, n_transactions, n_ms) AS n (id, owner, transaction, ms);
  INSERT INTO inventory.item_move (item_id, version, from_account, to_account, transaction_id, at)
  SELECT m.id, m.version, m.giver, m.taker, m.transaction, to_timestamp(m.ms / 1000.0)
  FROM unnest(m_ids, m_versions, m_from, m_to, m_transactions, m_ms) AS m (id, version, giver, taker, transaction, ms);
  FOR change IN
    SELECT * FROM unnest(u_ids, u_owners_before, u_versions_before, u_owners, u_versions, u_offers)
      AS u (id, owner_before, version_before, owner, version, offer)
  LOOP
    UPDATE inventory.item AS i SET owner = change.owner, version = change.version,
      held_by = nullif(change.offer, '00000000-0000-0000-0000-000000000000')
    WHERE i.item_id = change.id AND i.owner = change.owner_before AND i.version = change.version_before
      AND change.version - change.version_before = (SELECT count(*) FROM unnest(m_ids) AS m WHERE m = change.id)
      AND (change.version > change.version_before OR change.owner = change.owner_before);
    IF NOT FOUND THEN
      RAISE EXCEPTION 'item % is not as it was read', change.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'item_read';
    END IF;
  END LOOP;
END
$$;

-- Ends open offers. Their escrow and items are the caller's, in the same transaction.
CREATE FUNCTION inventory.end_offer(ids uuid[], states text[], ended_ms bigint[], transactions uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  change record;
BEGIN
  FOR change IN SELECT * FROM unnest(ids, states, ended_ms, transactions) AS e (id, state, ms, transaction) LOOP
    UPDATE inventory.offer AS o SET state = change.state, ended_at = to_timestamp(change.ms / 1000.0),
      ended_by = nullif(change.transaction, '00000000-0000-0000-0000-000000000000')
    WHERE o.offer_id = change.id AND o.state = 'open';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'offer % is not open', change.id USING ERRCODE = 'check_violation', CONSTRAINT = 'offer_open';
    END IF;
  END LOOP;
END
$$;

-- Deletes up to `rows_max` records of ended escrow, of takes, and of refusals, that are older than 30 days; returns how
-- many. A step whose id is older than that is neither done again nor refused.
CREATE FUNCTION inventory.prune_steps(rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  -- Two clocks must agree that it is time: one of them may have been set.
  before timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000)) - interval '30 days';
BEGIN
  DELETE FROM inventory.hold WHERE hold_id IN (
    SELECT hold_id FROM inventory.hold WHERE state <> 'held' AND changed_at < before LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM inventory.take WHERE take_id IN (
    SELECT take_id FROM inventory.take WHERE changed_at < before LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

-- A service of an earlier release writes the ledger itself, and the first thing that it writes is this table. It is told
-- what an outage is told: it holds what it has in hand until it is stopped, and this release's service does it.
CREATE FUNCTION inventory.refuse_earlier_release() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF current_user = 'hexhold_owner' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the ledger is written by inventory.post: an inventory service of an earlier release is to be stopped'
    USING ERRCODE = 'cannot_connect_now';
END
$$;
CREATE TRIGGER refuse_earlier_release BEFORE INSERT ON inventory.asset
  FOR EACH STATEMENT EXECUTE FUNCTION inventory.refuse_earlier_release();

REVOKE ALL ON ALL TABLES IN SCHEMA inventory FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA inventory FROM PUBLIC;
REVOKE INSERT ON inventory.ledger_account, inventory.transaction, inventory.posting FROM hexhold_inventory;
GRANT SELECT ON ALL TABLES IN SCHEMA inventory TO hexhold_inventory;
GRANT INSERT ON inventory.account, inventory.offer, inventory.offer_line, inventory.due TO hexhold_inventory;
GRANT UPDATE, DELETE ON inventory.due TO hexhold_inventory;
GRANT EXECUTE ON FUNCTION
  inventory.open_accounts(uuid[], text[], text[]),
  inventory.lock_offers(uuid[]), inventory.lock_holds(uuid[]), inventory.lock_takes(uuid[]),
  inventory.lock_sites(uuid[], uuid[], text[]), inventory.lock_balances(bigint[]), inventory.lock_items(uuid[]),
  inventory.post(uuid[], text[], bigint[], integer[], bigint[], bigint[], uuid[], text[], uuid[], text[], bigint[],
    bigint[], text[], text[], bigint[], uuid[], bigint[]),
  inventory.post_takes(uuid[], uuid[], text[], bigint[], text[], text[], uuid[], bigint[], uuid[], uuid[], text[],
    bigint[], bigint[]),
  inventory.post_items(uuid[], text[], uuid[], bytea[], uuid[], bigint[], uuid[], integer[], uuid[], uuid[], uuid[],
    bigint[], uuid[], uuid[], integer[], uuid[], integer[], uuid[]),
  inventory.end_offer(uuid[], text[], bigint[], uuid[]),
  inventory.prune_steps(integer, double precision)
  TO hexhold_inventory;
GRANT SELECT ON inventory.account, inventory.hold, inventory.take, inventory.site_taken, inventory.item,
  inventory.item_move, inventory.offer, inventory.offer_line TO hexhold_readonly;

-- Down Migration

DO $$ BEGIN RAISE EXCEPTION 'escrow cannot be taken back: restore a backup'; END $$;
