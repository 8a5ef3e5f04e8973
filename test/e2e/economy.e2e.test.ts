/** A world in which players trade: what they have, hold and are paid, by the services themselves, while these are killed. */
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { BalancesSchema, GetBalancesSchema } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import {
  AcceptTradeSchema,
  OfferTradeSchema,
  TradeOfferedSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import {
  type Fill,
  GetOrdersSchema,
  OrderPlacedSchema,
  OrdersSchema,
  OrderState,
  PlaceOrderSchema,
  Side,
} from "@hexhold/gen/hexhold/market/v1/commands_pb";
import {
  domainCommand,
  joinPlayer,
  type LoadPlayer,
  startWorld,
  type World,
} from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

interface Trader {
  readonly player: LoadPlayer;
  readonly accountId: string;
}

let world: World;
let traders: Trader[];

beforeAll(async () => {
  world = await startWorld({ profile: "cluster" });
  const minted = await world.mint(3);
  traders = await Promise.all(
    minted.map(async (one) => ({
      accountId: one.accountId,
      player: await joinPlayer(world.status().endpoints.ws, one),
    })),
  );
});
afterAll(async () => {
  for (const { player } of traders ?? []) player.close();
  await world?.stop();
});

async function have(trader: Trader): Promise<Record<string, string>> {
  const { result } = await domainCommand(
    trader.player,
    "cmd.inventory.get-balances",
    GetBalancesSchema,
    {},
  );
  const { balances } = fromBinary(BalancesSchema, result!);
  return Object.fromEntries(
    balances
      .filter(({ amount, held }) => amount > 0n || held > 0n)
      .map(({ asset, amount, held }) => [asset, held === 0n ? `${amount}` : `${amount}+${held}`]),
  );
}

async function grant(trader: Trader, asset: string, amount: number): Promise<void> {
  const { code, output } = await world.hexctl(
    "grant",
    trader.accountId,
    asset,
    String(amount),
    "--reason",
    "a test",
  );
  expect(`${code}: ${output}`).toMatch(/^0: /);
}

/** As a patient player does: an account has five commands a second, and a quick machine is quicker. */
async function place(
  trader: Trader,
  order: { side: Side; price: bigint; quantity: bigint; fill?: Fill },
): Promise<string> {
  const send = () =>
    domainCommand(trader.player, "cmd.market.place-order", PlaceOrderSchema, {
      book: "wood",
      ...order,
    });
  let { said, result } = await send();
  while (said === "refused:too-fast") {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    ({ said, result } = await send());
  }
  expect(said).toBe("applied");
  return Buffer.from(fromBinary(OrderPlacedSchema, result!).orderId).toString("hex");
}

async function stateOf(trader: Trader, orderId: string): Promise<string> {
  const { result } = await domainCommand(trader.player, "cmd.market.get-orders", GetOrdersSchema, {
    limit: 100,
  });
  const order = fromBinary(OrdersSchema, result!).orders.find(
    (one) => Buffer.from(one.orderId).toString("hex") === orderId,
  );
  const name = Object.entries(OrderState).find(([, value]) => value === order?.state)?.[0];
  return `${name} ${order?.filled}/${order?.quantity} ${order?.endedReason}`.trim();
}

async function verified(): Promise<void> {
  const { code, output } = await world.hexctl("verify", "--economy");
  expect(output).toMatch(/[1-9] passed, 0 failed\s*$/);
  expect(code).toBe(0);
}

const settles = (check: () => Promise<unknown>) => expect.poll(check, { timeout: 20_000 });

test("goods are sold for coin: escrow, fee, tax and change are where they belong", async () => {
  const [buyer, seller] = [traders[0]!, traders[1]!];
  await grant(buyer, "coin", 1_000);
  await grant(seller, "wood", 50);
  await grant(seller, "coin", 10);
  const sale = await place(seller, { side: Side.SELL, price: 10n, quantity: 30n });
  await settles(() => stateOf(seller, sale)).toBe("OPEN 0/30");
  // Three coins are the fee: 1 % of 300.
  expect(await have(seller)).toEqual({ coin: "7", wood: "20+30" });
  const purchase = await place(buyer, { side: Side.BUY, price: 12n, quantity: 20n });
  await settles(() => stateOf(buyer, purchase)).toBe("FILLED 20/20");
  await settles(() => have(seller)).toEqual({ coin: "203", wood: "20+10" });
  // At the seller's price, less a fee of 3: 240 were held, 40 of them came back.
  await settles(() => have(buyer)).toEqual({ coin: "797", wood: "20" });
  const { said } = await domainCommand(buyer.player, "cmd.market.place-order", PlaceOrderSchema, {
    book: "wood",
    side: Side.BUY,
    price: 100n,
    quantity: 100n,
  });
  expect(said).toBe("applied");
  await settles(async () => {
    const { result } = await domainCommand(
      buyer.player,
      "cmd.market.get-orders",
      GetOrdersSchema,
      {},
    );
    return fromBinary(OrdersSchema, result!).orders[0]?.endedReason;
  }).toBe("insufficient-coin");
  await verified();
});

test("two players trade without a market, on the terms that were shown", async () => {
  const [from, to] = [traders[1]!, traders[2]!];
  await grant(to, "stone", 5);
  const { result } = await domainCommand(
    from.player,
    "cmd.inventory.offer-trade",
    OfferTradeSchema,
    {
      to: Buffer.from(to.accountId.replaceAll("-", ""), "hex"),
      give: [{ asset: "wood", amount: 5n }],
      want: [{ asset: "stone", amount: 5n }],
    },
  );
  const terms = fromBinary(TradeOfferedSchema, result!);
  const { offerId, termsHash } = terms;
  const wrong = { offerId, termsHash: new Uint8Array(32) };
  const accept = (what: MessageInitShape<typeof AcceptTradeSchema>) =>
    domainCommand(to.player, "cmd.inventory.accept-trade", AcceptTradeSchema, what);
  expect((await accept(wrong)).said).toBe("refused:terms-differ");
  expect((await accept({ offerId, termsHash })).said).toBe("applied");
  expect(await have(to)).toEqual({ wood: "5" });
  expect((await have(from))["stone"]).toBe("5");
  await verified();
});

test("with inventory and market killed again and again, every order ends and every coin is somewhere", async () => {
  const [buyer, seller] = [traders[0]!, traders[2]!];
  await grant(buyer, "coin", 100_000);
  await grant(seller, "wood", 1_000);
  await grant(seller, "coin", 1_000);
  const killer = (async () => {
    for (let round = 0; round < 6; round++) {
      const name = round % 2 === 0 ? "inventory-1" : "market-1";
      const pid = world.status().processes.find((one) => one.name === name)?.pid;
      if (pid !== undefined) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It is being started again.
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
  })();
  const placed: (readonly [Trader, string])[] = [];
  for (let n = 0; n < 15; n++) {
    const price = BigInt(20 + (n % 3));
    placed.push(
      [seller, await place(seller, { side: Side.SELL, price, quantity: 4n })],
      [buyer, await place(buyer, { side: Side.BUY, price: price + 1n, quantity: 5n })],
    );
    if (n % 5 === 4) await verified();
  }
  await killer;
  await expect
    .poll(
      async () => {
        const states = await Promise.all(placed.map(([who, order]) => stateOf(who, order)));
        return states.filter((state) => state.startsWith("RESERVING"));
      },
      { timeout: 60_000 },
    )
    .toEqual([]);
  const all = await Promise.all(placed.map(([who, order]) => stateOf(who, order)));
  expect(all.filter((state) => /REJECTED|CANCELLED|EXPIRED/.test(state))).toEqual([]);
  // Who was killed when decides the order of escrow, and so whether a dear offer is left over.
  const left = (
    await Promise.all(
      placed.filter(([who]) => who === seller).map(([who, order]) => stateOf(who, order)),
    )
  )
    .map((state) => /^OPEN (\d+)\/4/.exec(state)?.[1])
    .reduce((sum, filled) => sum + (filled === undefined ? 0 : 4 - Number(filled)), 0);
  expect(left).toBeLessThan(12);
  await settles(async () => (await have(seller))["wood"]).toBe(left === 0 ? "945" : `945+${left}`);
  await verified();
});

test("while the inventory stands still, operators see what waits for it, and ask; nothing ends by that", async () => {
  const seller = traders[2]!;
  const inventory = world.pidOf("inventory-1");
  process.kill(inventory, "SIGSTOP");
  const hex = await place(seller, { side: Side.SELL, price: 900n, quantity: 1n });
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  try {
    const listed = await world.hexctl("saga");
    expect(listed.output).toContain(id);
    const asked = await world.hexctl("saga", "ask", id);
    expect(`${asked.code}: ${asked.output}`).toMatch(/^0: the market has asked .* in wood/);
    expect(await stateOf(seller, hex)).toBe("RESERVING 0/1");
  } finally {
    process.kill(inventory, "SIGCONT");
  }
  await settles(() => stateOf(seller, hex)).toBe("OPEN 0/1");
  const late = await world.hexctl("saga", "ask", id);
  expect(late.code).toBe(1);
  expect(late.output).toContain("already-answered");
  const unknown = await world.hexctl("saga", "ask", seller.accountId);
  expect(`${unknown.code}: ${unknown.output}`).toMatch(/1: No step .* waits for an answer/);
  const bad = await world.hexctl("saga", "ask", "42");
  expect(`${bad.code}: ${bad.output}`).toMatch(/1: "42" is no id of a step/);
  await verified();
});
