-- Up Migration

-- A dead letter leaves its message open: a later copy of the same envelope is handled, and its effect comes then.
ALTER TABLE inventory.inbox ADD COLUMN lettered boolean NOT NULL DEFAULT false;
GRANT UPDATE (lettered) ON inventory.inbox TO hexhold_inventory;

-- Down Migration

ALTER TABLE inventory.inbox DROP COLUMN lettered;
