import { askedStepContract, type AskedReceiver } from "@hexhold/domain/asked-step-contract";
import { CancelHoldSchema, HoldSchema } from "@hexhold/gen/hexhold/inventory/v1/holds_pb";
import { CancelTakeSchema, TakeSchema } from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import { EndTakeSchema, TakeEnd } from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { HoldEnd } from "@hexhold/gen/hexhold/market/v1/steps_pb";
import { fromBinary } from "@bufbuild/protobuf";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, beforeAll, expect } from "vitest";
import { expectConserved } from "../../test/conserved.ts";
import { type RunningInventory, runInventory } from "../../test/running-inventory.ts";

let inventory: RunningInventory;

beforeAll(async () => {
  inventory = await runInventory();
});
afterAll(async () => {
  await expectConserved(inventory.database);
  await inventory.close();
});

interface Step {
  readonly id: Uint8Array;
  readonly account: Uint8Array;
  readonly amount: bigint;
}

const hex = { hexId: 0x861f8d7b7ffffffn, layerId: 0 };
const siteId = uuidv7Bytes();

/** What both steps have in common: five wood of an account. */
interface Kind {
  /** An envelope, under a request of its own. */
  ask(step: Step, requestId: Uint8Array): Uint8Array;
  cancel(step: Step): Uint8Array;
  answers(step: Step): Promise<string[]>;
  /** Rows that say that it was done. */
  readonly effects: string;
}

function receiver(kind: Kind): AskedReceiver<Step> {
  const admin = () => inventory.database.admin;
  const sendAll = (step: Step, envelopes: readonly Uint8Array[]): Promise<void> =>
    inventory.sendBatch(uuidText(step.account), envelopes);
  const newStep = async (have: bigint, id = uuidv7Bytes()): Promise<Step> => {
    const account = await inventory.newAccount();
    await inventory.grant(account, "coin", 1n);
    if (have > 0n) await inventory.grant(account, "wood", have);
    return { id, account, amount: 5n };
  };
  return {
    grantable: () => newStep(5n),
    mintedAgo: (ms) => newStep(5n, uuidv7Bytes(Date.now() - ms)),
    async refusable() {
      const step = await newStep(4n);
      return {
        step,
        reason: "insufficient-goods",
        enable: () => inventory.grant(step.account, "wood", 5n),
      };
    },
    ask: (step) => sendAll(step, [kind.ask(step, uuidv7Bytes())]),
    askTimes(step, times) {
      // One request, known by the step's id.
      const envelope = kind.ask(step, step.id);
      return sendAll(
        step,
        Array.from({ length: times }, () => envelope),
      );
    },
    cancel: (step) => sendAll(step, [kind.cancel(step)]),
    async breakIt() {
      // Answers are messages with this payload's step; letters go through, refusals as well.
      await admin().query(
        `CREATE FUNCTION inventory.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF (SELECT count(*) FROM inventory.outbox WHERE destination = 'router') = 0 THEN
             RAISE EXCEPTION 'broken' USING ERRCODE = 'check_violation';
           END IF; RETURN NEW; END $$;
         ALTER FUNCTION inventory.no() SECURITY DEFINER;
         CREATE TRIGGER no BEFORE INSERT ON inventory.outbox FOR EACH ROW
         WHEN (NEW.destination <> 'router') EXECUTE FUNCTION inventory.no()`,
      );
      return {
        async mend() {
          await admin().query(`DROP TRIGGER no ON inventory.outbox; DROP FUNCTION inventory.no()`);
        },
      };
    },
    async forgetRequests() {
      await admin().query("DELETE FROM inventory.inbox; DELETE FROM inventory.result");
    },
    answers: (step) => kind.answers(step),
    async effects(step) {
      const { rows } = await admin().query<{ count: string }>(
        `SELECT count(*) FROM inventory.transaction WHERE transaction_id = $1
           AND EXISTS (${kind.effects})`,
        [uuidText(step.id)],
      );
      return Number(rows[0]?.count);
    },
  };
}

const hold: Kind = {
  ask: ({ id, account, amount }, requestId) =>
    inventory.envelope(
      HoldSchema,
      { holdId: id, accountId: account, asset: "wood", amount, fee: 1n, book: "wood", atMs: 1n },
      { service: "market", account, requestId },
    ),
  cancel: ({ id, account }) =>
    inventory.envelope(
      CancelHoldSchema,
      { holdId: id, accountId: account, book: "wood", atMs: 1n },
      { service: "market", account },
    ),
  async answers({ id }) {
    const told = () => inventory.ended.filter(({ holdId }) => uuidText(holdId) === uuidText(id));
    await untilSent();
    return told().map(({ end, reason }) => (end === HoldEnd.HELD ? "yes" : reason));
  },
  effects: "SELECT 1 FROM inventory.hold WHERE hold_id = $1 AND remaining = 5",
};

const take: Kind = {
  ask: ({ id, account, amount }, requestId) =>
    inventory.envelope(
      TakeSchema,
      { takeId: id, accountId: account, asset: "wood", amount, siteId, hex, atMs: 1n },
      { service: "worker", account, requestId },
    ),
  cancel: ({ id, account }) =>
    inventory.envelope(
      CancelTakeSchema,
      { takeId: id, accountId: account, hex, atMs: 1n },
      { service: "worker", account },
    ),
  async answers({ id }) {
    const sent = (await inventory.toHexes()).map(({ payload }) =>
      fromBinary(EndTakeSchema, payload),
    );
    return sent
      .filter(({ takeId }) => uuidText(takeId) === uuidText(id))
      .map(({ end, reason }) => (end === TakeEnd.TAKEN ? "yes" : reason));
  },
  effects: "SELECT 1 FROM inventory.take WHERE take_id = $1 AND state = 'taken'",
};

/** The outbox has nothing for the market. */
async function untilSent(): Promise<void> {
  const waiting = async () => {
    const { rows } = await inventory.database.admin.query(
      "SELECT 1 FROM inventory.outbox WHERE destination = 'market' LIMIT 1",
    );
    return rows.length;
  };
  await expect.poll(waiting, { timeout: 10_000, interval: 5 }).toBe(0);
}

askedStepContract("hold", () => receiver(hold));
askedStepContract("take", () => receiver(take));
