import { create, toBinary } from "@bufbuild/protobuf";
import { CommandSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { file_hexhold_hex_v1_commands } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  file_hexhold_inventory_v1_commands,
  GetHistorySchema,
} from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import { Durability, Sender } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { hexAt } from "@hexhold/hex";
import { createMessageRegistry, uuidv7Bytes } from "@hexhold/messaging";
import { messageFile } from "@hexhold/testing/message-file";
import { expect, it } from "vitest";
import { createCommandCheck } from "./check-command.ts";

const nowMs = 1_700_000_000_000;
const account = "0190d8a0-0000-7000-8000-000000000001";
const key = { hexId: hexAt(52.5, 13.4), layerId: 0 };
const rules = { bounds: [], layers: [0], staleAfterMs: 71 * 3_600_000 };
const check = createCommandCheck({
  ...rules,
  registry: createMessageRegistry([
    file_hexhold_hex_v1_commands,
    file_hexhold_inventory_v1_commands,
  ]),
});

function checked(type: string, sent?: typeof key, payload = new Uint8Array(0)) {
  const requestId = uuidv7Bytes(nowMs);
  const fields = {
    requestId,
    type,
    version: 1,
    payload,
    ...(sent === undefined ? {} : { key: sent }),
  };
  return check(create(CommandSchema, fields), nowMs, account);
}

it("a command of a domain service is about the account of the session, and has no key", () => {
  expect(checked("cmd.inventory.get-balances")).toMatchObject({
    target: { service: "inventory", subject: account },
  });
  expect(checked("cmd.inventory.get-balances", key)).toMatchObject({
    code: ErrorCode.INVALID_ARGUMENT,
    reason: "key-not-taken",
  });
});

it("a command that names its subject is about that, and not about the account", () => {
  const contract = {
    type: "cmd.market.place-order",
    version: 1,
    durability: Durability.DURABLE,
    senders: [Sender.CLIENT],
    subject: "book",
  };
  const file = messageFile([{ name: "PlaceOrder", fields: ["note", "book"], contract }]);
  const [schema] = file.messages;
  const place = createCommandCheck({ ...rules, registry: createMessageRegistry([file]) });
  const placed = (init: Record<string, unknown>) => {
    const payload = toBinary(schema!, create(schema!, init));
    const fields = { requestId: uuidv7Bytes(nowMs), type: contract.type, version: 1, payload };
    return place(create(CommandSchema, fields), nowMs, account);
  };
  expect(placed({ book: "wood" })).toMatchObject({
    target: { service: "market", subject: "wood" },
  });
  expect(placed({ note: "no book" })).toMatchObject({
    reason: "invalid-payload",
    message: "cmd.market.place-order: book says what it is about: it is missing",
  });
  expect(placed({ book: "ä".repeat(64) })).toHaveProperty("target");
  expect(placed({ book: "ä".repeat(65) })).toMatchObject({
    message: "cmd.market.place-order: book has 130 bytes, at most 128 are taken",
  });
});

it("a command for a hex still needs its key", () => {
  expect(checked("cmd.hex.enter", key)).toMatchObject({ target: { key } });
  expect(checked("cmd.hex.enter")).toMatchObject({ reason: "key-missing" });
});

it("the rules of a domain command's fields hold at the edge", () => {
  const payload = (limit: number) =>
    toBinary(GetHistorySchema, create(GetHistorySchema, { limit }));
  expect(checked("cmd.inventory.get-history", undefined, payload(101))).toMatchObject({
    reason: "invalid-payload",
  });
  expect(checked("cmd.inventory.get-history", undefined, payload(100))).toHaveProperty("target");
});
