import { textArray } from "@hexhold/postgres";
import type { Statement } from "./transaction.ts";
import { hexDestination } from "./outbox.ts";

/**
 * The first `rowsMax` rows of each destination that is not in `closed`, in order. Reads those rows alone, however many
 * wait: destinations are found by a loose scan of the index `outbox_lane`, and each one's rows by the same index
 * (`read-outbox.int.test.ts`). `schema` and `rowsMax` are ours, never input.
 */
export function readOutbox(schema: string, rowsMax: number, closed: readonly string[]): Statement {
  return {
    name: `${schema}_read_outbox`,
    // A range and no equality, with which the planner takes the order for one by position alone: where one lane has most
    // of the rows it then walks the primary key past all of them to find another's.
    text: `WITH RECURSIVE lane AS (
        (SELECT destination FROM ${schema}.outbox ORDER BY destination LIMIT 1)
        UNION ALL
        SELECT (SELECT o.destination FROM ${schema}.outbox AS o
                WHERE o.destination > lane.destination ORDER BY o.destination LIMIT 1)
        FROM lane WHERE lane.destination IS NOT NULL)
      SELECT o.position, o.destination, o.subject, o.envelope
      FROM lane CROSS JOIN LATERAL (
        SELECT position, destination, subject, envelope FROM ${schema}.outbox AS t
        WHERE t.destination BETWEEN lane.destination AND lane.destination
        ORDER BY t.destination, t.position LIMIT ${rowsMax}) AS o
      WHERE lane.destination IS NOT NULL AND NOT lane.destination = ANY ($1::text[])
      ORDER BY o.position`,
    values: [textArray(closed)],
  };
}

/** The first `rowsMax` rows for hexes, in order: those alone, however many wait. */
export function readHexRows(schema: string, rowsMax: number): Statement {
  return {
    name: `${schema}_read_hex_rows`,
    text: `SELECT position, destination, subject, envelope FROM ${schema}.outbox
      WHERE destination BETWEEN '${hexDestination}' AND '${hexDestination}'
      ORDER BY destination, position LIMIT ${rowsMax}`,
  };
}

/** Key texts of hexes for which rows wait, at most `keysMax`. Passes over all of those rows. */
export function readWaitingKeys(schema: string, keysMax: number): Statement {
  return {
    name: `${schema}_read_waiting_keys`,
    text: `SELECT DISTINCT subject FROM ${schema}.outbox
      WHERE destination = '${hexDestination}' LIMIT ${keysMax}`,
  };
}

/** The first `rowsMax` rows for the hexes `keys`, in order. Passes over those of others. */
export function readRowsOfKeys(
  schema: string,
  rowsMax: number,
  keys: readonly string[],
): Statement {
  return {
    name: `${schema}_read_rows_of_keys`,
    text: `SELECT position, destination, subject, envelope FROM ${schema}.outbox
      WHERE destination BETWEEN '${hexDestination}' AND '${hexDestination}'
        AND subject = ANY ($1::text[])
      ORDER BY destination, position LIMIT ${rowsMax}`,
    values: [textArray(keys)],
  };
}
