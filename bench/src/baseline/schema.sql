-- What the baseline stores of a command: the rows of the product without their logic.
CREATE TABLE slot (slot text PRIMARY KEY, epoch bigint NOT NULL);
CREATE TABLE result (bucket smallint, day date, key bytea, answer bytea, PRIMARY KEY (bucket, day, key));
CREATE TABLE journal (bucket smallint, hex_id bigint, id uuid, payload bytea, PRIMARY KEY (bucket, hex_id, id));
CREATE SEQUENCE outbox_position;
CREATE TABLE outbox (slot text, position bigint, payload bytea, PRIMARY KEY (slot, position));
CREATE FUNCTION store(p_slot text, p_epoch bigint, p_bucket smallint[], p_hex bigint[], p_id uuid[],
                      p_key bytea[], p_payload bytea[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM slot s WHERE s.slot = p_slot AND s.epoch = p_epoch FOR SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'fenced'; END IF;
  INSERT INTO result SELECT b, current_date, k, '\x00' FROM unnest(p_bucket, p_key) AS u(b, k);
  INSERT INTO journal SELECT * FROM unnest(p_bucket, p_hex, p_id, p_payload);
  INSERT INTO outbox SELECT p_slot, nextval('outbox_position'), p FROM unnest(p_payload) AS p;
END $$;
INSERT INTO slot SELECT 'bench.p' || n, 1 FROM generate_series(0, 7) AS n;
