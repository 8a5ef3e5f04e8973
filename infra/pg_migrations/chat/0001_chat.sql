-- Up Migration

-- Schema of chat: what players say, and what keeps them from saying too much. PostgreSQL >= 15. Roles are made by
-- `hexctl migrate` before any migration runs. A channel is `world`, `hex/<key text>`, or `whisper/<account>/<account>`, the
-- smaller id first.

CREATE SCHEMA IF NOT EXISTS chat;

-- The last number of each channel that something was said in. Its row lock is what gives numbers, so that they have no holes.
-- Rows stay when their messages are gone: numbers never begin again.
CREATE TABLE chat.channel (
  channel text PRIMARY KEY CHECK (channel ~ '^(world|hex/.+|whisper/.+/.+)$'),
  seq     bigint NOT NULL DEFAULT 0 CHECK (seq >= 0)
);

-- Kept by the day, and each kind of channel for another time: days are dropped whole.
CREATE TABLE chat.message (
  -- 1 world, 2 hex, 3 whisper.
  kind       smallint NOT NULL,
  -- Of `at`, UTC.
  day        date NOT NULL,
  channel    text NOT NULL,
  seq        bigint NOT NULL CHECK (seq >= 1),
  account_id uuid NOT NULL,
  -- As it was let through; empty when it was removed.
  text       text NOT NULL CHECK (octet_length(text) <= 1024),
  -- 1 as it was said, 2 with words masked, 3 removed.
  state      smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 3),
  -- The filter has failed: nobody has looked at it.
  flagged    boolean NOT NULL DEFAULT false,
  -- World time.
  at         timestamptz NOT NULL,
  PRIMARY KEY (channel, seq, day, kind),
  CHECK (kind = CASE WHEN channel = 'world' THEN 1 WHEN channel LIKE 'hex/%' THEN 2 WHEN channel LIKE 'whisper/%' THEN 3 END),
  CHECK ((text = '') = (state = 3))
) PARTITION BY LIST (kind);
CREATE TABLE chat.message_world PARTITION OF chat.message FOR VALUES IN (1) PARTITION BY RANGE (day);
CREATE TABLE chat.message_hex PARTITION OF chat.message FOR VALUES IN (2) PARTITION BY RANGE (day);
CREATE TABLE chat.message_whisper PARTITION OF chat.message FOR VALUES IN (3) PARTITION BY RANGE (day);

-- What moderators have taken away, for support alone, for 30 days.
CREATE TABLE chat.removed_text (
  channel    text NOT NULL,
  seq        bigint NOT NULL,
  account_id uuid NOT NULL,
  text       text NOT NULL,
  reason     text NOT NULL,
  removed_at timestamptz NOT NULL,
  PRIMARY KEY (channel, seq)
);
CREATE INDEX removed_text_age ON chat.removed_text (removed_at);

-- Accounts as far as chat needs to know them. Times that end in `_ms` are world time, Unix milliseconds.
CREATE TABLE chat.speaker (
  account_id     uuid PRIMARY KEY,
  -- Null = it has none, or nobody has said it yet.
  name           text,
  registered_at  timestamptz,
  -- Where its player lives, and the transfers of its life when that was said: the higher number is newer.
  hex            text,
  hex_number     bigint NOT NULL DEFAULT -1 CHECK (hex_number >= -1),
  -- Its player has been in the world.
  has_entered    boolean NOT NULL DEFAULT false,
  -- Token buckets: until when each is not full again. 0 = full.
  local_full_ms   bigint NOT NULL DEFAULT 0,
  world_full_ms   bigint NOT NULL DEFAULT 0,
  whisper_full_ms bigint NOT NULL DEFAULT 0,
  report_full_ms  bigint NOT NULL DEFAULT 0,
  -- When it was refused for being too fast, the last ones.
  too_fast_ms    bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(too_fast_ms) <= 20),
  -- What it has said of late: hashes of channel and text, and when.
  said_hashes    bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(said_hashes) <= 256),
  said_ms        bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(said_ms) = cardinality(said_hashes)),
  muted_until_ms bigint NOT NULL DEFAULT 0 CHECK (muted_until_ms >= 0),
  mute_reason    text NOT NULL DEFAULT '',
  -- Mutes by the service itself that followed one another: each is twice as long.
  auto_mutes     integer NOT NULL DEFAULT 0 CHECK (auto_mutes BETWEEN 0 AND 32),
  takes_whispers boolean NOT NULL DEFAULT true
);
CREATE INDEX speaker_name ON chat.speaker (lower(name)) WHERE name IS NOT NULL;

