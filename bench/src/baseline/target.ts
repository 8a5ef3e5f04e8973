import type { LoadTarget } from "../load.ts";
import { at, commandBytes, idBytes, partitions } from "./wire.ts";

const hexCount = 2000;

/** Commands of 200 bytes for 2,000 hexes, uniform. */
export function baselineTarget(url: string): LoadTarget {
  return {
    url: () => url,
    command(_socket, seq) {
      const frame = Buffer.alloc(commandBytes);
      const hex = Math.floor(Math.random() * hexCount);
      frame[at.partition] = hex % partitions;
      frame.writeBigInt64BE(BigInt(hex), at.hex);
      // A unique id whose last bytes are the number.
      frame.writeBigUInt64BE(BigInt(Date.now()), at.id);
      frame.writeBigUInt64BE(BigInt(seq), at.id + 8);
      return frame;
    },
    answered(frame) {
      if (frame.length !== idBytes) throw new Error("not an answer of the baseline");
      return Number(Buffer.from(frame).readBigUInt64BE(8));
    },
  };
}
