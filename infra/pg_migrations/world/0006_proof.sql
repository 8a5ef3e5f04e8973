-- Up Migration

-- A message that was sent in an earlier life of the database may be of a moment that this database has not seen: its
-- receiver asks whether the outbox has it.

-- Positions among `p_positions`, each of the slot beside it, that no commit of this database has written for the
-- destination. None when they were sent in the present life, which proves itself.
CREATE FUNCTION world.unsent(p_life bigint, p_destination text, p_slots text[], p_positions bigint[])
RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_life = world.current_life() THEN
    RETURN '{}';
  END IF;
  RETURN (
    SELECT coalesce(array_agg(k.position), '{}')
    FROM unnest(p_slots, p_positions) AS k(slot, position)
    WHERE NOT EXISTS (
      SELECT 1 FROM world.outbox AS o
      WHERE o.slot = k.slot AND o.destination = p_destination AND o.position = k.position));
END $$;

REVOKE ALL ON FUNCTION world.unsent(bigint, text, text[], bigint[]) FROM PUBLIC;
GRANT USAGE ON SCHEMA world TO hexhold_inventory, hexhold_accounts;
GRANT EXECUTE ON FUNCTION world.unsent(bigint, text, text[], bigint[])
  TO hexhold_worker, hexhold_inventory, hexhold_accounts;

-- Down Migration

DROP FUNCTION world.unsent(bigint, text, text[], bigint[]);
REVOKE USAGE ON SCHEMA world FROM hexhold_inventory, hexhold_accounts;
