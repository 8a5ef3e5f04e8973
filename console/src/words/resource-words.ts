/** Resources, as they are called and coloured on the map and in the panel. */
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";

export const resources = [
  Resource.WOOD,
  Resource.STONE,
  Resource.FOOD,
  Resource.ORE,
  Resource.HERB,
] as const;

/** Those that a hex has, as its view says; worlds of an earlier format have three. */
export function resourcesIn(view: Pick<HexView, "capacities"> | undefined): readonly Resource[] {
  const { capacities = [] } = view ?? {};
  return capacities.length === 0 ? resources.slice(0, 3) : resources;
}

export const resourceNames: Readonly<Record<number, string>> = {
  [Resource.WOOD]: "wood",
  [Resource.STONE]: "stone",
  [Resource.FOOD]: "food",
  [Resource.ORE]: "ore",
  [Resource.HERB]: "herb",
};

export const resourceColours: Readonly<Record<number, string>> = {
  [Resource.WOOD]: "#6fbf73",
  [Resource.STONE]: "#9fb2c9",
  [Resource.FOOD]: "#e8a15c",
  [Resource.ORE]: "#b58bd6",
  [Resource.HERB]: "#5cc9c1",
};

/** By the names of their assets. */
export const coloursByName: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    resources.map((item) => [resourceNames[item] ?? "", resourceColours[item] ?? ""]),
  ),
  coin: "#f2b84b",
};
