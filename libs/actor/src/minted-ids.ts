/** Ids that rules mint: UUIDv7 of world time and of the decision's own random bytes. */
import type { DecideContext } from "./game.ts";

/** So many ids one decision can mint. */
export const mintedIdsMax = 4096;

/**
 * Id number `nth` of a decision, 0…{@link mintedIdsMax} − 1. Those of one decision differ, and 62 of the decision's
 * random bits tell them from all others of the same millisecond. It goes into the events: a fold mints nothing.
 */
export function mintId({ nowMs, random }: DecideContext, nth = 0): Uint8Array {
  if (!Number.isInteger(nth) || nth < 0 || nth >= mintedIdsMax) {
    throw new RangeError(`a decision mints ids 0…${mintedIdsMax - 1}, not ${nth}`);
  }
  const id = new Uint8Array(16);
  const view = new DataView(id.buffer);
  view.setUint16(0, Math.floor(nowMs / 2 ** 32));
  view.setUint32(2, nowMs % 2 ** 32);
  view.setUint16(6, 0x7000 | nth);
  id.set(random.subarray(8, 16), 8);
  id[8] = 0x80 | (id[8]! & 0x3f);
  return id;
}

/** A 16-byte id as UUID text, as services know accounts. */
export function uuidText(id: Uint8Array): string {
  const digits = [...id].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
