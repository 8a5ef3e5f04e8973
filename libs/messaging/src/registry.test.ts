import { Audience, Durability, Sender, Step } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { messageFile, type TestMessage } from "@hexhold/testing/message-file";
import { describe, expect, it } from "vitest";
import { createMessageRegistry } from "./registry.ts";

const command = { version: 1, durability: Durability.DURABLE, senders: [Sender.MARKET] };
const fromClients = { ...command, senders: [Sender.CLIENT] };
const asked = {
  ...command,
  type: "cmd.inventory.hold",
  step: Step.ASKED,
  cancel: "cmd.inventory.cancel-hold",
  end: "cmd.market.end-hold",
};

const of = (message: Partial<TestMessage> & Pick<TestMessage, "contract">) =>
  createMessageRegistry([messageFile([{ name: "One", ...message }])]);

it("knows what a command is about, and what kind of step it is", () => {
  const contract = { ...fromClients, type: "cmd.market.place-order", subject: "book" };
  const placed = of({ fields: ["note", "book"], contract }).byType("cmd.market.place-order");
  expect(placed?.subjectField?.number).toBe(2);
  expect(of({ contract: asked }).byType("cmd.inventory.hold")).toMatchObject({
    step: Step.ASKED,
    cancel: "cmd.inventory.cancel-hold",
    end: "cmd.market.end-hold",
    subjectField: undefined,
  });
  const told = { type: "evt.chat.said", version: 1, audiences: [Audience.PLAYER, Audience.TOPIC] };
  expect(of({ contract: told }).byType("evt.chat.said")?.audiences).toEqual(
    new Set([Audience.PLAYER, Audience.TOPIC]),
  );
});

describe("refuses", () => {
  const event = { type: "evt.market.traded", version: 1 };
  const owed = { ...command, type: "cmd.inventory.settle", step: Step.OWED };
  const order = { ...fromClients, type: "cmd.market.place-order" };
  it.each<[string, TestMessage["contract"], string]>([
    [
      "an asked step without its cancel",
      { ...asked, cancel: "" },
      "an asked step names its cancel",
    ],
    [
      "an asked step whose end is an event",
      { ...asked, end: "evt.x.y" },
      'its end, a command, not "evt.x.y"',
    ],
    [
      "a cancel of what is not asked",
      { ...owed, cancel: "cmd.a.b" },
      "cancel and end are for asked steps",
    ],
    [
      "an owed step that is refused",
      { ...owed, refusals: ["too-late"] },
      "refused for nothing but stale-number, not too-late",
    ],
    ["a step that is not kept", { ...owed, durability: Durability.VOLATILE }, "a step is DURABLE"],
    [
      "a subject that is no field",
      { ...order, subject: "book" },
      "subject book is no string field",
    ],
    [
      "a subject of what services send",
      { ...command, type: "cmd.market.halt", subject: "name" },
      "a subject is read of what clients send",
    ],
    [
      "a subject of what is for a hex",
      { ...fromClients, type: "cmd.hex.sow", subject: "name" },
      "has a key, and no subject",
    ],
    ["an event with a step", { ...event, step: Step.OWED }, "subject and step are for commands"],
    [
      "a command with an audience",
      { ...order, audiences: [Audience.PLAYER] },
      "audiences are for events",
    ],
  ])("%s", (_what, contract, fault) => {
    expect(() => of({ fields: ["name"], contract })).toThrow(fault);
  });

  it("and takes an owed step that may be overtaken", () => {
    const overtaken = { ...owed, refusals: ["stale-number"] };
    expect(of({ contract: overtaken }).entries).toHaveLength(1);
  });
});
