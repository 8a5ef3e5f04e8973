/** The ways out of the player's hex, for the map, the panel and the keys alike. */
import { areNeighbours } from "@hexhold/hex";
import { computed } from "@preact/signals";
import { type Way, waysOf } from "./map/directions.ts";
import { layOut, type Plane } from "./map/projection.ts";
import { world } from "./world.ts";

/** The hexes in sight on a plane; undefined while nobody is in the world. */
export const plane = computed<Plane | undefined>(() => {
  const place = world.value?.place.value;
  if (place === undefined) return undefined;
  return layOut(
    place.home.hexId,
    place.ring.map(({ hexId }) => hexId),
  );
});

export const ways = computed<readonly Way[]>(() => {
  const home = world.value?.place.value.home.hexId;
  if (home === undefined || plane.value === undefined) return [];
  return waysOf(plane.value, (hexId) => areNeighbours(home, hexId));
});

/**
 * Walks by the keys of {@link ways}, wherever on the page the focus is, but where text is entered or a letter chooses from
 * a list. Returns its end.
 */
export function walkByKeys(): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const { target } = event;
    const isText =
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement ||
      (target instanceof HTMLInputElement && target.type !== "checkbox");
    if (isText || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const way = ways.value.find(({ key }) => key === event.code);
    if (way === undefined) return;
    event.preventDefault();
    void world.value?.walkTo(way.hexId);
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
