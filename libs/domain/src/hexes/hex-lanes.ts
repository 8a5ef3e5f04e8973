/** Which rows for hexes may be sent now, and over which slots. Pure. */
import { parseKeyText } from "@hexhold/hex";
import { isMoving, type RouteTable, routeOf } from "@hexhold/messaging";

/**
 * Slot of the hex whose key text is `subject`, by `table`. Undefined: nothing is sent to it now, as it is moving. Null: it
 * is no key text, and nothing can be sent.
 */
export function slotOfSubject(subject: string, table: RouteTable): string | undefined | null {
  let key;
  try {
    key = parseKeyText(subject);
  } catch {
    return null;
  }
  return isMoving(key, table) ? undefined : routeOf(key, table);
}

/**
 * The first `rowsMax` of `rows` for each slot, in their order; without those of slots that `isClosed` names and of hexes
 * that are moving. A hex has all of its rows in one slot, so that its order is the slot's.
 */
export function hexLanesOf<Row extends { readonly subject: string }>(
  rows: readonly Row[],
  table: RouteTable,
  isClosed: (slot: string) => boolean,
  rowsMax: number,
): Map<string, Row[]> {
  const lanes = new Map<string, Row[]>();
  for (const row of rows) {
    const slot = slotOfSubject(row.subject, table);
    if (typeof slot !== "string" || isClosed(slot)) continue;
    const lane = lanes.get(slot);
    if (lane === undefined) lanes.set(slot, [row]);
    else if (lane.length < rowsMax) lane.push(row);
  }
  return lanes;
}
