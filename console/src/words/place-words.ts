/** Where on the globe a hex is, as people write it. */
import { centreOf } from "@hexhold/hex";

export function placeWords(hexId: bigint): string {
  const [lat, lng] = centreOf(hexId);
  return `${angle(lat, "N", "S")} ${angle(lng, "E", "W")}`;
}

function angle(degrees: number, positive: string, negative: string): string {
  return `${Math.abs(degrees).toFixed(2)}° ${degrees < 0 ? negative : positive}`;
}
