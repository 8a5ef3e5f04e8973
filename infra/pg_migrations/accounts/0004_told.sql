-- Up Migration

-- Other services are told of each account, by `evt.accounts.registered`: of those that were made before there was this event,
-- and by an earlier release, as of new ones.
ALTER TABLE accounts.account ADD COLUMN is_told boolean NOT NULL DEFAULT false;
CREATE INDEX account_untold ON accounts.account (account_id) WHERE NOT is_told;
GRANT UPDATE (is_told) ON accounts.account TO hexhold_accounts;

-- Down Migration

ALTER TABLE accounts.account DROP COLUMN is_told;