CREATE TABLE chat.block (
  account_id uuid NOT NULL,
  blocked    uuid NOT NULL CHECK (blocked <> account_id),
  PRIMARY KEY (account_id, blocked)
);

-- With whom an account has whispered; one row for each side.
CREATE TABLE chat.partner (
  account_id uuid NOT NULL,
  partner    uuid NOT NULL CHECK (partner <> account_id),
  -- This side has whispered first.
  has_opened boolean NOT NULL,
  since      timestamptz NOT NULL,
  -- Of the newest message.
  seq        bigint NOT NULL CHECK (seq >= 1),
  last_at    timestamptz NOT NULL,
  PRIMARY KEY (account_id, partner)
);
CREATE INDEX partner_opened ON chat.partner (account_id, since) WHERE has_opened;
CREATE INDEX partner_last ON chat.partner (account_id, last_at);
CREATE INDEX partner_age ON chat.partner (last_at);

CREATE TABLE chat.report (
  -- UUIDv7.
  report_id uuid PRIMARY KEY,
  channel   text NOT NULL,
  seq       bigint NOT NULL CHECK (seq >= 1),
  -- Who said it.
  account_id uuid NOT NULL,
  reporter  uuid NOT NULL,
  reason    text NOT NULL CHECK (length(reason) <= 256),
  at        timestamptz NOT NULL,
  -- The message was removed, or the account muted.
  ended_at  timestamptz,
  UNIQUE (channel, seq, reporter)
);
CREATE INDEX report_open ON chat.report (report_id) WHERE ended_at IS NULL;
CREATE INDEX report_of_account ON chat.report (account_id) WHERE ended_at IS NULL;
CREATE INDEX report_age ON chat.report (at);

-- The next four tables and `prune` are those of every domain service (libs/domain).

CREATE TABLE chat.due (
  kind     text NOT NULL,
  id       uuid NOT NULL,
  due_at   timestamptz NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, id)
);
CREATE INDEX due_next ON chat.due (kind, due_at);

CREATE TABLE chat.inbox (
  event_id    uuid PRIMARY KEY,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- A dead letter has left it open: a later copy is handled.
  lettered    boolean NOT NULL DEFAULT false
);
CREATE INDEX inbox_age ON chat.inbox (received_at);

