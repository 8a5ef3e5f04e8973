/** Resources, as they are called and coloured on the map and in the panel. */
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";

export const resources = [Resource.WOOD, Resource.STONE, Resource.FOOD] as const;

export const resourceNames: Readonly<Record<number, string>> = {
  [Resource.WOOD]: "wood",
  [Resource.STONE]: "stone",
  [Resource.FOOD]: "food",
};

export const resourceColours: Readonly<Record<number, string>> = {
  [Resource.WOOD]: "#6fbf73",
  [Resource.STONE]: "#9fb2c9",
  [Resource.FOOD]: "#e8a15c",
};
