import { KeyTextError } from "@hexhold/hex";
import { expect, test } from "vitest";
import type { Statement, Transaction } from "./transaction.ts";
import { createOutbox } from "./outbox.ts";

function openTransaction() {
  const statements: Statement[] = [];
  const effects: (() => void)[] = [];
  const transaction: Transaction = {
    query: (statement) => (statements.push(statement), Promise.resolve([])),
    onCommit: (effect) => void effects.push(effect),
  };
  return { transaction, statements, commit: () => effects.forEach((effect) => effect()) };
}

const house = { service: "house", version: "1", instance: "house-1" };
const newOutbox = () => createOutbox({ producer: house, descriptors: [], worldNow: Date.now });
const toHex = { destination: "hex", subject: "86754e64fffffff", envelope: new Uint8Array([1]) };
const toRouter = { destination: "router", subject: "cmd.p1", envelope: new Uint8Array([2]) };

test("the relay is hinted after a commit that has left rows, whoever wrote them, and after no other", async () => {
  const outbox = newOutbox();
  let hints = 0;
  outbox.onRows(() => hints++);
  const nothing = openTransaction();
  await outbox.send(nothing.transaction, []);
  nothing.commit();
  expect([hints, nothing.statements]).toEqual([0, []]);
  const sending = openTransaction();
  await outbox.send(sending.transaction, [toHex, toRouter]);
  expect([hints, sending.statements.length]).toEqual([0, 1]);
  sending.commit();
  expect(hints).toBe(1);
  const own = openTransaction();
  outbox.hintAfter(own.transaction);
  own.commit();
  expect([hints, own.statements]).toEqual([2, []]);
});

test("what nothing would ever send is not taken", async () => {
  const outbox = newOutbox();
  const { transaction, statements } = openTransaction();
  const nowhere = { ...toHex, subject: "nowhere" };
  await expect(outbox.send(transaction, [toRouter, nowhere])).rejects.toThrow(KeyTextError);
  outbox.onRows(() => undefined, { reachesHexes: false });
  await expect(outbox.send(transaction, [toHex])).rejects.toThrow(/house sends to hexes.*routes/);
  expect(statements).toEqual([]);
  // The control.
  await outbox.send(transaction, [toRouter]);
  expect(statements).toHaveLength(1);
});
