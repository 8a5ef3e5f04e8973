-- Up Migration

-- hexhold_auditor reads what `hexctl verify` and `hexctl saga` compare, and writes nothing.
GRANT USAGE ON SCHEMA inventory TO hexhold_auditor;
GRANT SELECT ON inventory.asset, inventory.ledger_account, inventory.transaction, inventory.posting, inventory.balance,
  inventory.account, inventory.hold, inventory.take, inventory.site_taken, inventory.item, inventory.item_move,
  inventory.offer, inventory.offer_line, inventory.outbox, inventory.inbox, inventory.due TO hexhold_auditor;

-- Down Migration

REVOKE ALL ON ALL TABLES IN SCHEMA inventory FROM hexhold_auditor;
REVOKE USAGE ON SCHEMA inventory FROM hexhold_auditor;
