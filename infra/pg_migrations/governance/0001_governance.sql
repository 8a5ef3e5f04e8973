-- Up Migration

-- Schema of governance: what players have done for hexes, and elections of the hexes' owners. PostgreSQL >= 15. Roles are made
-- by `hexctl migrate` before any migration runs. A hex is its key text.

CREATE SCHEMA IF NOT EXISTS governance;

-- One row, written by the first service of the world: stored points have faded by it.
CREATE TABLE governance.setting (
  is_only        boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  fade_per_mille integer NOT NULL CHECK (fade_per_mille BETWEEN 0 AND 1000)
);

CREATE TABLE governance.account (
  account_id    uuid PRIMARY KEY,
  name          text NOT NULL,
  registered_at timestamptz NOT NULL
);

-- Where each player lives, as hexes have said it.
CREATE TABLE governance.resident (
  account_id uuid PRIMARY KEY,
  hex        text NOT NULL,
  -- Transfers of its life when it came here: the higher one is newer.
  number     bigint NOT NULL CHECK (number >= 0),
  since      timestamptz NOT NULL,
  -- The hex has said when it came; else `since` is when it was seen here first.
  is_exact   boolean NOT NULL
);
CREATE INDEX resident_of_hex ON governance.resident (hex);

-- Journal, append-only.
CREATE TABLE governance.contribution (
  -- Of the hex that says so; one event may name several contributions.
  event_id   uuid NOT NULL,
  nth        integer NOT NULL CHECK (nth >= 1),
  position   bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  account_id uuid NOT NULL,
  hex        text NOT NULL,
  -- Points.
  value      bigint NOT NULL CHECK (value BETWEEN 1 AND 1000000000000),
  -- World time of the event.
  at         timestamptz NOT NULL,
  PRIMARY KEY (event_id, nth)
);
CREATE INDEX contribution_of_account ON governance.contribution (account_id, position);
CREATE INDEX contribution_to_hex ON governance.contribution (account_id, hex, at);

-- Derived from contributions: points as they stood on a day, counted from 1970-01-01 UTC.
CREATE TABLE governance.reputation (
  account_id uuid NOT NULL,
  hex        text NOT NULL,
  points     bigint NOT NULL CHECK (points >= 0),
  day        integer NOT NULL CHECK (day >= 0),
  PRIMARY KEY (account_id, hex)
);

CREATE TABLE governance.election (
  -- UUIDv7: the moment of the call is in it.
  election_id    uuid PRIMARY KEY,
  hex            text NOT NULL,
  called_by      uuid NOT NULL,
  -- 1 vacant, 2 the term was over, 3 the owner was inactive.
  cause          smallint NOT NULL CHECK (cause BETWEEN 1 AND 3),
  -- The owner in term whom it is about.
  owner          uuid,
  opens_at       timestamptz NOT NULL,
  closes_at      timestamptz NOT NULL,
  -- 1 open, 2 won, 3 failed.
  state          smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 3),
  electors       integer NOT NULL CHECK (electors >= 1),
  weight         bigint NOT NULL CHECK (weight >= 1),
  turnout_weight bigint NOT NULL DEFAULT 0 CHECK (turnout_weight BETWEEN 0 AND weight),
  turnout_heads  integer NOT NULL DEFAULT 0 CHECK (turnout_heads BETWEEN 0 AND electors),
  winner         uuid,
  failure        text NOT NULL DEFAULT '',
  decided_at     timestamptz,
  CHECK (closes_at > opens_at),
  CHECK ((owner IS NOT NULL) = (cause = 3)),
  CHECK ((winner IS NOT NULL) = (state = 2)),
  CHECK ((failure <> '') = (state = 3)),
  CHECK ((decided_at IS NOT NULL) = (state <> 1))
);
CREATE UNIQUE INDEX election_open ON governance.election (hex) WHERE state = 1;
CREATE INDEX election_of_hex ON governance.election (hex, election_id);

-- Fixed at the call, never changed.
CREATE TABLE governance.elector (
  election_id uuid NOT NULL,
  account_id  uuid NOT NULL,
  weight      bigint NOT NULL CHECK (weight >= 1),
  PRIMARY KEY (election_id, account_id)
);

