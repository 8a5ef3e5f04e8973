/** The kit in a game that has nothing else: goods are counted while the hex is open. */
import { create, type Message } from "@bufbuild/protobuf";
import type { Empty } from "@bufbuild/protobuf/wkt";
import { FireSchema } from "@hexhold/gen/hexhold/hex/v1/timer_pb";
import {
  CancelTakeSchema,
  file_hexhold_inventory_v1_takes,
  type Give,
  GiveSchema,
  type Take,
  TakeSchema,
} from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import {
  EndTakeSchema,
  GoodsReturnedSchema,
  TakeEnd,
  type Takes,
  TakesSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { describe, expect, it } from "vitest";
import { defineGame } from "../define-game.ts";
import type { DecideContext, Decision } from "../game.ts";
import { uuidText } from "../minted-ids.ts";
import { givenHex, home, playerId, wordOf } from "../testing/given-hex.ts";
import { takesKit } from "./takes-kit.ts";

let isOpen = true;
const takes = takesKit<Takes, Empty, never>({
  of: (durable) => durable,
  with: (durable, { pending }) => ({ ...durable, pending }),
  count: () => (isOpen ? [] : undefined),
  takeQueryMs: 100,
});
const game = defineGame({
  name: "takes",
  version: "1.0.0",
  contracts: [takes.contracts],
  sends: takes.sends,
  durable: TakesSchema,
  stateFormat: 1,
  commands: takes.commands,
  events: takes.events,
  timers: [takes.timers],
  readable: () => ({}),
});

const context = (hexVersion: number, nowMs: number, seed = 1): DecideContext => ({
  key: home,
  nowMs,
  random: new Uint8Array(16).fill(seed),
  sender: 2,
  accountId: undefined,
  sessionId: undefined,
  volatileSeq: 0n,
  hexVersion,
  worldFormat: 1,
  isInWorld: () => true,
});

/** A hex that has asked for 5 wood of player 1, for a site. */
function asking() {
  isOpen = true;
  const hex = givenHex<Takes>(game);
  const wanted = { accountId: playerId(1), asset: "wood", amount: 5n, siteId: playerId(7) };
  const asked = takes.ask(wanted, context(0, hex.nowMs));
  hex.parts = game.hex.evolve(hex.parts, asked.event.message) as typeof hex.parts;
  hex.hexVersion++;
  return { hex, asked, take: asked.message.message as Take };
}

const end = (takeId: Uint8Array, how: TakeEnd = TakeEnd.TAKEN): Message =>
  create(EndTakeSchema, { takeId, end: how });
const sent = (decision: Decision): readonly Message[] =>
  decision.kind === "refused" ? [] : (decision.messages ?? []).map(({ message }) => message);

describe("the takes kit", () => {
  it("asks the inventory by the account's id, and is answered under the take's own", () => {
    const { hex, asked, take } = asking();
    expect(asked.message).toMatchObject({
      schema: TakeSchema,
      to: { service: "inventory", subject: uuidText(playerId(1)) },
    });
    expect(take).toMatchObject({ asset: "wood", amount: 5n, hex: home });
    expect(take.takeId[6]! >> 4).toBe(7);
    expect(game.descriptors).toContain(file_hexhold_inventory_v1_takes);
    expect(hex.parts.durable.pending).toMatchObject([{ takeId: take.takeId, queried: 0 }]);
    expect(wordOf(hex.whenMessage(end(take.takeId)))).toBe("TakeEnded");
    expect(hex.parts.durable.pending).toEqual([]);
    expect(wordOf(hex.whenMessage(end(take.takeId)))).toBe("not-under-way");
  });

  it("owes back what nobody wants any more, in the exact amount, once", () => {
    const { hex, take } = asking();
    isOpen = false;
    const ended = hex.whenMessage(end(take.takeId));
    expect(sent(ended)).toMatchObject([
      { siteId: playerId(7), accountId: playerId(1), asset: "wood", amount: 5n },
    ]);
    const [gift] = sent(ended) as Give[];
    expect(gift!.giveId).not.toEqual(take.takeId);
    expect(ended).toMatchObject({ events: [{ message: { giveId: gift!.giveId } }] });
    expect(sent(hex.whenMessage(end(take.takeId)))).toEqual([]);
    // What was refused is nobody's to give back.
    const other = asking();
    isOpen = false;
    expect(sent(other.hex.whenMessage(end(other.take.takeId, TakeEnd.REFUSED)))).toEqual([]);
  });

  it("asks what became of a take at its deadline, ever more rarely, and ends nothing", () => {
    const { hex, take } = asking();
    const waits: number[] = [];
    for (let n = 0; n < 14; n++) {
      const [timer] = hex.timers();
      waits.push(timer!.dueMs - hex.nowMs);
      expect(timer!.armedVersion).toBe(hex.hexVersion);
      hex.nowMs = timer!.dueMs;
      const fire = create(FireSchema, { timer: timer!.timer });
      const asked = takes.timers.fire(hex.parts.durable, fire, context(hex.hexVersion, hex.nowMs));
      if (asked.kind === "refused") throw new Error(asked.reason);
      for (const { message } of asked.events) {
        hex.parts = game.hex.evolve(hex.parts, message) as typeof hex.parts;
        hex.hexVersion++;
      }
      expect(sent(asked)).toMatchObject([
        { $typeName: CancelTakeSchema.typeName, takeId: take.takeId, accountId: playerId(1) },
      ]);
    }
    expect(waits.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(waits.at(-1)).toBe(300_000);
    expect(hex.parts.durable.pending).toMatchObject([{ queried: 14 }]);
  });

  it("owes several back at once, each under an id of its own", () => {
    const goods = [1, 2, 3].map((n) => ({ accountId: playerId(n), asset: "wood", amount: 2n }));
    const back = takes.giveBack(playerId(7), goods, context(0, 5));
    expect(back.event.schema).toBe(GoodsReturnedSchema);
    const ids = back.messages.map(({ message, schema }) => {
      expect(schema).toBe(GiveSchema);
      return uuidText((message as Give).giveId);
    });
    expect(new Set(ids).size).toBe(3);
    expect(back.event.message.gifts.map(({ giveId }) => uuidText(giveId))).toEqual(ids);
    const others = takes.giveBack(playerId(7), goods, context(0, 5, 2));
    expect(others.event.message.gifts.map(({ giveId }) => uuidText(giveId))).not.toEqual(ids);
  });
});
