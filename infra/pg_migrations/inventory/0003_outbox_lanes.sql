-- Up Migration

-- The relay reads the first rows of each destination: without it that is a scan and a sort of all that waits.
CREATE INDEX outbox_lane ON inventory.outbox (destination, position);

-- Down Migration

DROP INDEX inventory.outbox_lane;
