-- Up Migration

-- Schema of the market: books of limit orders. PostgreSQL >= 15. Roles are made by `hexctl migrate` before any migration
-- runs.

CREATE SCHEMA IF NOT EXISTS market;

-- One for each asset that is traded against coin. Its row lock is what every write of its orders and trades holds, its version
-- says whether a book in memory is that of the last commit. Made by `add_books`, never deleted.
CREATE TABLE market.book (
  -- The asset.
  book        text PRIMARY KEY CHECK (book ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' AND length(book) <= 64 AND book <> 'coin'),
  version     bigint NOT NULL DEFAULT 0,
  -- Of the order that was granted last: priority in time.
  seq         bigint NOT NULL DEFAULT 0,
  -- Trades so far.
  trades      bigint NOT NULL DEFAULT 0,
  -- Of the newest trade; 0 = there was none.
  last_price  bigint NOT NULL DEFAULT 0,
  is_halted   boolean NOT NULL DEFAULT false,
  halt_reason text NOT NULL DEFAULT '',
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE market."order" (
  -- UUIDv7, minted when it is placed: the moment is in it. Also the id of its hold.
  order_id     uuid PRIMARY KEY,
  book         text NOT NULL,
  account_id   uuid NOT NULL,
  -- 1 buys, 2 sells.
  side         smallint NOT NULL CHECK (side IN (1, 2)),
  price        bigint NOT NULL CHECK (price BETWEEN 1 AND 1000000000),
  quantity     bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
  is_immediate boolean NOT NULL,
  -- Coin that is burned when its escrow is granted.
  fee          bigint NOT NULL CHECK (fee >= 1),
  placed_at    timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  -- 1 reserving, 2 open, 3 filled, 4 cancelled, 5 expired, 6 rejected.
  state        smallint NOT NULL CHECK (state BETWEEN 1 AND 6),
  -- 0 = it never was in the book.
  seq          bigint NOT NULL DEFAULT 0,
  -- Units in the book, of trades, and out of the book without a trade.
  open         bigint NOT NULL DEFAULT 0 CHECK (open >= 0),
  filled       bigint NOT NULL DEFAULT 0 CHECK (filled >= 0),
  ended        bigint NOT NULL DEFAULT 0 CHECK (ended >= 0),
  -- Coin of its trades.
  paid         bigint NOT NULL DEFAULT 0 CHECK (paid >= 0),
  ended_reason text NOT NULL DEFAULT '',
  -- Why it is to end when its escrow comes; empty = it is not.
  want_end     text NOT NULL DEFAULT '',
  version      bigint NOT NULL CHECK (version >= 1),
  -- When its owner asked for its end.
  end_asked_at timestamptz,
  ended_at     timestamptz,
  -- Of the step that gives back the escrow of what ended.
  release_id   uuid,
  CONSTRAINT order_value CHECK (price * quantity <= 1000000000000),
  CONSTRAINT order_units CHECK (
    CASE state WHEN 1 THEN open = 0 AND filled = 0 AND ended = 0 ELSE open + filled + ended = quantity END),
  CONSTRAINT order_open CHECK ((state = 2) = (open > 0) AND (state <> 2 OR seq > 0)),
  CONSTRAINT order_filled CHECK ((state = 3) = (filled = quantity) AND (state <> 6 OR filled = 0)),
  -- What was in escrow and met nothing is owed back.
  CONSTRAINT order_release CHECK ((release_id IS NOT NULL) = (state IN (4, 5))),
  CONSTRAINT order_end CHECK ((ended_at IS NOT NULL) = (state >= 3))
);
-- What is in a book, and its best prices.
CREATE INDEX order_resting ON market."order" (book, side, price, seq) WHERE state = 2;
CREATE INDEX order_reserving ON market."order" (book, placed_at) WHERE state = 1;
CREATE INDEX order_of_account ON market."order" (account_id, order_id);
CREATE INDEX order_live_of_account ON market."order" (account_id, order_id) WHERE state <= 2;
CREATE INDEX order_end_asked ON market."order" (account_id, end_asked_at) WHERE end_asked_at IS NOT NULL;
CREATE INDEX order_unfilled ON market."order" (ended_at) WHERE filled = 0 AND state >= 3;

-- Never changed.
CREATE TABLE market.trade (
  -- UUIDv7; also the id of its ledger transaction.
  trade_id   uuid PRIMARY KEY,
  book       text NOT NULL,
  -- Its number in the book, from 1 on.
  nth        bigint NOT NULL,
  buy_order  uuid NOT NULL,
  sell_order uuid NOT NULL,
  quantity   bigint NOT NULL CHECK (quantity > 0),
  price      bigint NOT NULL CHECK (price > 0),
  -- Coin that leaves the buyer's escrow.
  buy_take   bigint NOT NULL CHECK (buy_take >= price * quantity),
  -- Coin that is burned out of what the seller gets.
  tax        bigint NOT NULL CHECK (tax BETWEEN 0 AND price * quantity),
  -- Of the order that came to the other.
  taker_side smallint NOT NULL CHECK (taker_side IN (1, 2)),
  -- World time.
  at         timestamptz NOT NULL,
  UNIQUE (book, nth)
);

-- Prices over time, kept for ever. Written in the commit of their trades.
CREATE TABLE market.candle (
  book   text NOT NULL,
  -- 1 a minute, 2 an hour, 3 a day.
  span   smallint NOT NULL CHECK (span BETWEEN 1 AND 3),
  -- Beginning of the span.
  at     timestamptz NOT NULL,
  open   bigint NOT NULL,
  high   bigint NOT NULL,
  low    bigint NOT NULL,
  close  bigint NOT NULL,
  volume bigint NOT NULL CHECK (volume > 0),
  PRIMARY KEY (book, span, at),
  CHECK (low <= least(open, close) AND high >= greatest(open, close))
);

-- The next four tables and `prune` are those of every domain service (libs/domain).

-- Durable timers: `ask` and `expire`, by order.
CREATE TABLE market.due (
  kind     text NOT NULL,
  id       uuid NOT NULL,
  due_at   timestamptz NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, id)
);
CREATE INDEX due_next ON market.due (kind, due_at);

CREATE TABLE market.inbox (
  event_id    uuid PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A dead letter has left it open: a later copy is handled.
  lettered    boolean NOT NULL DEFAULT false
);
CREATE INDEX inbox_age ON market.inbox (received_at);

CREATE TABLE market.result (
  idempotency_key bytea PRIMARY KEY CHECK (length(idempotency_key) = 32),
  payload_hash    bytea NOT NULL,
  answer          bytea NOT NULL,
  stored_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX result_age ON market.result (stored_at);

CREATE TABLE market.outbox (
  position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination text NOT NULL,
  subject     text NOT NULL,
  envelope    bytea NOT NULL,
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_lane ON market.outbox (destination, position);

-- In the functions below rows of orders and timers are looked up one by one, by their keys, in subqueries and loops: a join is
-- planned while the tables are small, and then reads one of them whole for as long as the connection lives (tried: an order
-- that met 1,000 took a second when 10,000 rested).

-- Makes books that are not there. How many were made.
CREATE FUNCTION market.add_books(names text[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH added AS (
    INSERT INTO market.book (book) SELECT DISTINCT name FROM unnest(names) AS name ORDER BY name
    ON CONFLICT DO NOTHING RETURNING 1)
  SELECT count(*) FROM added
$$;

-- Locks books until the end of the transaction, in ascending order; those that are not there are left out.
CREATE FUNCTION market.lock(names text[])
RETURNS TABLE (book text, version bigint, seq bigint, is_halted boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  RETURN QUERY SELECT b.book, b.version, b.seq, b.is_halted FROM market.book AS b
    WHERE b.book = ANY (names) ORDER BY b.book COLLATE "C" FOR UPDATE;
END
$$;

-- Commands of each account since `since_ms` that left a trace: orders placed, and ends asked for. At most `most` of each.
CREATE FUNCTION market.pace(accounts uuid[], since_ms bigint, most integer)
RETURNS TABLE (account_id uuid, commands bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
  -- The least UUIDv7 of that moment.
  since uuid := lpad(to_hex(since_ms), 12, '0') || repeat('0', 20);
BEGIN
  RETURN QUERY SELECT a.id,
    (SELECT count(*) FROM (
      SELECT FROM market."order" AS o WHERE o.account_id = a.id AND o.order_id >= since LIMIT most) AS placed) +
    (SELECT count(*) FROM (
      SELECT FROM market."order" AS o WHERE o.account_id = a.id
        AND o.end_asked_at >= to_timestamp(since_ms / 1000.0) LIMIT most) AS asked)
  FROM unnest(accounts) AS a (id);
END
$$;

-- Stops or resumes matching in a book that the transaction has locked; a change of the book as any other.
CREATE FUNCTION market.halt(name text, at_version bigint, halted boolean, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE market.book AS b SET is_halted = halted, halt_reason = CASE WHEN halted THEN reason ELSE '' END, version = b.version + 1
  WHERE b.book = name AND b.version = at_version;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'book % is not at version %', name, at_version
      USING ERRCODE = 'check_violation', CONSTRAINT = 'book_version';
  END IF;
END
$$;

-- Stores what one transaction has decided, by set: the one writer of orders, trades and candles.
-- Checked, whatever the caller believes: each book is at the version that was decided on, and rises by one; an order that is
-- changed is live, and rises; its fills are the sums of its trades in this call, of units and of coin; a trade has two orders
-- of its book, at a price within their limits, of two accounts; each order that is new, each trade and each release has its one
-- message to the inventory, and no message is without them. Timers of orders are armed and disarmed.
CREATE FUNCTION market.store(
  books text[], versions bigint[], seqs bigint[],
  -- Orders that are new: all reserving.
  n_ids uuid[], n_books text[], n_accounts uuid[], n_sides smallint[], n_prices bigint[], n_quantities bigint[],
  n_immediate boolean[], n_fees bigint[], n_placed_ms bigint[], n_expires_ms bigint[], n_wants text[], n_versions bigint[],
  n_asked_ms bigint[],
  -- Orders that were there.
  c_ids uuid[], c_states smallint[], c_seqs bigint[], c_opens bigint[], c_fills bigint[], c_ends bigint[], c_paids bigint[],
  c_reasons text[], c_wants text[], c_versions bigint[], c_asked_ms bigint[], c_releases uuid[],
  -- Trades, in their order.
  t_ids uuid[], t_books text[], t_buys uuid[], t_sells uuid[], t_quantities bigint[], t_prices bigint[], t_takes bigint[],
  t_taxes bigint[], t_takers smallint[],
  -- Messages to the inventory: what each is about (an order, a trade, a release), its subject, its envelope.
  m_abouts uuid[], m_subjects text[], m_envelopes bytea[],
  -- World time, and how long after it an answer is asked for.
  at_ms bigint, ask_ms bigint
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  moment timestamptz := to_timestamp(at_ms / 1000.0);
  wrong text;
  touched bigint;
  changed record;
BEGIN
  UPDATE market.book AS b SET version = b.version + 1, seq = c.seq,
    trades = b.trades + (SELECT count(*) FROM unnest(t_books) AS t (book) WHERE t.book = b.book),
    last_price = coalesce((
      SELECT t.price FROM unnest(t_books, t_prices) WITH ORDINALITY AS t (book, price, n)
      WHERE t.book = b.book ORDER BY t.n DESC LIMIT 1), b.last_price)
  FROM unnest(books, versions, seqs) AS c (book, version, seq)
  WHERE b.book = c.book AND b.version = c.version AND b.seq <= c.seq;
  GET DIAGNOSTICS touched = ROW_COUNT;
  IF touched <> cardinality(books) THEN
    RAISE EXCEPTION '% of % books are at the version that was decided on', touched, cardinality(books)
      USING ERRCODE = 'check_violation', CONSTRAINT = 'book_version';
  END IF;

  SELECT x.id::text INTO wrong FROM (
      SELECT c.id, c.filled - (SELECT o.filled FROM market."order" AS o WHERE o.order_id = c.id) AS units,
        c.paid - (SELECT o.paid FROM market."order" AS o WHERE o.order_id = c.id) AS coin
      FROM unnest(c_ids, c_fills, c_paids) AS c (id, filled, paid)
      UNION ALL
      SELECT t.buy, -t.quantity, -t.quantity * t.price FROM unnest(t_buys, t_quantities, t_prices) AS t (buy, quantity, price)
      UNION ALL
      SELECT t.sell, -t.quantity, -t.quantity * t.price FROM unnest(t_sells, t_quantities, t_prices) AS t (sell, quantity, price)
    ) AS x
  GROUP BY x.id HAVING sum(x.units) IS DISTINCT FROM 0 OR sum(x.coin) IS DISTINCT FROM 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'order %: its fills are not the sum of its trades', wrong
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_fills';
  END IF;

  SELECT t.id::text INTO wrong
  FROM unnest(t_ids, t_books, t_buys, t_sells, t_prices) AS t (id, book, buy, sell, price)
  WHERE t.book = ANY (books) IS NOT TRUE OR (
    SELECT b.side = 1 AND b.book = t.book AND b.price >= t.price AND (
      SELECT s.side = 2 AND s.book = t.book AND s.price <= t.price AND s.account_id <> b.account_id
      FROM market."order" AS s WHERE s.order_id = t.sell)
    FROM market."order" AS b WHERE b.order_id = t.buy) IS NOT TRUE
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'trade %: its orders do not meet', wrong
      USING ERRCODE = 'check_violation', CONSTRAINT = 'trade_orders';
  END IF;

  SELECT x.id::text INTO wrong FROM (
      SELECT n.id, 1 AS count FROM unnest(n_ids) AS n (id)
      UNION ALL SELECT t.id, 1 FROM unnest(t_ids) AS t (id)
      UNION ALL SELECT c.id, 1 FROM unnest(c_releases) AS c (id) WHERE c.id IS NOT NULL
      UNION ALL SELECT m.id, -1 FROM unnest(m_abouts) AS m (id)
    ) AS x
  GROUP BY x.id HAVING sum(x.count) <> 0 LIMIT 1;
  IF NOT FOUND THEN
    SELECT m.id::text INTO wrong FROM unnest(m_abouts, m_envelopes) AS m (id, envelope)
    WHERE m.id IS NULL OR m.envelope IS NULL OR position(uuid_send(m.id) IN m.envelope) = 0 LIMIT 1;
  END IF;
  IF FOUND THEN
    RAISE EXCEPTION '%: not one message to the inventory is about it', wrong
      USING ERRCODE = 'check_violation', CONSTRAINT = 'outbox_rows';
  END IF;

  IF (SELECT bool_and(n.book = ANY (books)) FROM unnest(n_books) AS n (book)) IS FALSE THEN
    RAISE EXCEPTION 'an order is for a book that was not locked'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'order_book';
  END IF;
  INSERT INTO market."order" (order_id, book, account_id, side, price, quantity, is_immediate, fee, placed_at, expires_at,
    state, want_end, version, end_asked_at)
  SELECT n.id, n.book, n.account, n.side, n.price, n.quantity, n.immediate, n.fee, to_timestamp(n.placed_ms / 1000.0),
    to_timestamp(n.expires_ms / 1000.0), 1, n.want, n.version, to_timestamp(n.asked_ms / 1000.0)
  FROM unnest(n_ids, n_books, n_accounts, n_sides, n_prices, n_quantities, n_immediate, n_fees, n_placed_ms, n_expires_ms,
    n_wants, n_versions, n_asked_ms) AS n (id, book, account, side, price, quantity, immediate, fee, placed_ms, expires_ms,
    want, version, asked_ms);

  FOR changed IN
    SELECT * FROM unnest(c_ids, c_states, c_seqs, c_opens, c_fills, c_ends, c_paids, c_reasons, c_wants, c_versions, c_asked_ms,
      c_releases) AS c (id, state, seq, open, filled, ended, paid, reason, want, version, asked_ms, release_id)
  LOOP
    UPDATE market."order" AS o SET state = changed.state, seq = changed.seq, open = changed.open, filled = changed.filled,
      ended = changed.ended, paid = changed.paid, ended_reason = changed.reason, want_end = changed.want, version = changed.version,
      end_asked_at = to_timestamp(changed.asked_ms / 1000.0), release_id = changed.release_id,
      ended_at = CASE WHEN changed.state >= 3 THEN moment END
    WHERE o.order_id = changed.id AND o.book = ANY (books) AND o.state <= 2
      AND changed.version > o.version AND changed.filled >= o.filled;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'order % is not live in these books, or not older', changed.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'order_live';
    END IF;
    -- A timer that is due just now is in the hands of a transaction that waits for this book: it will find nothing to do.
    IF changed.state <> 1 THEN
      DELETE FROM market.due AS d WHERE d.kind = 'ask' AND d.id = (
        SELECT t.id FROM market.due AS t WHERE t.kind = 'ask' AND t.id = changed.id FOR UPDATE SKIP LOCKED);
    END IF;
    IF changed.state >= 3 THEN
      DELETE FROM market.due AS d WHERE d.kind = 'expire' AND d.id = (
        SELECT t.id FROM market.due AS t WHERE t.kind = 'expire' AND t.id = changed.id FOR UPDATE SKIP LOCKED);
    END IF;
  END LOOP;

  IF cardinality(t_ids) > 0 THEN
    INSERT INTO market.trade (trade_id, book, nth, buy_order, sell_order, quantity, price, buy_take, tax, taker_side, at)
    SELECT t.id, t.book,
      (SELECT b.trades FROM market.book AS b WHERE b.book = t.book)
        - count(*) OVER (PARTITION BY t.book) + row_number() OVER (PARTITION BY t.book ORDER BY t.n),
      t.buy, t.sell, t.quantity, t.price, t.take, t.tax, t.taker, moment
    FROM unnest(t_ids, t_books, t_buys, t_sells, t_quantities, t_prices, t_takes, t_taxes, t_takers)
      WITH ORDINALITY AS t (id, book, buy, sell, quantity, price, take, tax, taker, n);

    INSERT INTO market.candle AS k (book, span, at, open, high, low, close, volume)
    SELECT t.book, s.span, to_timestamp((at_ms - at_ms % s.ms) / 1000.0), t.prices[1], t.high, t.low,
      t.prices[cardinality(t.prices)], t.volume
    FROM (
        SELECT t.book, array_agg(t.price ORDER BY t.n) AS prices, max(t.price) AS high, min(t.price) AS low,
          sum(t.quantity)::bigint AS volume
        FROM unnest(t_books, t_prices, t_quantities) WITH ORDINALITY AS t (book, price, quantity, n) GROUP BY t.book
      ) AS t CROSS JOIN (VALUES (1::smallint, 60000), (2::smallint, 3600000), (3::smallint, 86400000)) AS s (span, ms)
    ON CONFLICT (book, span, at) DO UPDATE SET high = greatest(k.high, excluded.high), low = least(k.low, excluded.low),
      close = excluded.close, volume = k.volume + excluded.volume;
  END IF;

  INSERT INTO market.outbox (destination, subject, envelope)
  SELECT 'inventory', m.subject, m.envelope
  FROM unnest(m_subjects, m_envelopes) WITH ORDINALITY AS m (subject, envelope, n) ORDER BY m.n;

  INSERT INTO market.due (kind, id, due_at)
  SELECT k.kind, n.id, to_timestamp((CASE k.kind WHEN 'ask' THEN n.placed_ms + ask_ms ELSE n.expires_ms END) / 1000.0)
  FROM unnest(n_ids, n_placed_ms, n_expires_ms) AS n (id, placed_ms, expires_ms) CROSS JOIN (VALUES ('ask'), ('expire')) AS k (kind);
END
$$;

-- Deletes up to `rows_max` rows of inbox and results each that are older than asked, by the earlier of two clocks; returns how
-- many. The bounds are those of the world's outbox and of request ids: younger rows are never deleted.
CREATE FUNCTION market.prune(inbox_hours integer, result_hours integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000));
BEGIN
  IF inbox_hours < 96 OR result_hours < 24 THEN
    RAISE EXCEPTION 'inbox rows are kept for 96 h and results for 24 h at least';
  END IF;
  DELETE FROM market.inbox WHERE event_id IN (
    SELECT event_id FROM market.inbox
    WHERE received_at < moment - make_interval(hours => inbox_hours) LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM market.result WHERE idempotency_key IN (
    SELECT idempotency_key FROM market.result
    WHERE stored_at < moment - make_interval(hours => result_hours) LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

-- Deletes up to `rows_max` trades, and as many orders that ended without any, that are older than `keep_days`; returns how
-- many. Records of holds are kept for 30 days after their end: what they are compared with is kept for longer.
CREATE FUNCTION market.prune_history(keep_days integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000)) - make_interval(days => keep_days);
BEGIN
  IF keep_days < 31 THEN
    RAISE EXCEPTION 'trades are kept for 31 days at least';
  END IF;
  DELETE FROM market.trade WHERE trade_id IN (
    SELECT t.trade_id FROM market.book AS b CROSS JOIN LATERAL (
      SELECT t.trade_id, t.at FROM market.trade AS t WHERE t.book = b.book ORDER BY t.nth LIMIT rows_max) AS t
    WHERE t.at < moment LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM market."order" WHERE order_id IN (
    SELECT order_id FROM market."order" WHERE filled = 0 AND state >= 3 AND ended_at < moment LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA market FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA market FROM PUBLIC;
GRANT USAGE ON SCHEMA market TO hexhold_market;
GRANT SELECT ON ALL TABLES IN SCHEMA market TO hexhold_market;
GRANT INSERT ON market.inbox, market.result, market.outbox, market.due TO hexhold_market;
GRANT DELETE ON market.outbox, market.due TO hexhold_market;
GRANT UPDATE (lettered) ON market.inbox TO hexhold_market;
-- A timer is taken under a row lock, put off and armed anew.
GRANT UPDATE (due_at, failures) ON market.due TO hexhold_market;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA market TO hexhold_market;
GRANT USAGE ON SCHEMA market TO hexhold_readonly;
GRANT SELECT ON market.book, market."order", market.trade, market.candle TO hexhold_readonly;

-- Down Migration

DROP SCHEMA market CASCADE;
