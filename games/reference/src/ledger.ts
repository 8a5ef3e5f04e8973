/** What a player is credited with for what it gathered. */
import { type LedgerEntry, mint } from "@hexhold/actor";
import type { Gathered } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { type Resource, ResourceSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";

/**
 * As much as was gathered is minted for the player. Throws on a player or an amount that is none, and on a resource
 * that this version does not know: services are rolled out before the workers that use what is new.
 */
export function creditOfGathered({ playerId, resource, amount, atMs }: Gathered): LedgerEntry {
  return { atMs, postings: mint(playerId, assetOf(resource), amount) };
}

/** The asset of a resource is its name in lower-case: `RESOURCE_WOOD` → `wood`. */
function assetOf(resource: Resource): string {
  const known: Readonly<Record<number, { readonly localName: string }>> = ResourceSchema.value;
  const name = resource === 0 ? undefined : known[resource]?.localName;
  if (name === undefined) throw new RangeError(`resource ${resource} is unknown to this version`);
  return name.toLowerCase().replaceAll("_", "-");
}