CREATE TABLE governance.candidate (
  election_id uuid NOT NULL,
  account_id  uuid NOT NULL,
  words       text NOT NULL,
  at          timestamptz NOT NULL,
  PRIMARY KEY (election_id, account_id)
);

-- Journal, append-only.
CREATE TABLE governance.ballot (
  ballot_id   uuid PRIMARY KEY,
  election_id uuid NOT NULL,
  account_id  uuid NOT NULL,
  candidate   uuid NOT NULL,
  -- Counts the ballots of the account in this election: the last one holds.
  nth         integer NOT NULL CHECK (nth >= 1),
  at          timestamptz NOT NULL,
  UNIQUE (election_id, account_id, nth)
);

-- Journal, append-only but for `applied_at`: the owners of each hex, numbered from 1 without a hole.
CREATE TABLE governance.ownership (
  hex         text NOT NULL,
  number      bigint NOT NULL CHECK (number >= 1),
  -- Null = nobody.
  owner       uuid,
  election_id uuid NOT NULL UNIQUE,
  cause       smallint NOT NULL CHECK (cause BETWEEN 1 AND 3),
  from_at     timestamptz NOT NULL,
  until_at    timestamptz NOT NULL CHECK (until_at > from_at),
  -- World time at which the hex took it.
  applied_at  timestamptz,
  PRIMARY KEY (hex, number)
);
CREATE INDEX ownership_unapplied ON governance.ownership (from_at) WHERE applied_at IS NULL;

-- The newest number of each hex. Its row lock is what a call and a close hold, so that numbers have no holes and no twins.
CREATE TABLE governance.ownership_head (
  hex    text PRIMARY KEY,
  number bigint NOT NULL DEFAULT 0 CHECK (number >= 0)
);

-- The next four tables and `prune` are those of every domain service (libs/domain).

-- Durable timers by election: `close`, and `apply` until the hex has taken its owner.
CREATE TABLE governance.due (
  kind     text NOT NULL,
  id       uuid NOT NULL,
  due_at   timestamptz NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, id)
);
CREATE INDEX due_next ON governance.due (kind, due_at);

CREATE TABLE governance.inbox (
  event_id    uuid PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A dead letter has left it open: a later copy is handled.
  lettered    boolean NOT NULL DEFAULT false
);
CREATE INDEX inbox_age ON governance.inbox (received_at);

