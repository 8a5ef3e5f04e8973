/**
 * One account, or two that trade, does two things at once that cannot both be: each pair has one outcome, and it is the one that
 * was answered. Nothing is killed: what is raced are messages to two services over two gateways.
 */
import {
  type Client,
  connect,
  createInventory,
  createMarket,
  type Inventory,
  type Market,
  uuidBytes,
} from "@hexhold/client";
import { Fill, type Order, OrderState, Side } from "@hexhold/gen/hexhold/market/v1/commands_pb";
import { ContributeSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { diskOf } from "@hexhold/hex";
import { uuidText } from "@hexhold/messaging";
import { createReferencePlayer, type ReferencePlayer } from "@hexhold/reference-client";
import { gatewayUrls, startWorld, withPostgres, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";

const pairs = Number(process.env["HEXHOLD_CHAOS_PAIRS"] ?? 240);
/** Some twenty pairs a second, and what follows. */
const timeoutMs = 300_000 + pairs * 200;
/** Promised of every answer. */
const pauseMsMax = 5_000;
/** Two accounts each; an account has five commands of the market in a second. */
const lanes = 24;
const atOnce = { ordered: false };

interface Racer {
  readonly id: string;
  /** What the two of a lane trade, and nobody else. */
  readonly book: string;
  readonly client: Client;
  readonly market: Market;
  readonly inventory: Inventory;
  readonly player: ReferencePlayer<unknown>;
}
type Race = (one: Racer, two: Racer) => Promise<string>;

const bookOf = (lane: number): string => `lot-${lane}`;

let world: World;
let lanesOf: (readonly [Racer, Racer])[];
let longestMs = 0;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    flags: ["--gateways", "2", "--domains", "2"],
    env: {
      HEXHOLD_MARKET__BOOKS: `[${Array.from({ length: lanes }, (_, n) => bookOf(n)).join(", ")}]`,
    },
  });
  const minted = await world.mint(2 * lanes);
  const urls = gatewayUrls(world.status());
  const racers = await Promise.all(
    minted.map(async ({ accountId, token }, i): Promise<Racer> => {
      const client = await connect({ url: urls[i % urls.length]!, token });
      const [market, inventory] = [createMarket(client), createInventory(client)];
      const player = createReferencePlayer(client);
      await player.enter();
      const book = bookOf(Math.floor(i / 2));
      return { id: accountId, book, client, market, inventory, player };
    }),
  );
  for (const { id } of racers) {
    await world.grant(id, "coin", 10_000_000n);
    await world.grant(id, given, 100_000n);
  }
  lanesOf = Array.from({ length: lanes }, (_, n) => [racers[2 * n]!, racers[2 * n + 1]!] as const);
});
afterAll(async () => {
  for (const pair of lanesOf ?? []) for (const { client } of pair) client.close();
  await world?.stop();
});

