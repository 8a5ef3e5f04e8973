-- Up Migration

-- The mark that the broker was last given: one that has none, or an older one, has lost what it had confirmed.
CREATE TABLE control.broker_mark (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  number   bigint NOT NULL DEFAULT 0
);
INSERT INTO control.broker_mark DEFAULT VALUES;

REVOKE ALL ON control.broker_mark FROM PUBLIC;
GRANT SELECT, UPDATE (number) ON control.broker_mark TO hexhold_router;

-- Down Migration

DROP TABLE control.broker_mark;
