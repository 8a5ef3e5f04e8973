import { create, fromBinary } from "@bufbuild/protobuf";
import {
  EndTakeSchema,
  file_hexhold_takes_v1_takes,
  TakeEnd,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import {
  EndHoldSchema,
  file_hexhold_market_v1_steps,
  HoldEnd,
} from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { keyText } from "@hexhold/hex";
import { decodeEnvelope, isUuidv7, uuidv7Bytes } from "@hexhold/messaging";
import { openPool } from "@hexhold/postgres";
import { expect, test } from "vitest";
import { openTestDomain } from "../test/test-domain.ts";
import { createOutbox } from "./outbox.ts";
import { inTransaction } from "./transaction.ts";

const producer = { service: "inventory", version: "1", instance: "inventory-1" };
const outbox = createOutbox({
  producer,
  descriptors: [file_hexhold_takes_v1_takes, file_hexhold_market_v1_steps],
  worldNow: () => 1_700_000_000_000.5,
});
const endHold = create(EndHoldSchema, { holdId: uuidv7Bytes(), end: HoldEnd.HELD, book: "wood" });
const toMarket = {
  schema: EndHoldSchema,
  message: endHold,
  to: { service: "market", subject: "wood" },
  cause: undefined,
} as const;

test("a message has ids of its own, and the trace and correlation of what caused it", () => {
  const first = outbox.messageOf(toMarket);
  expect(first).toMatchObject({ destination: "market", subject: "wood" });
  const sent = decodeEnvelope(first.envelope);
  expect(sent).toMatchObject({
    type: "cmd.market.end-hold",
    version: 1,
    subject: "wood",
    producer,
    tsMs: 1_700_000_000_000n,
  });
  expect(fromBinary(EndHoldSchema, sent.payload)).toEqual(endHold);
  expect(isUuidv7(sent.requestId)).toBe(true);
  expect(sent.idempotencyKey).toHaveLength(32);
  const next = decodeEnvelope(outbox.messageOf({ ...toMarket, cause: sent }).envelope);
  expect(next.eventId).not.toEqual(sent.eventId);
  expect(next.idempotencyKey).not.toEqual(sent.idempotencyKey);
  expect(next.causationId).toEqual(sent.eventId);
  expect(next.correlationId).toEqual(sent.correlationId);
  expect(next.traceparent).toBe(sent.traceparent);
});

test("a message to a hex has the hex's key, and the lane of hexes", () => {
  const hex = { hexId: 0x861f8d7b7ffffffn, layerId: 0 };
  const message = create(EndTakeSchema, { takeId: uuidv7Bytes(), end: TakeEnd.TAKEN });
  const row = outbox.messageOf({ schema: EndTakeSchema, message, to: { hex }, cause: undefined });
  expect(row).toMatchObject({ destination: "hex", subject: keyText(hex) });
  const sent = decodeEnvelope(row.envelope);
  expect(sent.subject).toBe("");
  expect(sent.key).toMatchObject(hex);
});

test("rows are there in their order when their transaction is committed, which is told once, and never else", async () => {
  const domain = await openTestDomain();
  const pool = openPool({ url: domain.roleUrl, applicationName: "test" }, 1);
  let hints = 0;
  outbox.onRows(() => void hints++);
  try {
    const rows = ["a", "b", "c"].map((subject) =>
      outbox.messageOf({ ...toMarket, to: { service: "market", subject } }),
    );
    await inTransaction(pool, (transaction) => outbox.send(transaction, rows));
    expect(hints).toBe(1);
    const failed = inTransaction(pool, async (transaction) => {
      await outbox.send(transaction, rows);
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    await inTransaction(pool, (transaction) => outbox.send(transaction, []));
    expect(hints).toBe(1);
    const kept = await domain.query<{ subject: string }>(
      "SELECT subject FROM inventory.outbox ORDER BY position",
    );
    expect(kept.map(({ subject }) => subject)).toEqual(["a", "b", "c"]);
  } finally {
    await pool.end();
    await domain.close();
  }
});