CREATE TABLE governance.result (
  idempotency_key bytea PRIMARY KEY CHECK (length(idempotency_key) = 32),
  payload_hash    bytea NOT NULL,
  answer          bytea NOT NULL,
  stored_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX result_age ON governance.result (stored_at);

CREATE TABLE governance.outbox (
  position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination text NOT NULL,
  subject     text NOT NULL,
  envelope    bytea NOT NULL,
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_lane ON governance.outbox (destination, position);

-- In the functions below rows are looked up one by one, by their keys, in ascending order: so locks of two transactions never
-- cross, and no join is planned while the tables are small. Between tables the order is election, elector, ownership_head,
-- reputation, resident.

-- The rule by which points fade: what was stored first. The service that finds another one does not start.
CREATE FUNCTION governance.keep_fade(per_mille integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO governance.setting (fade_per_mille) VALUES (per_mille) ON CONFLICT DO NOTHING;
  RETURN (SELECT s.fade_per_mille FROM governance.setting AS s);
END
$$;

-- Locks elections until the end of the transaction: for a change of their state, or (`is_shared`) against one.
CREATE FUNCTION governance.lock_elections(ids uuid[], shared boolean[]) RETURNS SETOF governance.election
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  asked record;
BEGIN
  FOR asked IN SELECT a.id, a.is_shared FROM unnest(ids, shared) AS a (id, is_shared) ORDER BY a.id LOOP
    IF asked.is_shared THEN
      RETURN QUERY SELECT e.* FROM governance.election AS e WHERE e.election_id = asked.id FOR SHARE;
    ELSE
      RETURN QUERY SELECT e.* FROM governance.election AS e WHERE e.election_id = asked.id FOR UPDATE;
    END IF;
  END LOOP;
END
$$;

-- Locks electors, so that ballots of one of them follow one another.
CREATE FUNCTION governance.lock_electors(elections uuid[], accounts uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  asked record;
BEGIN
  FOR asked IN SELECT DISTINCT a.election, a.account FROM unnest(elections, accounts) AS a (election, account)
    ORDER BY a.election, a.account
  LOOP
    PERFORM 1 FROM governance.elector AS e
      WHERE e.election_id = asked.election AND e.account_id = asked.account FOR UPDATE;
  END LOOP;
END
$$;

-- Locks the heads of hexes; makes those that are not there.
CREATE FUNCTION governance.lock_heads(hexes text[]) RETURNS SETOF governance.ownership_head
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  asked text;
BEGIN
  FOR asked IN SELECT DISTINCT h COLLATE "C" FROM unnest(hexes) AS h ORDER BY 1 LOOP
    INSERT INTO governance.ownership_head (hex) VALUES (asked) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT h.* FROM governance.ownership_head AS h WHERE h.hex = asked FOR UPDATE;
  END LOOP;
END
$$;

-- Locks reputation of accounts in hexes; makes what is not there.
CREATE FUNCTION governance.lock_reputation(accounts uuid[], hexes text[]) RETURNS SETOF governance.reputation
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  asked record;
BEGIN
  FOR asked IN SELECT DISTINCT a.account, a.hex COLLATE "C" AS hex FROM unnest(accounts, hexes) AS a (account, hex) ORDER BY 1, 2 LOOP
    INSERT INTO governance.reputation (account_id, hex, points, day) VALUES (asked.account, asked.hex, 0, 0)
      ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT r.* FROM governance.reputation AS r
      WHERE r.account_id = asked.account AND r.hex = asked.hex FOR UPDATE;
  END LOOP;
END
$$;

-- Locks the residents that are known.
CREATE FUNCTION governance.lock_residents(accounts uuid[]) RETURNS SETOF governance.resident
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  asked uuid;
BEGIN
  FOR asked IN SELECT DISTINCT a FROM unnest(accounts) AS a ORDER BY 1 LOOP
    RETURN QUERY SELECT r.* FROM governance.resident AS r WHERE r.account_id = asked FOR UPDATE;
  END LOOP;
END
$$;

-- Where players live now. What is older than what is there changes nothing.
CREATE FUNCTION governance.residence(accounts uuid[], hexes text[], numbers bigint[], since_ms bigint[], exact boolean[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO governance.resident AS r (account_id, hex, number, since, is_exact)
  SELECT n.account, n.hex, n.number, to_timestamp(n.since_ms / 1000.0), n.is_exact
  FROM unnest(accounts, hexes, numbers, since_ms, exact) AS n (account, hex, number, since_ms, is_exact) ORDER BY n.account
  ON CONFLICT (account_id) DO UPDATE
    SET hex = excluded.hex, number = excluded.number, since = excluded.since, is_exact = excluded.is_exact
    WHERE excluded.number > r.number OR (excluded.number = r.number AND excluded.is_exact AND NOT r.is_exact)
$$;

-- Notes contributions, and the points of those who made them, whose rows are locked. Points that fade never rise by more than
-- what was contributed, and no day comes again.
CREATE FUNCTION governance.contribute(
  c_events uuid[], c_nths integer[], c_accounts uuid[], c_hexes text[], c_values bigint[], c_ms bigint[],
  r_accounts uuid[], r_hexes text[], r_points bigint[], r_days integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  changed record;
  given bigint := 0;
  added bigint;
BEGIN
  FOR changed IN
    SELECT * FROM unnest(r_accounts, r_hexes, r_points, r_days) AS r (account, hex, points, day) ORDER BY r.account, r.hex COLLATE "C"
  LOOP
    SELECT coalesce(sum(c.value), 0), given + count(*) INTO added, given
    FROM unnest(c_accounts, c_hexes, c_values) AS c (account, hex, value)
    WHERE c.account = changed.account AND c.hex = changed.hex;
    UPDATE governance.reputation AS r SET points = changed.points, day = changed.day
    WHERE r.account_id = changed.account AND r.hex = changed.hex
      AND changed.day >= r.day AND changed.points <= r.points + added;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'points of % in % are not what contributions make of them', changed.account, changed.hex
        USING ERRCODE = 'check_violation', CONSTRAINT = 'reputation_of_contributions';
    END IF;
  END LOOP;
  IF given <> cardinality(c_events) THEN
    RAISE EXCEPTION '% contributions, % of them in points', cardinality(c_events), given
      USING ERRCODE = 'check_violation', CONSTRAINT = 'reputation_of_contributions';
  END IF;
  INSERT INTO governance.contribution (event_id, nth, account_id, hex, value, at)
  SELECT c.event, c.nth, c.account, c.hex, c.value, to_timestamp(c.ms / 1000.0)
  FROM unnest(c_events, c_nths, c_accounts, c_hexes, c_values, c_ms) WITH ORDINALITY AS c (event, nth, account, hex, value, ms, n)
  ORDER BY c.n;
END
$$;

-- Opens an election in a hex whose head is locked, with its electors, and the timer that closes it.
CREATE FUNCTION governance.call(
  id uuid, of_hex text, by_account uuid, why smallint, of_owner uuid, opens_ms bigint, closes_ms bigint,
  e_accounts uuid[], e_weights bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  named record;
BEGIN
  FOR named IN SELECT * FROM unnest(e_accounts, e_weights) AS e (account, weight) LOOP
    IF NOT EXISTS (SELECT 1 FROM governance.resident AS r WHERE r.account_id = named.account AND r.hex = of_hex)
      OR named.weight > coalesce((SELECT r.points FROM governance.reputation AS r
        WHERE r.account_id = named.account AND r.hex = of_hex), 0)
    THEN
      RAISE EXCEPTION '% is no elector of % with a weight of %', named.account, of_hex, named.weight
        USING ERRCODE = 'check_violation', CONSTRAINT = 'elector_is_resident';
    END IF;
  END LOOP;
  INSERT INTO governance.election (election_id, hex, called_by, cause, owner, opens_at, closes_at, electors, weight)
  VALUES (id, of_hex, by_account, why, of_owner, to_timestamp(opens_ms / 1000.0), to_timestamp(closes_ms / 1000.0),
    cardinality(e_accounts), (SELECT sum(w) FROM unnest(e_weights) AS w));
  INSERT INTO governance.elector (election_id, account_id, weight)
  SELECT id, e.account, e.weight FROM unnest(e_accounts, e_weights) AS e (account, weight);
  INSERT INTO governance.due (kind, id, due_at) VALUES ('close', id, to_timestamp(closes_ms / 1000.0));
END
$$;

-- Ends an election that is locked. With a winner the hex, whose head is locked, has its next owner. The number of that; null
-- when it failed.
CREATE FUNCTION governance.close(
  id uuid, now_ms bigint, voted_weight bigint, voted_heads integer, why_failed text, of_winner uuid, until_ms bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ended governance.election;
  next_number bigint;
  voters bigint;
  voters_weight bigint;
BEGIN
  UPDATE governance.election AS e SET state = CASE WHEN of_winner IS NULL THEN 3 ELSE 2 END, turnout_weight = voted_weight,
    turnout_heads = voted_heads, failure = why_failed, winner = of_winner, decided_at = to_timestamp(now_ms / 1000.0)
  WHERE e.election_id = id AND e.state = 1 AND e.closes_at <= to_timestamp(now_ms / 1000.0)
  RETURNING e.* INTO ended;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'election % is not open, or not over', id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'election_is_over';
  END IF;
  SELECT count(*), coalesce(sum(v.weight), 0) INTO voters, voters_weight FROM (
    SELECT (SELECT e.weight FROM governance.elector AS e WHERE e.election_id = id AND e.account_id = b.account_id) AS weight
    FROM governance.ballot AS b WHERE b.election_id = id AND b.nth = 1) AS v WHERE v.weight IS NOT NULL;
  IF voters <> voted_heads OR voters_weight <> voted_weight THEN
    RAISE EXCEPTION 'election %: % of % have voted, not % of %', id, voters, voters_weight, voted_heads, voted_weight
      USING ERRCODE = 'check_violation', CONSTRAINT = 'election_turnout';
  END IF;
  IF of_winner IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM 1 FROM governance.candidate AS c WHERE c.election_id = id AND c.account_id = of_winner;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% has not stood in %', of_winner, id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'winner_is_candidate';
  END IF;
  UPDATE governance.ownership_head AS h SET number = h.number + 1 WHERE h.hex = ended.hex RETURNING h.number INTO STRICT next_number;
  INSERT INTO governance.ownership (hex, number, owner, election_id, cause, from_at, until_at)
  VALUES (ended.hex, next_number, of_winner, id, ended.cause, to_timestamp(now_ms / 1000.0), to_timestamp(until_ms / 1000.0));
  RETURN next_number;
END
$$;

-- Hexes have taken their owners. Those that are in no journal here, as `hex number`.
CREATE FUNCTION governance.applied(hexes text[], numbers bigint[], at_ms bigint[]) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said record;
BEGIN
  FOR said IN SELECT * FROM unnest(hexes, numbers, at_ms) AS s (hex, number, ms) ORDER BY s.hex COLLATE "C", s.number LOOP
    UPDATE governance.ownership AS o SET applied_at = to_timestamp(said.ms / 1000.0)
    WHERE o.hex = said.hex AND o.number = said.number AND o.applied_at IS NULL;
    IF NOT FOUND AND NOT EXISTS (SELECT 1 FROM governance.ownership AS o WHERE o.hex = said.hex AND o.number = said.number) THEN
      RETURN NEXT said.hex || ' ' || said.number;
    END IF;
  END LOOP;
END
$$;

-- Deletes up to `rows_max` rows of inbox and results each that are older than asked, by the earlier of two clocks; returns how
-- many. The bounds are those of the world's outbox and of request ids: younger rows are never deleted.
CREATE FUNCTION governance.prune(inbox_hours integer, result_hours integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000));
BEGIN
  IF inbox_hours < 96 OR result_hours < 24 THEN
    RAISE EXCEPTION 'inbox rows are kept for 96 h and results for 24 h at least';
  END IF;
  DELETE FROM governance.inbox WHERE event_id IN (
    SELECT event_id FROM governance.inbox
    WHERE received_at < moment - make_interval(hours => inbox_hours) AND NOT lettered LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM governance.result WHERE idempotency_key IN (
    SELECT idempotency_key FROM governance.result
    WHERE stored_at < moment - make_interval(hours => result_hours) LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA governance FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA governance FROM PUBLIC;
GRANT USAGE ON SCHEMA governance TO hexhold_governance;
GRANT SELECT ON ALL TABLES IN SCHEMA governance TO hexhold_governance;
GRANT INSERT ON governance.account, governance.candidate, governance.ballot, governance.inbox, governance.result,
  governance.outbox, governance.due TO hexhold_governance;
GRANT DELETE ON governance.outbox, governance.due TO hexhold_governance;
GRANT UPDATE (lettered) ON governance.inbox TO hexhold_governance;
-- A timer is taken under a row lock, put off and armed anew.
GRANT UPDATE (due_at, failures) ON governance.due TO hexhold_governance;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA governance TO hexhold_governance;
GRANT USAGE ON SCHEMA governance TO hexhold_readonly;
GRANT SELECT ON governance.setting, governance.account, governance.resident, governance.contribution, governance.reputation,
  governance.election, governance.elector, governance.candidate, governance.ballot, governance.ownership,
  governance.ownership_head TO hexhold_readonly;
GRANT USAGE ON SCHEMA governance TO hexhold_auditor;
GRANT SELECT ON governance.setting, governance.account, governance.resident, governance.contribution, governance.reputation,
  governance.election, governance.elector, governance.candidate, governance.ballot, governance.ownership,
  governance.ownership_head, governance.outbox, governance.inbox, governance.due TO hexhold_auditor;

-- Down Migration

DROP SCHEMA governance CASCADE;
