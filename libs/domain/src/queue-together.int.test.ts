import { setTimeout as pause } from "node:timers/promises";
import { uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterEach, expect, test } from "vitest";
import {
  enter,
  gathered,
  openTestDomain,
  poison,
  type TestDomain,
  type TestDomainOptions,
} from "../test/test-domain.ts";

let domain: TestDomain;
/** Amounts of each transaction that a handler was called in, in their order. */
let transactions: bigint[][];
let gate: PromiseWithResolvers<void>;

async function open(options: TestDomainOptions = {}): Promise<void> {
  transactions = [];
  gate = Promise.withResolvers();
  domain = await openTestDomain({
    togetherMax: 4,
    async beforeEvents(amounts) {
      transactions.push([...amounts]);
      if (transactions.length === 1) await gate.promise;
    },
    ...options,
  });
  domain.start();
}
afterEach(async () => domain.close());

/** The first message is being handled while the others come. */
async function sendAll(...amounts: readonly bigint[]): Promise<void> {
  for (const [n, amount] of amounts.entries()) {
    await domain.send(gathered(amount));
    if (n === 0) await expect.poll(() => transactions.length).toBe(1);
  }
  await pause(200);
  gate.resolve();
}

test("messages that came while a transaction ran are the next one, so many at most, in their order", async () => {
  await open();
  await sendAll(1n, 2n, 3n, 4n, 5n, 6n, 7n);
  await domain.untilAcked(7);
  expect(transactions[0]).toEqual([1n]);
  // Four are in hand: the one that is handled, and three that wait.
  expect(transactions[1]).toEqual([2n, 3n, 4n]);
  expect(transactions.flat()).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n]);
  expect(transactions.length).toBeLessThan(5);
  expect(await domain.amounts()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("one of them that fails costs the others a transaction each, in the same order, and is a letter alone", async () => {
  await open();
  await sendAll(1n, 2n, poison, 4n);
  await domain.untilAcked(4);
  expect(transactions[1]).toEqual([2n, poison, 4n]);
  expect(transactions.slice(2).filter(([amount]) => amount !== poison)).toEqual([[2n], [4n]]);
  expect(await domain.amounts()).toEqual([1, 2, 4]);
  expect(await domain.letters()).toHaveLength(1);
});

test("each message gets the answers to its own commands, though they were one transaction", async () => {
  await open();
  const requests = [uuidv7Bytes(), uuidv7Bytes(), uuidv7Bytes()];
  await domain.send(gathered(1n));
  await expect.poll(() => transactions.length).toBe(1);
  for (const requestId of requests) await domain.send(enter({ requestId }));
  await domain.send(enter({ requestId: requests[0]! }));
  await pause(200);
  gate.resolve();
  await domain.untilAcked(5);
  await expect.poll(() => domain.answers.length).toBe(4);
  const [first, second, third, again] = domain.answers.map(({ requestId }) => uuidText(requestId));
  expect([first, second, third]).toEqual(requests.map((id) => uuidText(id)));
  expect(again).toBe(first);
  expect(domain.answers.map(({ replayed }) => replayed)).toEqual([false, false, false, true]);
  expect(await domain.amounts()).toEqual([1, -1, -1, -1]);
});

test("a channel that is lost brings all of them again, in their order, and each effect is there once", async () => {
  await open();
  domain.closeInsteadOfNextAck();
  await sendAll(1n, 2n, 3n, 4n, 5n, 6n);
  await expect.poll(() => domain.amounts(), { timeout: 20_000 }).toEqual([1, 2, 3, 4, 5, 6]);
  await expect
    .poll(() =>
      domain.metric('hexhold_domain_messages_total{service="inventory",outcome="replayed"}'),
    )
    .toBeGreaterThan(0);
});

test("what was sent in different lives of the database is told apart, though it is one transaction", async () => {
  await open();
  await domain.query("SELECT world.current_life()");
  const [row] = await domain.query<{ life: string }>("SELECT life FROM world.database_life");
  const life = BigInt(row!.life);
  await domain.query(
    `INSERT INTO world.outbox (slot, destination, position, day, subject, envelope)
     VALUES ('cmd.p1', 'inventory', 7, current_date, 's', '')`,
  );
  await domain.send(gathered(1n));
  await expect.poll(() => transactions.length).toBe(1);
  const from = (slot: string, of: bigint) => ({ life: of, places: [{ slot, position: 7n }] });
  await domain.sendFrom(from("cmd.p1", life - 1n), gathered(2n));
  // Another slot's seventh, which nobody has sent.
  await domain.sendFrom(from("cmd.p2", life - 1n), gathered(3n));
  await domain.sendFrom(from("cmd.p2", life), gathered(4n));
  await pause(200);
  gate.resolve();
  await domain.untilAcked(4);
  expect(transactions[1]).toEqual([2n, 4n]);
  expect(await domain.amounts()).toEqual([1, 2, 4]);
});
