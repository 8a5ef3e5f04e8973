import type { HexRecovery } from "./rules-host.ts";

/** What hexes are rebuilt from, all its bytes in one piece of memory, which may be transferred. */
export interface PackedHexes {
  readonly hexes: readonly HexRecovery[];
  readonly memory: ArrayBuffer;
}

/**
 * Copies what the rules need of `hexes`, whose bytes may lie in a driver's pool: a clone of such a view takes the whole
 * piece along, 128 KiB for some hundred bytes. The bytes given stay as they are.
 */
export function packHexes(hexes: readonly HexRecovery[]): PackedHexes {
  let length = 0;
  for (const { start, tail } of hexes) {
    if (start !== undefined) length += start.durable.length + start.volatile.length;
    for (const { payload } of tail) length += payload.length;
  }
  const memory = new ArrayBuffer(length);
  const all = new Uint8Array(memory);
  let at = 0;
  const own = (bytes: Uint8Array): Uint8Array => {
    all.set(bytes, at);
    at += bytes.length;
    return all.subarray(at - bytes.length, at);
  };
  return {
    memory,
    hexes: hexes.map(({ keyText, start, tail }) => ({
      keyText,
      start:
        start === undefined
          ? undefined
          : {
              durable: own(start.durable),
              volatile: own(start.volatile),
              hexVersion: start.hexVersion,
              volatileCount: start.volatileCount,
              decidedMs: start.decidedMs,
            },
      tail: tail.map(({ type, payload, hexVersion, decidedMs }) => ({
        type,
        payload: own(payload),
        hexVersion,
        decidedMs,
      })),
    })),
  };
}
