-- Up Migration

-- Chat gets events of hexes, and asks as the other services do whether a commit of this database has sent them.
GRANT USAGE ON SCHEMA world TO hexhold_chat;
GRANT EXECUTE ON FUNCTION world.unsent(bigint, text, text[], bigint[]) TO hexhold_chat;

-- Down Migration

REVOKE EXECUTE ON FUNCTION world.unsent(bigint, text, text[], bigint[]) FROM hexhold_chat;
REVOKE USAGE ON SCHEMA world FROM hexhold_chat;
