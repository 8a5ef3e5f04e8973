import { uuidBytes, uuidText, uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, beforeAll, expect, it } from "vitest";
import { game } from "../verify/stored-world.testing.ts";
import {
  ids,
  openStoredEconomy,
  type StoredEconomy,
} from "../verify/economy/stored-economy.testing.ts";
import { readSagas, sagaLines } from "./saga-report.ts";

let economy: StoredEconomy;

beforeAll(async () => {
  economy = await openStoredEconomy();
});
afterAll(async () => economy.close());

/** A dead letter of a message that names an id. */
async function addLetter(
  named: string,
  fields: { readonly type: string; readonly slot?: string; readonly account?: string },
): Promise<string> {
  const eventId = uuidText(uuidv7Bytes());
  await economy.client.query(
    `INSERT INTO control.dead_letter (event_id, dead_at, slot, worker, type, account_id, envelope, error, attempts)
     VALUES ($1, now(), $2, 'market-1', $3, $4, $5, 'it failed', 5)`,
    [
      eventId,
      fields.slot ?? "cmd.inventory.1",
      fields.type,
      fields.account ?? null,
      Buffer.concat([Buffer.from([10, 16]), uuidBytes(named), Buffer.from([1])]),
    ],
  );
  return eventId;
}

it("says what is asked for and what is owed, with ages, and the letters of it", async () => {
  const settle = await addLetter(ids.unsettled, { type: "cmd.inventory.settle" });
  const other = await addLetter(uuidText(uuidv7Bytes()), { type: "cmd.inventory.cancel-hold" });
  // What is final, or for a hex, is nothing that hangs.
  await addLetter(ids.asked, {
    type: "cmd.inventory.offer-trade",
    account: uuidText(uuidv7Bytes()),
  });
  await addLetter(ids.asked, { type: "cmd.hex.gather", slot: "cmd.p3" });
  const report = await readSagas(economy.client, game, 0);
  const steps = report.steps.map(({ kind, step, id }) => `${kind} ${step} ${id}`);
  expect(steps.toSorted()).toEqual(
    [
      `asked hold ${ids.asked}`,
      `asked hold ${ids.granted}`,
      `owed release ${ids.release}`,
      `owed settle ${ids.unsettled}`,
      `asked take ${ids.pending}`,
      `asked take ${ids.heard}`,
      `owed give ${ids.gift}`,
    ].toSorted(),
  );
  const withLetter = report.steps.filter(({ letter }) => letter !== undefined);
  expect(withLetter).toMatchObject([
    { id: ids.unsettled, letter: { eventId: settle, error: "it failed" } },
  ]);
  expect(report.letters.map(({ eventId }) => eventId)).toEqual([other]);
  expect(sagaLines(report).at(-1)).toMatch(/: 7 open steps, 1 other letter$/);
  await economy.client.query(
    `UPDATE market."order" SET placed_at = now() - interval '2 min' WHERE order_id = $1`,
    [ids.asked],
  );
  const older = await readSagas(economy.client, game, 60);
  expect(older.steps.map(({ id, ageS }) => [id, ageS >= 120 && ageS < 180])).toEqual([
    [ids.asked, true],
  ]);
  // What is done is gone from the list, and its letter stays until somebody sees to it.
  await economy.client.query(
    "INSERT INTO inventory.transaction (transaction_id, kind, at) VALUES ($1, 'trade', now())",
    [ids.unsettled],
  );
  const after = await readSagas(economy.client, game, 0);
  expect(after.steps.map(({ id }) => id)).not.toContain(ids.unsettled);
  expect(after.letters.map(({ eventId }) => eventId)).toContain(settle);
});
