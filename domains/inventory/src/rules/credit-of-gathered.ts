/** What a player is credited with for what it gathered. Pure. */
import type { Gathered } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { type Resource, ResourceSchema } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { type LedgerTransaction, mint } from "./ledger-transaction.ts";

/**
 * The transaction of an event: as much as was gathered is minted for the player. Throws, and the event becomes a
 * dead letter, on a player or an amount that is none, and on a resource that this version does not know: services
 * are rolled out before the workers that use what is new.
 */
export function creditOfGathered(eventId: Uint8Array, event: Gathered): LedgerTransaction {
  const { playerId, resource, amount, atMs } = event;
  if (playerId.length !== 16) {
    throw new TypeError(`player_id has ${playerId.length} bytes, not 16`);
  }
  const cause = { transactionId: eventId, kind: "gathered", atMs };
  return mint(cause, playerId, assetOf(resource), amount);
}

/** The asset of a resource is its name in lower-case: `RESOURCE_WOOD` → `wood`. */
function assetOf(resource: Resource): string {
  const known: Readonly<Record<number, { readonly localName: string }>> = ResourceSchema.value;
  const name = resource === 0 ? undefined : known[resource]?.localName;
  if (name === undefined) throw new RangeError(`resource ${resource} is unknown to this version`);
  return name.toLowerCase().replaceAll("_", "-");
}
