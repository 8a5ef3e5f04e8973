-- Up Migration

-- Routers tell operators which hexes are quarantined.
GRANT SELECT ON world.quarantined_hex TO hexhold_router;

-- Down Migration

REVOKE SELECT ON world.quarantined_hex FROM hexhold_router;
