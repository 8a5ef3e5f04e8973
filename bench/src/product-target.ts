/** Load for the product: `gather`, durable, on 2,000 hexes from sockets that observe the hexes around them. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { GatherSchema, MoveSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/hex/v1/state_pb";
import { diskOf, parseKeyText } from "@hexhold/hex";
import type { LoadTarget } from "./load.ts";

export interface BenchPlayer {
  readonly key: string;
  readonly token: string;
}

export type LoadKind = "gather" | "hot-hex" | "move";

const hexCount = 2000;
const gatherPayload = toBinary(
  GatherSchema,
  create(GatherSchema, { resource: Resource.WOOD, amount: 1n }),
);
const movePayload = toBinary(MoveSchema, create(MoveSchema, { x: 100, y: 100 }));

/** Frames are made once; only request id, key and sequence are written into a copy, so that the load is cheap. */
export function productTarget(
  url: string,
  players: readonly BenchPlayer[],
  kind: LoadKind,
): LoadTarget {
  const residences = players.map((player) => parseKeyText(player.key).hexId);
  const hexes = diskOf(residences[0]!, 25).slice(0, hexCount);
  let volatileSeq = 0n;
  return {
    url: () => url,
    subprotocol: "hexhold.v1",
    opening: (socket) => [
      clientFrame({ case: "hello", value: { token: players[socket]!.token, sdk: "bench" } }),
      clientFrame({
        case: "subscribe",
        value: { keys: diskOf(residences[socket]!, 2).map((hexId) => ({ hexId, layerId: 0 })) },
      }),
    ],
    isReady: (frame) => fromBinary(ServerFrameSchema, frame).frame.case === "state",
    command(socket, seq) {
      const hexId =
        kind === "gather"
          ? hexes[Math.floor(Math.random() * hexes.length)]!
          : kind === "move"
            ? residences[socket]!
            : hexes[0]!;
      const requestId = new Uint8Array(16);
      const view = new DataView(requestId.buffer);
      view.setBigUint64(0, (BigInt(Date.now()) << 16n) | 0x7000n);
      view.setBigUint64(8, (1n << 63n) | BigInt(seq));
      return clientFrame({
        case: "command",
        value: {
          requestId,
          type: kind === "move" ? "cmd.hex.move" : "cmd.hex.gather",
          version: 1,
          key: { hexId, layerId: 0 },
          payload: kind === "move" ? movePayload : gatherPayload,
          volatileSeq: kind === "move" ? ++volatileSeq : 0n,
        },
      });
    },
    answered(frame) {
      // Field 2 of ServerFrame; the ids come first in an answer.
      if (frame[0] !== 0x12) return -1;
      const { value } = fromBinary(ServerFrameSchema, frame).frame;
      if (value?.$typeName !== "hexhold.envelope.v1.Answer") return -1;
      if (value.outcome.case !== "applied") {
        throw new Error(
          `not applied: ${JSON.stringify(value.outcome.value, (_k, v: unknown) => (typeof v === "bigint" ? String(v) : v))}`,
        );
      }
      const view = new DataView(value.requestId.buffer, value.requestId.byteOffset, 16);
      return Number(view.getBigUint64(8) & 0xffff_ffff_ffffn);
    },
  };
}

function clientFrame(
  frame: NonNullable<Parameters<typeof create<typeof ClientFrameSchema>>[1]>["frame"],
) {
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: frame! }));
}