/** Its outcome in one word: `applied`, or the reason. Counts how long it took. */
async function said(work: Promise<{ readonly outcome: string; readonly reason?: string }>) {
  const startedMs = performance.now();
  const { outcome, reason } = await work;
  longestMs = Math.max(longestMs, performance.now() - startedMs);
  return outcome === "applied" ? "applied" : `${outcome} ${reason}`;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Five commands a second are the account's; whoever was too fast asks again. */
async function place(
  { market, book }: Racer,
  side: Side,
  price: bigint,
  quantity = 1n,
  fill: Fill = Fill.GTC,
): Promise<Uint8Array> {
  for (;;) {
    const startedMs = performance.now();
    const outcome = await market.place({ book, side, price, quantity, fill }, atOnce);
    longestMs = Math.max(longestMs, performance.now() - startedMs);
    if (outcome.outcome === "applied") return outcome.result.orderId;
    if (outcome.outcome !== "refused" || outcome.reason !== "too-fast") {
      throw new Error(`an order was ${outcome.outcome} ${outcome.reason}`);
    }
    await pause(Math.max(outcome.retryAfterMs, 250));
  }
}

async function cancel({ market, book }: Racer, orderId: Uint8Array): Promise<string> {
  for (;;) {
    const answer = await said(market.cancel(book, orderId, atOnce));
    if (answer !== "refused too-fast") return answer;
    await pause(300);
  }
}

async function orderOf({ market }: Racer, orderId: Uint8Array): Promise<Order> {
  for (let page: { before?: Uint8Array } = {}; ;) {
    const outcome = await market.orders({ limit: 100, ...page }, atOnce);
    if (outcome.outcome !== "applied") throw new Error(`orders were ${outcome.outcome}`);
    const found = outcome.result.orders.find((one) => Buffer.from(one.orderId).equals(orderId));
    if (found !== undefined) return found;
    if (outcome.result.nextBefore.length === 0) throw new Error("an order is not there");
    page = { before: outcome.result.nextBefore };
  }
}

/** When it is known whether its escrow is there, and when `isOver`. */
async function until(
  racer: Racer,
  orderId: Uint8Array,
  isOver: (state: OrderState) => boolean = (state) => state !== OrderState.RESERVING,
): Promise<Order> {
  for (let tries = 0; ; tries++) {
    const order = await orderOf(racer, orderId);
    if (isOver(order.state)) return order;
    if (tries > 400) throw new Error(`order ${uuidText(orderId)} stays ${nameOf(order.state)}`);
    await pause(25);
  }
}
const nameOf = (state: OrderState): string =>
  Object.entries(OrderState).find(([, value]) => value === state)?.[0] ?? String(state);
const hasEnded = (state: OrderState): boolean => state > OrderState.OPEN;

async function ended(racer: Racer, ...orderIds: readonly Uint8Array[]): Promise<void> {
  for (const orderId of orderIds) {
    if (!hasEnded((await until(racer, orderId)).state)) await cancel(racer, orderId);
    await until(racer, orderId, hasEnded);
  }
}

/** An offer of `give` goods for nothing. */
async function offer(from: Racer, to: Racer, give: bigint) {
  const lines = { to: uuidBytes(to.id), give: [{ asset: from.book, amount: give }] };
  const startedMs = performance.now();
  const outcome = await from.inventory.offer({ ...lines, expiresS: 600 }, atOnce);
  longestMs = Math.max(longestMs, performance.now() - startedMs);
  return outcome;
}
async function offered(from: Racer, to: Racer, give: bigint) {
  const outcome = await offer(from, to, give);
  if (outcome.outcome !== "applied") throw new Error(`an offer was ${JSON.stringify(outcome)}`);
  return outcome.result;
}

/** Goods that can be spent, and in escrow: of the lane unless another asset is named. */
async function goodsOf({ inventory, book }: Racer, of = book): Promise<readonly [bigint, bigint]> {
  const outcome = await inventory.balances({}, atOnce);
  if (outcome.outcome !== "applied") throw new Error(`balances were ${outcome.outcome}`);
  const goods = outcome.result.balances.find(({ asset }) => asset === of);
  return [goods?.amount ?? 0n, goods?.held ?? 0n];
}
async function untilNothingHeld(racer: Racer): Promise<bigint> {
  for (let tries = 0; ; tries++) {
    const [free, held] = await goodsOf(racer);
    if (held === 0n) return free;
    if (tries > 200) throw new Error(`${held} goods of ${racer.id} stays held`);
    await pause(25);
  }
}

const price = 100n;
/** What is given to hexes, and traded by nobody. */
const given = "wood";

const races: Record<string, Race> = {
  async "opposite orders"(one) {
    const [buy, sell] = await Promise.all([
      place(one, Side.BUY, price),
      place(one, Side.SELL, price),
    ]);
    const found = [await until(one, buy), await until(one, sell)];
    await ended(one, buy, sell);
    const after = [await orderOf(one, buy), await orderOf(one, sell)];
    if (after.some(({ filled }) => filled > 0n)) throw new Error("an account traded with itself");
    const selfTrades = after.filter(({ endedReason }) => endedReason === "self-trade").length;
    if (selfTrades !== 1) throw new Error(`${selfTrades} of two ended as self-trade`);
    return nameOf(found[0]!.state);
  },
  async "order against offer for the same goods"(one, two) {
    const all = await untilNothingHeld(one);
    const [orderId, answer] = await Promise.all([
      place(one, Side.SELL, 900n, all),
      offer(one, two, all),
    ]);
    const order = await until(one, orderId);
    const isOffered = answer.outcome === "applied";
    const isOrdered = order.state === OrderState.OPEN;
    if (isOffered === isOrdered) {
      throw new Error(`offer ${answer.outcome}, order ${nameOf(order.state)} ${order.endedReason}`);
    }
    if (isOffered) {
      if (order.endedReason !== "insufficient-goods") throw new Error(order.endedReason);
      await said(one.inventory.end(answer.result.offerId, atOnce));
    } else {
      if (answer.outcome !== "refused" || answer.reason !== "insufficient") {
        throw new Error(JSON.stringify(answer));
      }
      await ended(one, orderId);
    }
    if ((await untilNothingHeld(one)) !== all) throw new Error("goods are gone, or doubled");
    return isOffered ? "offer" : "order";
  },
  async "accept against withdraw"(one, two) {
    const [[before], [taken]] = [await goodsOf(one), await goodsOf(two)];
    const { offerId, termsHash } = await offered(one, two, 1n);
    const answers = await Promise.all([
      said(two.inventory.accept({ offerId, termsHash }, atOnce)),
      said(one.inventory.end(offerId, atOnce)),
    ]);
    const isAccepted = answers[0] === "applied";
    if (answers[isAccepted ? 1 : 0] !== "refused not-open" || !answers.includes("applied")) {
      throw new Error(answers.join(", "));
    }
    const [left, got] = [await untilNothingHeld(one), (await goodsOf(two))[0]];
    if (left !== before - (isAccepted ? 1n : 0n) || got !== taken + (isAccepted ? 1n : 0n)) {
      throw new Error(
        `told ${answers.join(", ")}; ${before} became ${left}, ${taken} became ${got}`,
      );
    }
    return isAccepted ? "accepted" : "withdrawn";
  },
  async "accept twice"(one, two) {
    const [taken] = await goodsOf(two);
    const { offerId, termsHash } = await offered(one, two, 1n);
    const accept = () => said(two.inventory.accept({ offerId, termsHash }, atOnce));
    const answers = await Promise.all([accept(), accept()]);
    if (answers.toSorted().join() !== "applied,refused not-open") throw new Error(answers.join());
    if ((await goodsOf(two))[0] !== taken + 1n) throw new Error("taken twice, or never");
    return answers.toSorted()[0] ?? "";
  },
  async "cancel against fill"(one, two) {
    const [had] = await goodsOf(two);
    const sell = await place(one, Side.SELL, price, 2n);
    await until(one, sell);
    // A buy has further to go: its escrow is asked for first.
    const [answer, buy] = await Promise.all([
      pause(Math.random() * 300).then(() => cancel(one, sell)),
      place(two, Side.BUY, price, 2n, Fill.IOC),
    ]);
    const [sold, bought] = [await orderOf(one, sell), await until(two, buy, hasEnded)];
    const isFilled = sold.state === OrderState.FILLED;
    if (answer !== (isFilled ? "refused already-ended" : "applied")) {
      throw new Error(`cancel ${answer}, order ${nameOf(sold.state)}`);
    }
    if (sold.filled !== bought.filled || sold.filled !== (isFilled ? 2n : 0n)) {
      throw new Error(`${sold.filled} sold, ${bought.filled} bought`);
    }
    // The goods of a trade come a little later: the next race counts them.
    for (let tries = 0; (await goodsOf(two))[0] !== had + bought.filled; tries++) {
      if (tries > 200) throw new Error("what was bought does not come");
      await pause(25);
    }
    return isFilled ? "filled" : "cancelled";
  },
  async "cancel while its escrow is asked for"(one) {
    const before = await untilNothingHeld(one);
    const orderId = await place(one, Side.SELL, 900n, 3n);
    const answer = await cancel(one, orderId);
    const order = await until(one, orderId, hasEnded);
    if (answer !== "applied" || order.filled > 0n) {
      throw new Error(`cancel ${answer}, order ${nameOf(order.state)}`);
    }
    if ((await untilNothingHeld(one)) !== before) throw new Error("goods are gone, or doubled");
    return nameOf(order.state);
  },
  async "crossing while contributing"(one) {
    const { client, player } = one;
    const { key } = player;
    const [before] = await goodsOf(one, given);
    const amount = 3n;
    const neighbours = diskOf(key.hexId, 1).slice(1);
    const hexId = neighbours[Math.floor(Math.random() * neighbours.length)]!;
    const what = { resource: Resource.WOOD, amount };
    // To the hex that it may have left: its own SDK would wait for the next one.
    const gives = () =>
      pause(Math.random() * 20).then(() => said(client.send(ContributeSchema, key, what, atOnce)));
    const goes = () =>
      pause(Math.random() * 20).then(async () => {
        const startedMs = performance.now();
        const outcome = await player.transfer({ ...key, hexId });
        longestMs = Math.max(longestMs, performance.now() - startedMs);
        if (outcome.outcome !== "applied" || outcome.end !== "arrived") {
          throw new Error(`a walk ended ${JSON.stringify(outcome)}`);
        }
      });
    const [answer] = await Promise.all([gives(), goes()]);
    const mayBe = ["applied", "refused in-transit", "refused not-resident", "refused offline"];
    if (!mayBe.includes(answer)) throw new Error(answer);
    const isGiven = answer === "applied";
    const expected = before - (isGiven ? amount : 0n);
    // The take is asked for behind the answer.
    for (let tries = 0; (await goodsOf(one, given))[0] !== expected; tries++) {
      if (tries > 200) throw new Error(`told ${answer}, and ${before} became something else`);
      await pause(25);
    }
    return isGiven ? "given, and gone" : answer;
  },
};

it(
  `of ${pairs} pairs of things at once each has one outcome, and the one that was answered`,
  async () => {
    const names = Object.keys(races);
    for (const pair of lanesOf) {
      for (const { id, book } of pair) await world.grant(id, book, 1_000n);
    }
    const outcomes = new Map<string, number>();
    const faults: string[] = [];
    let next = 0;
    await Promise.all(
      lanesOf.map(async ([one, two], lane) => {
        while (next < pairs && faults.length === 0) {
          const nth = next++;
          const name = names[(nth + lane) % names.length]!;
          try {
            // In turn the buyer and the seller: nobody runs out.
            const sides = nth % 2 === 0 ? ([one, two] as const) : ([two, one] as const);
            // What the last race gives back comes a little later, and would be counted in this one.
            await Promise.all(sides.map(untilNothingHeld));
            const word = `${name}: ${await races[name]!(...sides)}`;
            outcomes.set(word, (outcomes.get(word) ?? 0) + 1);
          } catch (error) {
            faults.push(`${name}: ${(error as Error).message}`);
          }
        }
      }),
    );
    console.log(
      `${next} pairs, longest answer ${Math.round(longestMs)} ms (promised ${pauseMsMax})\n` +
        [...outcomes]
          .map(([word, count]) => `  ${word} ×${count}`)
          .toSorted()
          .join("\n"),
    );
    expect(faults).toEqual([]);
    expect(longestMs).toBeLessThan(pauseMsMax);
    // The control: both sides won some of the races that either can win.
    for (const word of [
      "accept against withdraw: accepted",
      "accept against withdraw: withdrawn",
      "cancel against fill: cancelled",
      "crossing while contributing: given, and gone",
    ]) {
      expect([word, (outcomes.get(word) ?? 0) > 0]).toEqual([word, true]);
    }
    await expect
      .poll(async () => (await world.hexctl("saga", "--json")).output, { timeout: 60_000 })
      .toContain('"steps": []');
    const { code, output } = await world.hexctl("verify", "--economy");
    expect(output).toMatch(/6 passed, 0 failed\s*$/);
    expect(code).toBe(0);
    const selfTrades = await withPostgres(
      world.status().services["postgres"]!.url,
      async (client) => {
        const { rows } = await client.query(
          `SELECT t.trade_id FROM market.trade AS t JOIN market."order" AS b ON b.order_id = t.buy_order
       JOIN market."order" AS s ON s.order_id = t.sell_order WHERE b.account_id = s.account_id`,
        );
        return rows;
      },
    );
    expect(selfTrades).toEqual([]);
  },
  timeoutMs,
);
