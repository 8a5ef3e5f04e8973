import { create } from "@bufbuild/protobuf";
import { GetOrdersSchema, type Orders } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { uuidText } from "@hexhold/messaging";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cancel, held, place, placedId } from "../../test/commands.ts";
import {
  commandOf,
  type MarketDatabase,
  newAccount,
  openMarketDatabase,
} from "../../test/market-database.ts";

let database: MarketDatabase;

beforeAll(async () => {
  database = await openMarketDatabase(["wood"]);
});
afterAll(async () => database.close());

test("an account lists what has not ended, page by page, the newest first, and what has on demand", async () => {
  const market = database.open();
  const account = newAccount();
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) {
    database.nowMs += 1_000;
    const [outcome] = await market.run(place({ account, side: "buy" }));
    ids.unshift(placedId(outcome));
    if (n !== 3) await market.run(held(ids[0]!));
  }
  await market.run(cancel(ids[2]!, account));
  const list = async (fields: {
    readonly openOnly: boolean;
    readonly limit?: number;
    readonly before?: Uint8Array;
  }) => {
    const [outcome] = await market.run(commandOf(create(GetOrdersSchema, fields), account));
    if (outcome?.kind !== "applied") throw new Error(JSON.stringify(outcome));
    const { orders, nextBefore } = outcome.result as Orders;
    return { ids: orders.map(({ orderId }) => uuidText(orderId)), nextBefore };
  };
  const open = [ids[0], ids[1], ids[3]];
  expect((await list({ openOnly: true })).ids).toEqual(open);
  expect((await list({ openOnly: false })).ids).toEqual(ids);
  const first = await list({ openOnly: true, limit: 2 });
  const second = await list({ openOnly: true, limit: 2, before: first.nextBefore });
  expect([...first.ids, ...second.ids]).toEqual(open);
});
