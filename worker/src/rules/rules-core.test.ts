import { create, toBinary } from "@bufbuild/protobuf";
import type { Game, HexParts } from "@hexhold/actor";
import { EnterSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { PlayerSpawnedSchema } from "@hexhold/gen/hexhold/hex/v1/events_pb";
import { type HexState, HexStateSchema } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { createGame } from "@hexhold/reference-game";
import { expect, it } from "vitest";
import { createRulesCore } from "./rules-core.ts";

const keyText = "861f1d48fffffff";
const [first, second] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];

/** The same bytes somewhere in a large piece of memory, as a driver or a batch gives them. */
function pooled(bytes: Uint8Array): Uint8Array {
  const piece = new Uint8Array(128 * 1024);
  piece.set(bytes, 1000);
  return piece.subarray(1000, 1000 + bytes.length);
}

it("state that was loaded keeps nothing of the memory that it came in", () => {
  let seen: HexState | undefined;
  const game = createGame({});
  const watched: Game = {
    ...game,
    hex: {
      ...game.hex,
      decide(parts, ...given) {
        seen = (parts as HexParts<HexState, never>).durable;
        return game.hex.decide(parts, ...given);
      },
    },
  };
  const core = createRulesCore(watched, {
    random: () => new Uint8Array(16),
    world: { bounds: [], layers: [0] },
  });
  const durable = toBinary(HexStateSchema, create(HexStateSchema, { spawned: [first] }));
  const event = create(PlayerSpawnedSchema, { playerId: second, atMs: 1n });
  const start = {
    durable: pooled(durable),
    volatile: new Uint8Array(0),
    hexVersion: 1,
    volatileCount: 0,
    decidedMs: 1,
  };
  const tail = [
    {
      type: "evt.hex.player-spawned",
      payload: pooled(toBinary(PlayerSpawnedSchema, event)),
      hexVersion: 2,
      decidedMs: 1,
    },
  ];
  expect(core.load("cmd.p0", [{ keyText, start, tail }], () => undefined)).toEqual([]);
  const command = {
    keyText,
    type: "cmd.hex.enter",
    payload: toBinary(EnterSchema, create(EnterSchema)),
    sender: Sender.CLIENT,
    accountId: second,
    sessionId: new Uint8Array(16),
    volatileSeq: 0n,
  };
  core.decide("cmd.p0", { nowMs: 2, worldFormat: 1 }, [command], () => undefined);
  expect(seen?.spawned).toHaveLength(2);
  for (const id of seen!.spawned) expect(id.buffer.byteLength).toBeLessThan(1000);
});
