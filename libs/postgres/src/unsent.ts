import type pg from "pg";
import { int8Array, textArray } from "./binary-array.ts";

/** Where a message lies in the world's outbox. */
export interface OutboxPlaceName {
  readonly slot: string;
  readonly position: bigint;
}

/** The statement behind {@link unsentOf}, for who runs statements in its own way; its row is `{ unsent: bigint[] as text[] }`. */
export function unsentStatement(
  life: bigint,
  destination: string,
  places: readonly OutboxPlaceName[],
): { name: string; text: string; values: unknown[] } {
  return {
    name: "world_unsent",
    text: "SELECT world.unsent($1, $2, $3, $4) AS unsent",
    values: [
      life.toString(),
      destination,
      textArray(places.map(({ slot }) => slot)),
      int8Array(places.map(({ position }) => position)),
    ],
  };
}

/**
 * Positions of `places` that no commit of this database has sent to `destination` (a service, or `hex`), though a
 * message says so that was sent in the database's life `life`: it has come back from an earlier moment since.
 */
export async function unsentOf(
  client: Pick<pg.Client, "query">,
  life: bigint,
  destination: string,
  places: readonly OutboxPlaceName[],
): Promise<ReadonlySet<bigint>> {
  if (places.length === 0) return new Set();
  const { rows } = await client.query<{ unsent: string[] }>(
    unsentStatement(life, destination, places),
  );
  return new Set((rows[0]?.unsent ?? []).map(BigInt));
}
