import { boundsTest, cellFault, diskOf, hexAt, type Key, parseKeyText } from "@hexhold/hex";

/** Where players are born unless `world.spawn.cells` says otherwise: the hex of Berlin's centre, and those around it. */
const centre = hexAt(52.52, 13.405);
const radius = 12;

/**
 * The hexes in which players are born, in the order in which they fill: those of `cells` (key texts), else the
 * default ones inside `bounds`. Throws a RangeError that says what to configure.
 */
export function spawnHexes(cells: readonly string[], bounds: readonly string[]): readonly Key[] {
  const isInside = boundsTest(bounds);
  if (cells.length === 0) {
    const hexes = diskOf(centre, radius).filter(isInside);
    if (hexes.length === 0) {
      throw new RangeError(
        "world.bounds leave out the default place of birth: set world.spawn.cells",
      );
    }
    return hexes.map((hexId) => ({ hexId, layerId: 0 }));
  }
  return cells.map((cell) => {
    const key = parseKeyText(cell);
    const fault =
      cellFault(key.hexId) ?? (isInside(key.hexId) ? undefined : "outside world.bounds");
    if (fault !== undefined) throw new RangeError(`world.spawn.cells: ${cell} is ${fault}`);
    return key;
  });
}
