import { create, type Message } from "@bufbuild/protobuf";
import type { Game } from "@hexhold/actor";
import { createOutbox, inTransactionWithWork } from "@hexhold/domain";
import { EnvelopeSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { GatheredSchema } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { uuidv7Bytes } from "@hexhold/messaging";
import { createGame } from "@hexhold/reference-game";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LedgerDatabase, openLedgerDatabase } from "../../test/ledger-database.ts";
import { balancesOf } from "../ledger/account-pages.ts";
import { createLedgerWork } from "../ledger/ledger-work.ts";
import { ledgerEventsOf } from "../rules/ledger-events.ts";
import { creditHandler } from "./credit-handlers.ts";

const outbox = createOutbox({
  producer: { service: "inventory", version: "1", instance: "inventory-1" },
  descriptors: [],
  worldNow: Date.now,
});
let database: LedgerDatabase;
const game = createGame({});

beforeAll(async () => {
  database = await openLedgerDatabase();
});
afterAll(async () => database.close());

/** Handles events of what a player has gathered, as one batch. */
async function handle(
  ledger: Game["ledger"],
  playerId: Uint8Array,
  amounts: readonly bigint[],
): Promise<void> {
  const { handler, namesOf } = creditHandler(ledgerEventsOf({ ...game, ledger: ledger! })[0]!, {
    plaques: true,
  });
  if (handler.kind !== "event") throw new TypeError("events have a handler of events");
  const events = amounts.map((amount) => ({
    message: create(GatheredSchema, { playerId, resource: 1, amount, atMs: 5n }) as Message,
    envelope: create(EnvelopeSchema, { eventId: uuidv7Bytes() }),
  }));
  const newWork = () => createLedgerWork({ outbox, namesOf, onPosted: () => undefined });
  await inTransactionWithWork(database.pool, newWork, async (transaction, work) => {
    await work.prepare!(transaction, events);
    await handler.handle(transaction, events, work);
  });
}

const balances = (playerId: Uint8Array) =>
  database.inTransaction((transaction) =>
    balancesOf(transaction, playerId, { limit: 10, after: "" }),
  );

test("events are posted as the game says, and those that stand for nothing are settled without a transaction", async () => {
  const playerId = uuidv7Bytes();
  await handle(game.ledger, playerId, [2n, 3n]);
  expect(await balances(playerId)).toMatchObject([{ amount: 5n }]);
  const onlyLarge: Game["ledger"] = (event) =>
    (event as unknown as { amount: bigint }).amount > 9n ? game.ledger!(event) : undefined;
  await handle(onlyLarge, playerId, [4n, 10n, 4n]);
  await handle(onlyLarge, playerId, [4n]);
  expect(await balances(playerId)).toMatchObject([{ amount: 15n }]);
  const { rows } = await database.admin.query("SELECT kind FROM inventory.transaction");
  expect(rows).toEqual(Array.from({ length: 3 }, () => ({ kind: "gathered" })));
});

test("a batch with an event of which the game's postings are none is not posted, and says why", async () => {
  const playerId = uuidv7Bytes();
  const uneven: Game["ledger"] = (event) => {
    const entry = game.ledger!(event)!;
    return { ...entry, postings: entry.postings.slice(1) };
  };
  await expect(handle(uneven, playerId, [1n])).rejects.toThrow(
    /the ledger entry of evt\.hex\.gathered: its postings of \w+ add up to 1, not 0/,
  );
  expect(await balances(playerId)).toEqual([]);
});
