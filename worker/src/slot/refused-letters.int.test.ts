import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { createMemoryBus } from "@hexhold/messaging";
import { afterEach, expect, it } from "vitest";
import {
  admin,
  answerTo,
  broker,
  ends,
  enter,
  failing,
  gather,
  publish,
  slot,
  spawn,
  start,
  useSlotDriver,
} from "./slot-driver.testing.ts";

useSlotDriver();

const tables = ["command_result", "outbox"];

/** Rows of the table are refused for what they hold; of the outbox only letters. */
async function refuse(table: string): Promise<void> {
  const which = table === "outbox" ? "WHEN (NEW.destination = 'router')" : "";
  await admin.query(
    `CREATE OR REPLACE FUNCTION world.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'not in this table' USING ERRCODE = '22021'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON world.${table}
       FOR EACH ROW ${which} EXECUTE FUNCTION world.refuse()`,
  );
}

async function accept(): Promise<void> {
  for (const table of tables) await admin.query(`DROP TRIGGER IF EXISTS refuse ON world.${table}`);
}
afterEach(accept);

async function letters(): Promise<number> {
  const { rows } = await admin.query("SELECT 1 FROM world.outbox WHERE destination = 'router'");
  return rows.length;
}

const deadLettered = { case: "error", value: { errorCode: ErrorCode.DEAD_LETTERED } };

it("a command whose result is refused is answered, and its letter kept alone", async () => {
  await start(0n, failing);
  await publish(spawn());
  await refuse("command_result");
  const doomed = gather();
  await publish(doomed);
  expect((await answerTo(doomed)).outcome).toMatchObject(deadLettered);
  expect(await letters()).toBe(1);
  await accept();
  const next = enter();
  await publish(next);
  expect((await answerTo(next)).outcome.case).toBe("applied");
  expect(ends).toEqual([]);
});

it("a command whose letter is refused as well is answered, and the slot goes on", async () => {
  await start(0n, failing);
  await publish(spawn());
  await refuse("outbox");
  const doomed = gather();
  await publish(doomed);
  expect((await answerTo(doomed)).outcome).toMatchObject(deadLettered);
  expect(await letters()).toBe(0);
  const next = enter();
  await publish(next);
  expect((await answerTo(next)).outcome.case).toBe("applied");
  expect(ends).toEqual([]);
});

it("an unreadable message whose letter is refused is let go, and the slot goes on", async () => {
  await start();
  await refuse("outbox");
  const garbage = new Uint8Array([0xff, 0xff, 0xff]);
  const unreadable = { type: "batch.v1" as const, body: garbage, messageId: "m" };
  expect(await createMemoryBus(broker).publish(slot, unreadable)).toBe("confirmed");
  const next = spawn();
  await publish(next);
  expect((await answerTo(next)).outcome.case).toBe("applied");
  expect(ends).toEqual([]);
});
