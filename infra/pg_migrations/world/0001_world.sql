-- Up Migration

-- Schema of the worker: who owns a slot, what happened in every hex, what was answered, what must be sent.
-- PostgreSQL >= 15. Roles are made by `hexctl migrate` before any migration runs.

CREATE SCHEMA IF NOT EXISTS world;

-- One sequence for the world: an epoch is never given twice, in whatever slot.
CREATE SEQUENCE world.epoch AS bigint;

CREATE TABLE world.slot (
  slot     text PRIMARY KEY,
  epoch    bigint NOT NULL,
  -- worker#incarnation
  owner    text NOT NULL,
  -- The last owner let go in good order: what the broker delivers again charges nobody.
  released boolean NOT NULL DEFAULT false,
  taken_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How far each hex has come, and in which slot it may be written.
CREATE TABLE world.hex_head (
  bucket        smallint NOT NULL,
  hex_id        bigint NOT NULL,
  layer_id      bigint NOT NULL,
  hex_version   bigint NOT NULL,
  epoch         bigint NOT NULL,
  slot          text NOT NULL,
  route_version bigint NOT NULL DEFAULT 0,
  decided_at    timestamptz NOT NULL,
  PRIMARY KEY (bucket, hex_id, layer_id)
) WITH (fillfactor = 60);

-- One row, one event. Together with hex_base it is the truth of the durable world.
CREATE TABLE world.journal (
  bucket          smallint NOT NULL,
  hex_id          bigint NOT NULL,
  layer_id        bigint NOT NULL,
  hex_version     bigint NOT NULL,
  epoch           bigint NOT NULL,
  event_id        uuid NOT NULL,
  type            text NOT NULL,
  message_version integer NOT NULL,
  payload         bytea NOT NULL,
  account_id      uuid,
  idempotency_key bytea NOT NULL,
  decided_at      timestamptz NOT NULL,
  traceparent     text NOT NULL DEFAULT '',
  PRIMARY KEY (bucket, hex_id, layer_id, hex_version)
);

-- Compacted durable state: the journal of a hex goes on at hex_version + 1.
CREATE TABLE world.hex_base (
  bucket       smallint NOT NULL,
  hex_id       bigint NOT NULL,
  layer_id     bigint NOT NULL,
  hex_version  bigint NOT NULL,
  state        bytea NOT NULL,
  state_hash   bytea NOT NULL,
  state_format integer NOT NULL,
  decided_at   timestamptz NOT NULL,
  PRIMARY KEY (bucket, hex_id, layer_id)
);

-- The terminal answer of every durable command, by which a repetition is recognised.
CREATE TABLE world.command_result (
  bucket          smallint NOT NULL,
  -- Day inside the request's UUIDv7.
  request_day     date NOT NULL,
  idempotency_key bytea NOT NULL,
  payload_hash    bytea NOT NULL,
  -- Encoded hexhold.envelope.v1.Answer without the ids of one send.
  answer          bytea NOT NULL,
  decided_at      timestamptz NOT NULL,
  CONSTRAINT command_result_key PRIMARY KEY (bucket, request_day, idempotency_key)
) PARTITION BY RANGE (request_day);

-- Never dropped: records of services whose request day lies outside the days that are kept.
CREATE TABLE world.command_result_default PARTITION OF world.command_result DEFAULT;

-- Days below the floor are dropped at least an hour after it was raised; a client's command of such a day
-- can no longer be told from a new one, and is refused.
CREATE TABLE world.prune_floor (
  only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  floor     date NOT NULL,
  raised_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO world.prune_floor (floor) VALUES ('2000-01-01');

CREATE SEQUENCE world.outbox_position AS bigint;

-- Messages that a commit owes to somebody, one row per destination.
CREATE TABLE world.outbox (
  slot        text NOT NULL,
  -- Lane: a service, or `hex` for other hexes.
  destination text NOT NULL,
  position    bigint NOT NULL,
  day         date NOT NULL,
  -- Target: subject for services, key for hexes. Never a queue: that is computed when it is published.
  subject     text,
  hex_id      bigint,
  layer_id    bigint,
  envelope    bytea NOT NULL,
  PRIMARY KEY (slot, destination, position, day)
) PARTITION BY RANGE (day);
CREATE TABLE world.outbox_default PARTITION OF world.outbox DEFAULT;

-- Everything up to `position` is confirmed by the broker.
CREATE TABLE world.outbox_lane (
  slot        text NOT NULL,
  destination text NOT NULL,
  position    bigint NOT NULL,
  PRIMARY KEY (slot, destination)
) WITH (fillfactor = 50);

-- Timers that the states of hexes hold armed: an index of what the journal says, changed in the same commit.
CREATE TABLE world.timer (
  bucket        smallint NOT NULL,
  hex_id        bigint NOT NULL,
  layer_id      bigint NOT NULL,
  timer         text NOT NULL,
  slot          text NOT NULL,
  due_at        timestamptz NOT NULL,
  armed_version bigint NOT NULL,
  PRIMARY KEY (bucket, hex_id, layer_id, timer)
);
CREATE INDEX timer_due ON world.timer (slot, due_at);

-- Attempts on commands that may have killed a worker, noted before each.
CREATE TABLE world.suspect_attempt (
  idempotency_key bytea PRIMARY KEY,
  slot            text NOT NULL,
  attempts        integer NOT NULL,
  noted_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE world.quarantined_hex (
  bucket   smallint NOT NULL,
  hex_id   bigint NOT NULL,
  layer_id bigint NOT NULL,
  reason   text NOT NULL,
  since    timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (bucket, hex_id, layer_id)
);

-- Snapshots of the embedded profile; elsewhere MongoDB has them. Never the truth.
CREATE TABLE world.snapshot (
  bucket         smallint NOT NULL,
  hex_id         bigint NOT NULL,
  layer_id       bigint NOT NULL,
  epoch          bigint NOT NULL,
  hex_version    bigint NOT NULL,
  volatile_count bigint NOT NULL,
  state_format   integer NOT NULL,
  durable        bytea NOT NULL,
  durable_hash   bytea NOT NULL,
  volatile       bytea NOT NULL,
  readable       jsonb NOT NULL,
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (bucket, hex_id, layer_id)
) WITH (fillfactor = 70);

CREATE VIEW world.slots AS SELECT slot, epoch, owner, released FROM world.slot;
CREATE VIEW world.moved_keys AS
  SELECT bucket, hex_id, layer_id, slot, route_version FROM world.hex_head WHERE route_version > 0;
-- For tools and tests that look at the world: no payloads, no states.
CREATE VIEW world.journal_index AS
  SELECT bucket, hex_id, layer_id, hex_version, epoch, event_id, type, message_version, account_id,
         idempotency_key, decided_at FROM world.journal;
CREATE VIEW world.result_index AS
  SELECT bucket, request_day, idempotency_key, decided_at FROM world.command_result;
CREATE VIEW world.outbox_index AS
  SELECT slot, destination, position, day, subject FROM world.outbox;

-- Takes a slot that was granted at `p_expected_epoch` (0 = it has no row yet), or renews the epoch of one's
-- own after a commit of unknown outcome. No row = somebody was faster, or the grant came late.
-- `clean`: the last owner had released it.
CREATE FUNCTION world.take_slot(p_slot text, p_expected_epoch bigint, p_owner text)
RETURNS TABLE (epoch bigint, clean boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was_released boolean;
BEGIN
  IF p_expected_epoch = 0 THEN
    RETURN QUERY
      INSERT INTO world.slot AS s (slot, epoch, owner)
      VALUES (p_slot, nextval('world.epoch'), p_owner)
      ON CONFLICT (slot) DO NOTHING
      RETURNING s.epoch, true;
    RETURN;
  END IF;
  SELECT s.released INTO was_released FROM world.slot s
    WHERE s.slot = p_slot AND s.epoch = p_expected_epoch FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN QUERY
    UPDATE world.slot AS s
    SET epoch = nextval('world.epoch'), owner = p_owner, released = false, taken_at = clock_timestamp()
    WHERE s.slot = p_slot AND s.epoch = p_expected_epoch
    RETURNING s.epoch, was_released;
END $$;

-- Lets go of a slot in good order. False = the caller was no longer its owner.
CREATE FUNCTION world.release_slot(p_slot text, p_epoch bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH released AS (
    UPDATE world.slot SET released = true WHERE slot = p_slot AND epoch = p_epoch RETURNING 1
  )
  SELECT EXISTS (SELECT 1 FROM released)
$$;

-- Commits what the batches of one slot or of several decided, all of it or nothing. All arrays of one prefix
-- have one length; `…_of` is the place of the row's slot in p_slot, from 1.
--   p_  the slots, each once; p_wait: wait for the lock of a slot's row, else 55P03 when it is not free
--   r_  answers of `decide`, refusals and dead letters included (r_from_client: the request day is a client's)
--   h_  every hex of the batch once, from its version before the batch to the one after
--   j_  events, numbered on from h_from
--   o_  messages owed, in order
--   t_  timers armed or, without t_due_ms, disarmed; each once
-- Returns the outbox positions in the order of o_. A fault of one slot is a fault of all.
-- HX001 fenced, HX002 head stale, HX003 key known, HX004 key moved, HX005 epoch behind the head,
-- HX006 below the prune floor; DETAIL of HX002/4/5 lists the hexes as `hex_id.layer_id`.
CREATE FUNCTION world.commit_batch(
  p_slot text[], p_epoch bigint[], p_route_version bigint[], p_wait boolean,
  r_bucket smallint[], r_day integer[], r_key bytea[], r_payload_hash bytea[], r_answer bytea[],
  r_decided_ms bigint[], r_from_client boolean[],
  h_of smallint[], h_bucket smallint[], h_hex bigint[], h_layer bigint[], h_from bigint[], h_to bigint[],
  h_decided_ms bigint[],
  j_of smallint[], j_bucket smallint[], j_hex bigint[], j_layer bigint[], j_version bigint[],
  j_event_id uuid[], j_type text[], j_message_version integer[], j_payload bytea[], j_account uuid[],
  j_key bytea[], j_decided_ms bigint[], j_traceparent text[],
  o_of smallint[], o_destination text[], o_subject text[], o_hex bigint[], o_layer bigint[],
  o_envelope bytea[],
  t_of smallint[], t_bucket smallint[], t_hex bigint[], t_layer bigint[], t_timer text[], t_due_ms bigint[],
  t_armed_version bigint[]
) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  moved integer;
  changed integer;
  born integer;
  refused integer;
  positions bigint[];
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
  -- FOR SHARE holds the row from here to the end of the transaction: FOR KEY SHARE does not conflict with
  -- take_slot's update, and an unlocked read lets a zombie's commit land behind a take-over.
  FOR part IN 1 .. cardinality(p_slot) LOOP
    IF p_wait THEN
      PERFORM 1 FROM world.slot s WHERE s.slot = p_slot[part] AND s.epoch = p_epoch[part] FOR SHARE;
    ELSE
      PERFORM 1 FROM world.slot s WHERE s.slot = p_slot[part] AND s.epoch = p_epoch[part] FOR SHARE NOWAIT;
    END IF;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'slot % is no longer held at epoch %', p_slot[part], p_epoch[part]
        USING ERRCODE = 'HX001';
    END IF;
  END LOOP;

  IF cardinality(r_key) > 0 THEN
    IF EXISTS (
      SELECT 1 FROM unnest(r_day, r_from_client) AS r(day, from_client), world.prune_floor f
      WHERE r.from_client AND date '1970-01-01' + r.day < f.floor
    ) THEN
      RAISE EXCEPTION 'a request day lies below the prune floor' USING ERRCODE = 'HX006';
    END IF;
    BEGIN
      INSERT INTO world.command_result
        (bucket, request_day, idempotency_key, payload_hash, answer, decided_at)
      SELECT r.bucket, date '1970-01-01' + r.day, r.key, r.payload_hash, r.answer,
             to_timestamp(r.decided_ms / 1000::double precision)
      FROM unnest(r_bucket, r_day, r_key, r_payload_hash, r_answer, r_decided_ms)
        AS r(bucket, day, key, payload_hash, answer, decided_ms);
    EXCEPTION WHEN unique_violation THEN
      -- Never ON CONFLICT DO NOTHING: the repetition would reach the journal a second time.
      RAISE EXCEPTION 'a command of this batch has a stored result' USING ERRCODE = 'HX003';
    END;
  END IF;

  SELECT count(*) FILTER (WHERE f > 0 AND t > f), count(*) FILTER (WHERE f = 0 AND t > f),
         count(*) FILTER (WHERE f = t)
  INTO changed, born, refused FROM unnest(h_from, h_to) AS h(f, t);

  -- Hexes that change, each looked up by its whole key: with other joins than nested loops switched off, the
  -- planner has nothing else to choose, analysed or not. (Repeating the key as `= ANY` of the arrays has the
  -- same effect, but each look-up then sorts the arrays: at 512 hexes that is most of the statement.)
  IF changed > 0 THEN
    UPDATE world.hex_head AS head
    SET hex_version = h.t, epoch = p_epoch[h.part],
        decided_at = to_timestamp(h.decided_ms / 1000::double precision)
    FROM unnest(h_of, h_bucket, h_hex, h_layer, h_from, h_to, h_decided_ms)
      AS h(part, bucket, hex_id, layer_id, f, t, decided_ms)
    WHERE head.bucket = h.bucket AND head.hex_id = h.hex_id AND head.layer_id = h.layer_id
      AND h.f > 0 AND h.t > h.f
      AND head.hex_version = h.f AND head.slot = p_slot[h.part]
      AND head.route_version <= p_route_version[h.part] AND head.epoch <= p_epoch[h.part];
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> changed THEN
      PERFORM world.raise_head_fault(
        p_slot, p_epoch, p_route_version, h_of, h_bucket, h_hex, h_layer, h_from);
    END IF;
  END IF;

  -- Hexes that get their first event.
  IF born > 0 THEN
    INSERT INTO world.hex_head AS head (bucket, hex_id, layer_id, hex_version, epoch, slot, decided_at)
    SELECT h.bucket, h.hex_id, h.layer_id, h.t, p_epoch[h.part], p_slot[h.part],
           to_timestamp(h.decided_ms / 1000::double precision)
    FROM unnest(h_of, h_bucket, h_hex, h_layer, h_from, h_to, h_decided_ms)
      AS h(part, bucket, hex_id, layer_id, f, t, decided_ms)
    WHERE h.f = 0 AND h.t > 0
    ON CONFLICT (bucket, hex_id, layer_id) DO UPDATE
    SET hex_version = excluded.hex_version, epoch = excluded.epoch, decided_at = excluded.decided_at
    WHERE head.hex_version = 0 AND head.slot = excluded.slot AND head.epoch <= excluded.epoch
      AND head.route_version <= p_route_version[array_position(p_slot, head.slot)];
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> born THEN
      PERFORM world.raise_head_fault(
        p_slot, p_epoch, p_route_version, h_of, h_bucket, h_hex, h_layer, h_from);
    END IF;
  END IF;

  -- Hexes that only refused: nothing is written, but the refusal must not rest on a stale or moved hex.
  IF refused > 0 AND EXISTS (
    SELECT 1
    FROM unnest(h_of, h_bucket, h_hex, h_layer, h_from, h_to) AS h(part, bucket, hex_id, layer_id, f, t)
    LEFT JOIN world.hex_head AS head
      ON head.bucket = h.bucket AND head.hex_id = h.hex_id AND head.layer_id = h.layer_id
    WHERE h.f = h.t AND (
      coalesce(head.hex_version, 0) <> h.f
      OR coalesce(head.slot, p_slot[h.part]) <> p_slot[h.part]
      OR coalesce(head.route_version, 0) > p_route_version[h.part]
      OR coalesce(head.epoch, 0) > p_epoch[h.part])
  ) THEN
    PERFORM world.raise_head_fault(
      p_slot, p_epoch, p_route_version, h_of, h_bucket, h_hex, h_layer, h_from);
  END IF;

  IF cardinality(j_event_id) > 0 THEN
    INSERT INTO world.journal (
      bucket, hex_id, layer_id, hex_version, epoch, event_id, type, message_version, payload,
      account_id, idempotency_key, decided_at, traceparent)
    SELECT j.bucket, j.hex_id, j.layer_id, j.hex_version, p_epoch[j.part], j.event_id, j.type,
           j.message_version, j.payload, j.account_id, j.idempotency_key,
           to_timestamp(j.decided_ms / 1000::double precision), j.traceparent
    FROM unnest(j_of, j_bucket, j_hex, j_layer, j_version, j_event_id, j_type, j_message_version,
                j_payload, j_account, j_key, j_decided_ms, j_traceparent)
      AS j(part, bucket, hex_id, layer_id, hex_version, event_id, type, message_version, payload,
           account_id, idempotency_key, decided_ms, traceparent);
  END IF;

  IF cardinality(o_envelope) > 0 THEN
    -- The position is drawn after the fence, so a slot's positions rise in the order of its commits.
    WITH inserted AS (
      INSERT INTO world.outbox (slot, destination, position, day, subject, hex_id, layer_id, envelope)
      SELECT p_slot[o.part], o.destination, nextval('world.outbox_position'),
             today, o.subject, o.hex_id, o.layer_id, o.envelope
      FROM (
        SELECT * FROM unnest(o_of, o_destination, o_subject, o_hex, o_layer, o_envelope) WITH ORDINALITY
          AS u(part, destination, subject, hex_id, layer_id, envelope, ord)
        ORDER BY ord
      ) AS o
      RETURNING position
    )
    SELECT array_agg(position ORDER BY position) INTO positions FROM inserted;
  END IF;

  IF cardinality(t_timer) > 0 THEN
    DELETE FROM world.timer AS old
    USING unnest(t_bucket, t_hex, t_layer, t_timer, t_due_ms) AS t(bucket, hex_id, layer_id, timer, due_ms)
    WHERE old.bucket = t.bucket AND old.hex_id = t.hex_id AND old.layer_id = t.layer_id
      AND old.timer = t.timer AND t.due_ms IS NULL;
    INSERT INTO world.timer AS old (bucket, hex_id, layer_id, timer, slot, due_at, armed_version)
    SELECT t.bucket, t.hex_id, t.layer_id, t.timer, p_slot[t.part],
           to_timestamp(t.due_ms / 1000::double precision), t.armed_version
    FROM unnest(t_of, t_bucket, t_hex, t_layer, t_timer, t_due_ms, t_armed_version)
      AS t(part, bucket, hex_id, layer_id, timer, due_ms, armed_version)
    WHERE t.due_ms IS NOT NULL
    ON CONFLICT (bucket, hex_id, layer_id, timer) DO UPDATE
    SET slot = excluded.slot, due_at = excluded.due_at, armed_version = excluded.armed_version;
  END IF;
  RETURN positions;
END $$;

-- Raises what is wrong with the heads of a batch, the weightiest first.
CREATE FUNCTION world.raise_head_fault(
  p_slot text[], p_epoch bigint[], p_route_version bigint[],
  h_of smallint[], h_bucket smallint[], h_hex bigint[], h_layer bigint[], h_from bigint[]
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  fault record;
BEGIN
  SELECT
    string_agg(key, ',') FILTER (WHERE moved) AS moved,
    string_agg(key, ',') FILTER (WHERE behind) AS behind,
    string_agg(key, ',') FILTER (WHERE stale) AS stale
  INTO fault
  FROM (
    SELECT h.hex_id || '.' || h.layer_id AS key,
           head.slot <> p_slot[h.part] OR head.route_version > p_route_version[h.part] AS moved,
           head.epoch > p_epoch[h.part] AS behind,
           coalesce(head.hex_version, 0) <> h.f AS stale
    FROM unnest(h_of, h_bucket, h_hex, h_layer, h_from) AS h(part, bucket, hex_id, layer_id, f)
    LEFT JOIN world.hex_head AS head
      ON head.bucket = h.bucket AND head.hex_id = h.hex_id AND head.layer_id = h.layer_id
      AND head.bucket = ANY (h_bucket) AND head.hex_id = ANY (h_hex) AND head.layer_id = ANY (h_layer)
  ) AS checked;
  IF fault.moved IS NOT NULL THEN
    RAISE EXCEPTION 'a key has left its slot' USING ERRCODE = 'HX004', DETAIL = fault.moved;
  ELSIF fault.behind IS NOT NULL THEN
    RAISE EXCEPTION 'an epoch is behind a head' USING ERRCODE = 'HX005', DETAIL = fault.behind;
  END IF;
  RAISE EXCEPTION 'a head is not at the version it was decided on'
    USING ERRCODE = 'HX002', DETAIL = coalesce(fault.stale, '');
END $$;

-- Everything up to these positions is confirmed. Not fenced: what a zombie had confirmed is confirmed.
CREATE FUNCTION world.advance_lane(p_slot text, p_destinations text[], p_positions bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO world.outbox_lane AS lane (slot, destination, position)
  SELECT p_slot, l.destination, l.position FROM unnest(p_destinations, p_positions) AS l(destination, position)
  ON CONFLICT (slot, destination) DO UPDATE SET position = excluded.position
  WHERE lane.position < excluded.position
$$;

-- Adds `p_delta` attempts to a suspect command and returns how many it has now; rows of none are removed.
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

-- Marks a hex that cannot be activated, or clears the mark (reason NULL).
CREATE FUNCTION world.quarantine(
  p_slot text, p_epoch bigint, p_bucket smallint, p_hex bigint, p_layer bigint, p_reason text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM 1 FROM world.slot s WHERE s.slot = p_slot AND s.epoch = p_epoch FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'slot % is no longer held at epoch %', p_slot, p_epoch USING ERRCODE = 'HX001';
  END IF;
  IF p_reason IS NULL THEN
    DELETE FROM world.quarantined_hex
      WHERE bucket = p_bucket AND hex_id = p_hex AND layer_id = p_layer;
  ELSE
    INSERT INTO world.quarantined_hex AS q (bucket, hex_id, layer_id, reason)
    VALUES (p_bucket, p_hex, p_layer, left(p_reason, 1000))
    ON CONFLICT (bucket, hex_id, layer_id) DO UPDATE SET reason = excluded.reason;
  END IF;
END $$;

-- Writes snapshots, only forward in (epoch, hex_version, volatile_count). Returns how many were written.
CREATE FUNCTION world.save_snapshots(
  s_bucket smallint[], s_hex bigint[], s_layer bigint[], s_epoch bigint[], s_version bigint[],
  s_volatile_count bigint[], s_state_format integer[], s_durable bytea[], s_durable_hash bytea[],
  s_volatile bytea[], s_readable text[]
) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH written AS (
    INSERT INTO world.snapshot AS old (
      bucket, hex_id, layer_id, epoch, hex_version, volatile_count, state_format, durable,
      durable_hash, volatile, readable)
    SELECT s.bucket, s.hex_id, s.layer_id, s.epoch, s.hex_version, s.volatile_count, s.state_format,
           s.durable, s.durable_hash, s.volatile, s.readable::jsonb
    FROM unnest(s_bucket, s_hex, s_layer, s_epoch, s_version, s_volatile_count, s_state_format,
                s_durable, s_durable_hash, s_volatile, s_readable)
      AS s(bucket, hex_id, layer_id, epoch, hex_version, volatile_count, state_format,
           durable, durable_hash, volatile, readable)
    ON CONFLICT (bucket, hex_id, layer_id) DO UPDATE
    SET epoch = excluded.epoch, hex_version = excluded.hex_version,
        volatile_count = excluded.volatile_count, state_format = excluded.state_format,
        durable = excluded.durable, durable_hash = excluded.durable_hash,
        volatile = excluded.volatile, readable = excluded.readable, updated_at = clock_timestamp()
    WHERE (old.epoch, old.hex_version, old.volatile_count)
        < (excluded.epoch, excluded.hex_version, excluded.volatile_count)
    RETURNING 1
  )
  SELECT count(*)::integer FROM written
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA world FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA world FROM PUBLIC;
GRANT USAGE ON SCHEMA world TO hexhold_worker, hexhold_router;
-- The worker reads what it recovers from, and writes by functions only.
GRANT SELECT ON world.slot, world.hex_head, world.journal, world.hex_base, world.command_result,
  world.prune_floor, world.outbox, world.outbox_lane, world.timer, world.suspect_attempt, world.quarantined_hex,
  world.snapshot TO hexhold_worker;
GRANT EXECUTE ON FUNCTION
  world.take_slot(text, bigint, text),
  world.release_slot(text, bigint),
  world.commit_batch(
    text[], bigint[], bigint[], boolean,
    smallint[], integer[], bytea[], bytea[], bytea[], bigint[], boolean[],
    smallint[], smallint[], bigint[], bigint[], bigint[], bigint[], bigint[],
    smallint[], smallint[], bigint[], bigint[], bigint[], uuid[], text[], integer[], bytea[], uuid[],
    bytea[], bigint[], text[],
    smallint[], text[], text[], bigint[], bigint[], bytea[],
    smallint[], smallint[], bigint[], bigint[], text[], bigint[], bigint[]),
  world.advance_lane(text, text[], bigint[]),
  world.note_attempt(text, bigint, bytea, integer),
  world.quarantine(text, bigint, smallint, bigint, bigint, text),
  world.save_snapshots(
    smallint[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], bytea[], bytea[],
    bytea[], text[])
  TO hexhold_worker;
GRANT SELECT ON world.schema_migration TO hexhold_worker;
GRANT SELECT ON world.slots, world.moved_keys TO hexhold_router;
GRANT USAGE ON SCHEMA world TO hexhold_readonly;
GRANT SELECT ON world.slots, world.journal_index, world.result_index, world.outbox_index, world.outbox_lane,
  world.hex_head, world.quarantined_hex, world.timer TO hexhold_readonly;

-- Down Migration

DROP SCHEMA world CASCADE;
