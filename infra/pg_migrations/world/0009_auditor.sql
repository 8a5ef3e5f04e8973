-- Up Migration

-- hexhold_auditor reads what `hexctl verify` and `hexctl saga` compare, and writes nothing.
GRANT USAGE ON SCHEMA world TO hexhold_auditor;
GRANT SELECT ON world.journal, world.hex_base, world.hex_head, world.slot, world.quarantined_hex, world.outbox,
  world.outbox_lane, world.timer, world.database_life, world.resend TO hexhold_auditor;

-- Down Migration

REVOKE ALL ON ALL TABLES IN SCHEMA world FROM hexhold_auditor;
REVOKE USAGE ON SCHEMA world FROM hexhold_auditor;