CREATE TABLE chat.result (
  idempotency_key bytea PRIMARY KEY CHECK (length(idempotency_key) = 32),
  payload_hash    bytea NOT NULL,
  answer          bytea NOT NULL,
  stored_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX result_age ON chat.result (stored_at);

CREATE TABLE chat.outbox (
  position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination text NOT NULL,
  subject     text NOT NULL,
  envelope    bytea NOT NULL,
  added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_lane ON chat.outbox (destination, position);

-- In the functions below rows are looked up one by one, by their keys, in ascending order: so locks of two transactions never
-- cross, and no join is planned while the tables are small. Between tables the order is speaker, channel, message, report.

-- Makes the days of messages that are not there, from yesterday on to `ahead` days after today, world time. How many. Attached,
-- and not made in place: whoever writes goes on meanwhile.
CREATE FUNCTION chat.make_days(ahead integer, world_ms double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  made integer := 0;
  today date := (to_timestamp(world_ms / 1000) AT TIME ZONE 'UTC')::date;
  of_table text;
  of_day date;
  name text;
BEGIN
  IF ahead NOT BETWEEN 0 AND 30 THEN
    RAISE EXCEPTION 'days are made 0 to 30 ahead, not %', ahead;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('chat.make_days'));
  FOREACH of_table IN ARRAY ARRAY['message_world', 'message_hex', 'message_whisper'] LOOP
    FOR n IN -1 .. ahead LOOP
      of_day := today + n;
      name := of_table || '_' || to_char(of_day, 'YYYYMMDD');
      IF to_regclass('chat.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE chat.%I (LIKE chat.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, of_table);
        EXECUTE format('ALTER TABLE chat.%I ATTACH PARTITION chat.%I FOR VALUES FROM (%L) TO (%L)',
                       of_table, name, of_day, of_day + 1);
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;

-- Drops the days of one kind of channel that are older than so many days, by the earlier of two clocks. How many. One kind at a
-- time: who writes to two of them never waits for a transaction that waits for it.
CREATE FUNCTION chat.drop_days(of_kind smallint, keep_days integer, world_ms double precision) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  dropped integer := 0;
  today date := (least(clock_timestamp(), to_timestamp(world_ms / 1000)) AT TIME ZONE 'UTC')::date;
  of_table text := CASE of_kind WHEN 1 THEN 'message_world' WHEN 2 THEN 'message_hex' WHEN 3 THEN 'message_whisper' END;
  child record;
BEGIN
  IF of_table IS NULL OR keep_days < 1 THEN
    RAISE EXCEPTION 'messages of kind % are kept for % days?', of_kind, keep_days;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('chat.make_days'));
  FOR child IN
    -- As text: the planner may look at names of other tables first, which end in no day.
    SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass('chat.' || of_table)
      AND substring(c.relname FROM '_(\d{8})$') < to_char(today - keep_days, 'YYYYMMDD')
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE chat.%I', child.relname);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END
$$;

-- Locks accounts until the end of the transaction; makes those that are not there where `make` says so.
CREATE FUNCTION chat.lock_speakers(accounts uuid[], make boolean[]) RETURNS SETOF chat.speaker
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  asked record;
BEGIN
  FOR asked IN
    SELECT a.account, bool_or(a.make) AS make FROM unnest(accounts, make) AS a (account, make) GROUP BY a.account ORDER BY a.account
  LOOP
    IF asked.make THEN
      INSERT INTO chat.speaker (account_id) VALUES (asked.account) ON CONFLICT DO NOTHING;
    END IF;
    RETURN QUERY SELECT s.* FROM chat.speaker AS s WHERE s.account_id = asked.account FOR UPDATE;
  END LOOP;
END
$$;

-- Accounts as they were registered.
CREATE FUNCTION chat.registered(accounts uuid[], names text[], at_ms bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said record;
BEGIN
  FOR said IN SELECT * FROM unnest(accounts, names, at_ms) AS s (account, name, ms) ORDER BY s.account LOOP
    INSERT INTO chat.speaker AS s (account_id, name, registered_at)
    VALUES (said.account, said.name, to_timestamp(said.ms / 1000.0))
    ON CONFLICT (account_id) DO UPDATE SET name = excluded.name, registered_at = excluded.registered_at;
  END LOOP;
END
$$;

-- Where players live. What is older than what is there changes nothing but that the player has been in the world.
CREATE FUNCTION chat.residence(accounts uuid[], hexes text[], numbers bigint[], entered boolean[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  said record;
BEGIN
  FOR said IN
    SELECT * FROM unnest(accounts, hexes, numbers, entered) AS s (account, hex, number, has_entered) ORDER BY s.account, s.number
  LOOP
    INSERT INTO chat.speaker AS s (account_id, hex, hex_number, has_entered)
    VALUES (said.account, said.hex, said.number, said.has_entered)
    ON CONFLICT (account_id) DO UPDATE SET
      hex = CASE WHEN excluded.hex_number > s.hex_number THEN excluded.hex ELSE s.hex END,
      hex_number = greatest(excluded.hex_number, s.hex_number),
      has_entered = s.has_entered OR excluded.has_entered
    WHERE excluded.hex_number > s.hex_number OR (excluded.has_entered AND NOT s.has_entered);
  END LOOP;
END
$$;

-- What locked accounts have spent: one object for each, with its buckets and what was noted of it.
CREATE FUNCTION chat.spend(spent jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT * FROM jsonb_to_recordset(spent) AS n (account uuid, local_full_ms bigint, world_full_ms bigint, whisper_full_ms bigint,
      report_full_ms bigint, too_fast_ms bigint[], said_hashes bigint[], said_ms bigint[], muted_until_ms bigint, mute_reason text,
      auto_mutes integer, takes_whispers boolean) ORDER BY n.account
  LOOP
    UPDATE chat.speaker AS s SET local_full_ms = one.local_full_ms, world_full_ms = one.world_full_ms,
      whisper_full_ms = one.whisper_full_ms, report_full_ms = one.report_full_ms, too_fast_ms = one.too_fast_ms,
      said_hashes = one.said_hashes, said_ms = one.said_ms, muted_until_ms = one.muted_until_ms, mute_reason = one.mute_reason,
      auto_mutes = one.auto_mutes, takes_whispers = one.takes_whispers
    WHERE s.account_id = one.account;
    IF NOT FOUND THEN
      RAISE EXCEPTION '% has spent and is no speaker', one.account
        USING ERRCODE = 'check_violation', CONSTRAINT = 'speaker_is_there';
    END IF;
  END LOOP;
END
$$;

-- Locks channels until the end of the transaction, and says the last number of each; makes those that are not there.
CREATE FUNCTION chat.next_seq(channels text[]) RETURNS SETOF chat.channel
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  asked text;
BEGIN
  FOR asked IN SELECT DISTINCT c COLLATE "C" FROM unnest(channels) AS c ORDER BY 1 LOOP
    INSERT INTO chat.channel (channel) VALUES (asked) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT c.* FROM chat.channel AS c WHERE c.channel = asked FOR UPDATE;
  END LOOP;
END
$$;

-- The last numbers of channels that are locked, when their messages of `of_day` are stored: each number from the last one on
-- has its message. A channel in which nothing was ever said is no channel.
CREATE FUNCTION chat.keep_seq(channels text[], befores bigint[], afters bigint[], of_day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
  stored bigint;
BEGIN
  FOR one IN
    SELECT * FROM unnest(channels, befores, afters) AS n (channel, before, after) ORDER BY n.channel COLLATE "C"
  LOOP
    IF one.after = 0 THEN
      DELETE FROM chat.channel AS c WHERE c.channel = one.channel AND c.seq = 0;
      CONTINUE;
    END IF;
    CONTINUE WHEN one.after = one.before;
    SELECT count(*) INTO stored FROM chat.message AS m
    WHERE m.channel = one.channel AND m.seq > one.before AND m.seq <= one.after AND m.day = of_day
      AND m.kind = CASE WHEN one.channel = 'world' THEN 1 WHEN one.channel LIKE 'hex/%' THEN 2 ELSE 3 END;
    UPDATE chat.channel AS c SET seq = one.after
    WHERE c.channel = one.channel AND c.seq = one.before AND stored = one.after - one.before;
    IF NOT FOUND THEN
      RAISE EXCEPTION '%: % messages from % to %', one.channel, stored, one.before, one.after
        USING ERRCODE = 'check_violation', CONSTRAINT = 'channel_has_no_hole';
    END IF;
  END LOOP;
END
$$;

-- Whispers that were stored, in channels that are locked: who is whose partner.
CREATE FUNCTION chat.note_partners(senders uuid[], receivers uuid[], seqs bigint[], at_ms bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
  moment timestamptz := to_timestamp(at_ms / 1000.0);
BEGIN
  FOR one IN SELECT * FROM unnest(senders, receivers, seqs) AS n (sender, receiver, seq) ORDER BY n.seq LOOP
    INSERT INTO chat.partner AS p (account_id, partner, has_opened, since, seq, last_at)
    VALUES (one.sender, one.receiver, true, moment, one.seq, moment)
    ON CONFLICT (account_id, partner) DO UPDATE SET seq = excluded.seq, last_at = greatest(excluded.last_at, p.last_at);
    INSERT INTO chat.partner AS p (account_id, partner, has_opened, since, seq, last_at)
    VALUES (one.receiver, one.sender, false, moment, one.seq, moment)
    ON CONFLICT (account_id, partner) DO UPDATE SET seq = excluded.seq, last_at = greatest(excluded.last_at, p.last_at);
  END LOOP;
END
$$;

-- Ends the open reports of a message, or of all that an account has said.
CREATE FUNCTION chat.end_reports(of_channel text, of_seq bigint, of_account uuid, world_ms double precision) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  open record;
BEGIN
  FOR open IN
    SELECT r.report_id FROM chat.report AS r
    WHERE r.ended_at IS NULL AND CASE WHEN of_account IS NULL THEN r.channel = of_channel AND r.seq = of_seq
      ELSE r.account_id = of_account END
    ORDER BY r.report_id
  LOOP
    UPDATE chat.report AS r SET ended_at = to_timestamp(world_ms / 1000) WHERE r.report_id = open.report_id;
  END LOOP;
END
$$;

-- Takes a message away: its number stays. Who said it, and whether it was there until now; no row: there is no such message.
CREATE FUNCTION chat.remove(of_channel text, of_seq bigint, why text, world_ms double precision)
RETURNS TABLE (account_id uuid, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  found_kind smallint := CASE WHEN of_channel = 'world' THEN 1 WHEN of_channel LIKE 'hex/%' THEN 2 ELSE 3 END;
  said chat.message;
BEGIN
  SELECT m.* INTO said FROM chat.message AS m WHERE m.kind = found_kind AND m.channel = of_channel AND m.seq = of_seq FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF said.state <> 3 THEN
    INSERT INTO chat.removed_text (channel, seq, account_id, text, reason, removed_at)
    VALUES (of_channel, of_seq, said.account_id, said.text, why, to_timestamp(world_ms / 1000));
    UPDATE chat.message AS m SET text = '', state = 3
    WHERE m.kind = found_kind AND m.day = said.day AND m.channel = of_channel AND m.seq = of_seq;
  END IF;
  PERFORM chat.end_reports(of_channel, of_seq, NULL, world_ms);
  RETURN QUERY SELECT said.account_id, said.state <> 3;
END
$$;

-- Mutes an account, whose row is locked, until a time; 0 = no longer. Its open reports end with a mute. False: there is no such
-- account.
CREATE FUNCTION chat.mute(of_account uuid, until_ms bigint, why text, world_ms double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  UPDATE chat.speaker AS s SET muted_until_ms = until_ms, mute_reason = CASE WHEN until_ms = 0 THEN '' ELSE why END,
    too_fast_ms = '{}', auto_mutes = CASE WHEN until_ms = 0 THEN 0 ELSE s.auto_mutes END
  WHERE s.account_id = of_account;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF until_ms > 0 THEN
    PERFORM chat.end_reports(NULL, NULL, of_account, world_ms);
  END IF;
  RETURN true;
END
$$;

-- Deletes up to `rows_max` rows each of removed texts and partners that are older than so many days, and of reports that are
-- older than 90, by the earlier of two clocks; returns the most of one of them.
CREATE FUNCTION chat.prune_people(text_days integer, partner_days integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  most bigint := 0;
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000));
BEGIN
  IF text_days < 1 OR partner_days < 1 THEN
    RAISE EXCEPTION 'removed texts and partners are kept for a day at least';
  END IF;
  DELETE FROM chat.removed_text AS t WHERE (t.channel, t.seq) IN (
    SELECT r.channel, r.seq FROM chat.removed_text AS r WHERE r.removed_at < moment - make_interval(days => text_days) LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  most := greatest(most, gone);
  DELETE FROM chat.partner AS p WHERE (p.account_id, p.partner) IN (
    SELECT o.account_id, o.partner FROM chat.partner AS o WHERE o.last_at < moment - make_interval(days => partner_days) LIMIT rows_max
    FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS gone = ROW_COUNT;
  most := greatest(most, gone);
  DELETE FROM chat.report AS r WHERE r.report_id IN (
    SELECT o.report_id FROM chat.report AS o WHERE o.at < moment - make_interval(days => 90) LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN greatest(most, gone);
END
$$;

-- Deletes up to `rows_max` rows of inbox and results each that are older than asked, by the earlier of two clocks; returns how
-- many. The bounds are those of the world's outbox and of request ids: younger rows are never deleted.
CREATE FUNCTION chat.prune(inbox_hours integer, result_hours integer, rows_max integer, world_ms double precision) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone bigint;
  more bigint;
  moment timestamptz := least(clock_timestamp(), to_timestamp(world_ms / 1000));
BEGIN
  IF inbox_hours < 96 OR result_hours < 24 THEN
    RAISE EXCEPTION 'inbox rows are kept for 96 h and results for 24 h at least';
  END IF;
  DELETE FROM chat.inbox WHERE event_id IN (
    SELECT event_id FROM chat.inbox
    WHERE received_at < moment - make_interval(hours => inbox_hours) AND NOT lettered LIMIT rows_max);
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM chat.result WHERE idempotency_key IN (
    SELECT idempotency_key FROM chat.result
    WHERE stored_at < moment - make_interval(hours => result_hours) LIMIT rows_max);
  GET DIAGNOSTICS more = ROW_COUNT;
  RETURN gone + more;
END
$$;

SELECT chat.make_days(7, extract(epoch FROM clock_timestamp()) * 1000);

-- Rights are given table by table: of messages on the parent alone, so that nobody reads a day past its policies.
REVOKE ALL ON ALL TABLES IN SCHEMA chat FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA chat FROM PUBLIC;
GRANT USAGE ON SCHEMA chat TO hexhold_chat;
GRANT SELECT ON chat.channel, chat.message, chat.removed_text, chat.speaker, chat.block, chat.partner, chat.report, chat.due,
  chat.inbox, chat.result, chat.outbox, chat.schema_migration TO hexhold_chat;
GRANT INSERT ON chat.message, chat.block, chat.report, chat.due, chat.inbox, chat.result, chat.outbox TO hexhold_chat;
GRANT DELETE ON chat.block, chat.outbox, chat.due TO hexhold_chat;
GRANT UPDATE (lettered) ON chat.inbox TO hexhold_chat;
GRANT UPDATE (due_at, failures) ON chat.due TO hexhold_chat;
GRANT EXECUTE ON FUNCTION chat.make_days(integer, double precision), chat.drop_days(smallint, integer, double precision),
  chat.lock_speakers(uuid[], boolean[]), chat.registered(uuid[], text[], bigint[]),
  chat.residence(uuid[], text[], bigint[], boolean[]), chat.spend(jsonb), chat.next_seq(text[]),
  chat.keep_seq(text[], bigint[], bigint[], date), chat.note_partners(uuid[], uuid[], bigint[], bigint),
  chat.remove(text, bigint, text, double precision), chat.mute(uuid, bigint, text, double precision),
  chat.prune_people(integer, integer, integer, double precision), chat.prune(integer, integer, integer, double precision)
  TO hexhold_chat;

-- Moderators: people, each with a login that is a member of `hexhold_support`. They read what was said in the world and in
-- hexes; of whispers what was reported, with the twenty messages before and after it. The service reads and writes all of it
-- by a policy that the planner folds away; the owner, as whom the functions run, is not held by any.
ALTER TABLE chat.message ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON chat.message TO hexhold_chat USING (true) WITH CHECK (true);
CREATE POLICY support ON chat.message FOR SELECT TO hexhold_support USING (
  kind <> 3 OR EXISTS (SELECT 1 FROM chat.report AS r
    WHERE r.channel = message.channel AND message.seq BETWEEN r.seq - 20 AND r.seq + 20));
ALTER TABLE chat.removed_text ENABLE ROW LEVEL SECURITY;
CREATE POLICY service ON chat.removed_text TO hexhold_chat USING (true);
CREATE POLICY support ON chat.removed_text FOR SELECT TO hexhold_support USING (
  channel NOT LIKE 'whisper/%' OR EXISTS (SELECT 1 FROM chat.report AS r
    WHERE r.channel = removed_text.channel AND removed_text.seq BETWEEN r.seq - 20 AND r.seq + 20));
GRANT USAGE ON SCHEMA chat TO hexhold_support;
GRANT SELECT ON chat.message, chat.removed_text, chat.report TO hexhold_support;
GRANT SELECT (account_id, name, registered_at, muted_until_ms, mute_reason, auto_mutes) ON chat.speaker TO hexhold_support;

-- Down Migration

DROP SCHEMA chat CASCADE;
