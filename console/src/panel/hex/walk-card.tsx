import { type WayKey, wayKeys } from "../../map/directions.ts";
import { keyLabels } from "../../map/key-labels.ts";
import { ways } from "../../ways.ts";
import { mayAct, type World } from "../../world.ts";

/** In rows from the top, as the hexes lie on the map. */
const rows: readonly (readonly WayKey[])[] = [
  ["KeyW", "KeyE"],
  ["KeyA", "KeyD"],
  ["KeyZ", "KeyX"],
];

/** Buttons to the neighbouring hexes, for fingers, and for who does not see the map. */
export function WalkCard({ world }: { world: World }) {
  const byKey = new Map(ways.value.map((way) => [way.key, way]));
  return (
    <section class="card walk" aria-labelledby="walk">
      <h2 id="walk">
        Walk to a hex next to yours
        {ways.value.length < wayKeys.length && <span class="place">five-sided</span>}
      </h2>
      <div class="pad">
        {rows.flat().map((key) => {
          const way = byKey.get(key);
          return (
            <button
              key={key}
              type="button"
              class={`way ${key}`}
              disabled={way === undefined}
              // Not `disabled` for the moment of a walk: the focus would be lost.
              aria-disabled={!mayAct.value}
              aria-keyshortcuts={keyLabels.value[key]}
              onClick={() => void (way && world.walkTo(way.hexId))}
            >
              <span class="sr">{way === undefined ? "No way here" : `Walk ${way.compass}`}</span>
              <kbd aria-hidden="true">{keyLabels.value[key]}</kbd>
              <span aria-hidden="true">{way === undefined ? "–" : shortOf(way.compass)}</span>
            </button>
          );
        })}
      </div>
    </section>
  );
}

/** `north-west` as NW. */
function shortOf(compass: string): string {
  return compass
    .split("-")
    .map((word) => word.charAt(0).toUpperCase())
    .join("");
}
