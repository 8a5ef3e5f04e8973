/** Load for the product: `gather`, durable, on 2,000 hexes from sockets that observe the hexes around them. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { GatherSchema, MoveSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf, parseKeyText } from "@hexhold/hex";
import type { LoadTarget } from "./load.ts";

export interface BenchPlayer {
  readonly key: string;
  readonly token: string;
}

/**
 * - `gather`: on a hex drawn from 2,000; `hot-hex`: always on the same; `move`: VOLATILE, each in its own hex;
 * - `warm-up`: on each of the 2,000 in turn; `cold`: on each of 300 others in turn.
 */
export type LoadKind = "gather" | "hot-hex" | "move" | "warm-up" | "cold";

export const hexCount = 2000;
export const coldCount = 300;
const gatherPayload = toBinary(
  GatherSchema,
  create(GatherSchema, { resource: Resource.WOOD, amount: 1n }),
);
const movePayload = toBinary(MoveSchema, create(MoveSchema, { x: 100, y: 100 }));

/** Every so many answers one is read whole; the others only as far as their ids. */
const readWholeEvery = 64;

/** Frames are made once; only request id, key and sequence are written into a copy, so that the load is cheap. */
export function productTarget(
  url: string,
  players: readonly BenchPlayer[],
  kind: LoadKind,
): LoadTarget {
  const residences = players.map((player) => parseKeyText(player.key).hexId);
  const disk = diskOf(residences[0]!, 28);
  const hexes = disk.slice(0, hexCount);
  const colds = disk.slice(hexCount, hexCount + coldCount);
  const hexFor = (seq: number): bigint => {
    if (kind === "cold") return colds[seq % colds.length]!;
    if (kind === "hot-hex") return hexes[0]!;
    return hexes[kind === "warm-up" ? seq % hexCount : Math.floor(Math.random() * hexCount)]!;
  };
  const template = gatherTemplate();
  let volatileSeq = 0n;
  let answers = 0;
  return {
    url: () => url,
    subprotocol: "hexhold.v1",
    opening: (socket) => [
      clientFrame({ case: "hello", value: { token: players[socket]!.token, sdk: "bench" } }),
      commandFrame(
        "cmd.hex.enter",
        requestId(0xffff_ffff),
        residences[socket]!,
        new Uint8Array(0),
        0n,
      ),
      clientFrame({
        case: "subscribe",
        value: { keys: diskOf(residences[socket]!, 2).map((hexId) => ({ hexId, layerId: 0 })) },
      }),
    ],
    isReady: (frame) => fromBinary(ServerFrameSchema, frame).frame.case === "state",
    command(socket, seq) {
      if (kind === "move") {
        return commandFrame(
          "cmd.hex.move",
          requestId(seq),
          residences[socket]!,
          movePayload,
          ++volatileSeq,
        );
      }
      const frame = Buffer.from(template.frame);
      frame.set(requestId(seq), template.requestIdAt);
      frame.writeBigUInt64LE(hexFor(seq), template.hexIdAt);
      return frame;
    },
    answered(frame) {
      // Field 2 of ServerFrame is an answer; its ids come first: event_id (1), request_id (2).
      if (frame[0] !== 0x12) return -1;
      const at = frame[1]! < 0x80 ? 2 : 3;
      const isWhole = answers++ % readWholeEvery === 0;
      if (isWhole || frame[at] !== 0x0a) assertApplied(frame);
      const view = new DataView(frame.buffer, frame.byteOffset + at + 20, 16);
      return Number(view.getBigUint64(8) & 0xffff_ffff_ffffn);
    },
  };
}

function assertApplied(frame: Uint8Array): void {
  const { value } = fromBinary(ServerFrameSchema, frame).frame;
  if (value?.$typeName !== "hexhold.envelope.v1.Answer") return;
  const { outcome } = value;
  if (outcome.case === "applied") return;
  const { reason } = outcome.value ?? { reason: "no outcome" };
  // `enter` in a later round: the player is there already.
  if (reason !== "already-online") throw new Error(`not applied: ${reason}`);
}

/** A UUIDv7 whose last bytes are the number. */
function requestId(seq: number): Uint8Array {
  const id = new Uint8Array(16);
  const view = new DataView(id.buffer);
  view.setBigUint64(
    0,
    (BigInt(Date.now()) << 16n) | 0x7000n | BigInt(Math.floor(Math.random() * 4096)),
  );
  view.setBigUint64(8, (1n << 63n) | BigInt(seq));
  return id;
}

/** A gather's frame, and where its request id and key stand in it. */
function gatherTemplate(): { frame: Buffer; requestIdAt: number; hexIdAt: number } {
  const id = new Uint8Array(16).fill(0xaa);
  const hexId = 0xbbbb_bbbb_bbbb_bbbbn;
  const frame = Buffer.from(commandFrame("cmd.hex.gather", id, hexId, gatherPayload, 0n));
  return { frame, requestIdAt: frame.indexOf(id), hexIdAt: frame.indexOf(Buffer.alloc(8, 0xbb)) };
}

function commandFrame(
  type: string,
  requestId: Uint8Array,
  hexId: bigint,
  payload: Uint8Array,
  volatileSeq: bigint,
): Uint8Array {
  const key = { hexId, layerId: 0 };
  return clientFrame({
    case: "command",
    value: { requestId, type, version: 1, key, payload, volatileSeq },
  });
}

function clientFrame(
  frame: NonNullable<Parameters<typeof create<typeof ClientFrameSchema>>[1]>["frame"],
) {
  return toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame: frame! }));
}
