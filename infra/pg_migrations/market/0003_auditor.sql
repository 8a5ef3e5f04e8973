-- Up Migration

-- hexhold_auditor reads what `hexctl verify` and `hexctl saga` compare, and writes nothing.
GRANT USAGE ON SCHEMA market TO hexhold_auditor;
GRANT SELECT ON market.book, market."order", market.trade, market.candle, market.outbox, market.inbox, market.due
  TO hexhold_auditor;

-- Down Migration

REVOKE ALL ON ALL TABLES IN SCHEMA market FROM hexhold_auditor;
REVOKE USAGE ON SCHEMA market FROM hexhold_auditor;
