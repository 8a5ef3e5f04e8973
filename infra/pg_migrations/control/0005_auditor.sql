-- Up Migration

-- hexhold_auditor reads what `hexctl verify` and `hexctl saga` compare, and writes nothing.
GRANT USAGE ON SCHEMA control TO hexhold_auditor;
GRANT SELECT ON control.world, control.dead_letter TO hexhold_auditor;

-- Down Migration

REVOKE ALL ON ALL TABLES IN SCHEMA control FROM hexhold_auditor;
REVOKE USAGE ON SCHEMA control FROM hexhold_auditor;
