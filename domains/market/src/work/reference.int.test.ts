/**
 * The market through PostgreSQL against the reference model: batches of any size in several books, two instances taking turns,
 * transactions that are rolled back. Escrow is the test's: each hold is granted or refused some batches later.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  cancel,
  halt,
  held,
  place,
  placedId,
  refusedHold,
  said,
  stepText,
} from "../../test/commands.ts";
import {
  type MarketDatabase,
  newAccount,
  openMarketDatabase,
  type TestCommand,
} from "../../test/market-database.ts";
import { type Random, randomOf } from "../../test/random.ts";
import { ReferenceBook, type ReferenceOrder } from "../../test/reference-book.ts";

let database: MarketDatabase;
const books = ["wood", "stone", "food"];
const commandsMax = Number(process.env["HEXHOLD_MARKET_COMMANDS"] ?? "8000");
const metMax = 6;

beforeAll(async () => {
  database = await openMarketDatabase(books);
});
afterAll(async () => database.close());

interface Planned {
  readonly command: TestCommand;
  /** What it does to the reference when it was committed as `outcome`. */
  readonly apply: (outcome: Parameters<typeof said>[0]) => void;
}

/** A command for a book and what the reference makes of it. */
function plan(
  random: Random,
  book: string,
  reference: ReferenceBook,
  accounts: readonly string[],
): Planned {
  const { nowMs } = database;
  const choice = random.below(100);
  const reserving = reference.orders.filter(({ state }) => state === "reserving");
  if (choice < 45 || reference.orders.length === 0) {
    const fields = {
      account: random.oneOf(accounts),
      side: random.oneOf(["buy", "sell"] as const),
      price: BigInt(90 + random.below(20)),
      quantity: BigInt(1 + random.below(30)),
      isImmediate: random.chance(15),
      lifetimeS: 60 + random.below(400),
      book,
    };
    return {
      command: place(fields),
      apply(outcome) {
        const count = reference.live(fields.account).length;
        expect(said(outcome)).toBe(
          reference.isHalted ? "halted" : count >= 20 ? "too-many-orders" : "applied",
        );
        if (outcome?.kind !== "applied") return;
        const { account, price, quantity, isImmediate, lifetimeS, side } = fields;
        const expiresMs = nowMs + lifetimeS * 1_000;
        reference.place({
          id: placedId(outcome),
          account,
          isBuy: side === "buy",
          price,
          quantity,
          isImmediate,
          expiresMs,
        });
      },
    };
  }
  if (choice < 88) {
    const { id } = random.oneOf(
      reserving.length > 0 && random.chance(92) ? reserving : reference.orders,
    );
    const isGranted = random.chance(92);
    return {
      command: isGranted ? held(id, book) : refusedHold(id, "insufficient-coin", book),
      apply(outcome) {
        const isWaiting = reference.find(id)?.state === "reserving";
        expect(said(outcome)).toBe(isWaiting ? "applied" : "not-under-way");
        if (isGranted) reference.grant(id, nowMs);
        else reference.reject(id, "insufficient-coin");
      },
    };
  }
  if (choice < 99) {
    const order: ReferenceOrder = random.oneOf(reference.orders);
    return {
      command: cancel(order.id, order.account, book),
      apply(outcome) {
        const isLive = order.state === "reserving" || order.state === "open";
        // An account that is too fast changes nothing.
        if (said(outcome) === "too-fast") return;
        expect(said(outcome)).toBe(isLive ? "applied" : "already-ended");
        reference.end(order.id, "cancelled");
      },
    };
  }
  const isHalted = !reference.isHalted && random.chance(30);
  return { command: halt(isHalted, book), apply: () => void (reference.isHalted = isHalted) };
}

/** Every order and trade in the database as the references believe them; nothing that was rolled back left a trace. */
async function expectAsBelieved(references: ReadonlyMap<string, ReferenceBook>): Promise<void> {
  const orders = await database.rows<{ id: string; seen: string }>(
    `SELECT order_id::text AS id, concat_ws(' ', book, (ARRAY['reserving', 'open', 'filled', 'cancelled', 'expired', 'rejected'])[state],
       seq, open, filled, ended, paid, ended_reason, want_end) AS seen FROM market."order"`,
  );
  const believed = [...references].flatMap(([book, { orders }]) =>
    orders.map((order) => [
      order.id,
      [
        book,
        order.state,
        order.seq,
        order.open,
        order.filled,
        order.ended,
        order.paid,
        order.reason,
        order.state === "reserving" || order.wantEnd !== "" ? order.wantEnd : "",
      ].join(" "),
    ]),
  );
  expect(Object.fromEntries(orders.map(({ id, seen }) => [id, seen]))).toEqual(
    Object.fromEntries(believed),
  );
  for (const [book, { trades }] of references) {
    const rows = await database.rows<{ line: string }>(
      "SELECT concat_ws(' ', buy_order, sell_order, price, quantity) AS line FROM market.trade WHERE book = $1 ORDER BY nth",
      [book],
    );
    expect(rows.map(({ line }) => line)).toEqual(
      trades.map(({ buy, sell, price, quantity }) => [buy, sell, price, quantity].join(" ")),
    );
  }
}

test(
  `books are those of the reference through two instances, reloads and rollbacks, ${commandsMax} commands`,
  async () => {
    const random = randomOf(20_261_130);
    const instances = [
      database.open({ tradesPerCommandMax: metMax }),
      database.open({ tradesPerCommandMax: metMax }),
    ];
    const references = new Map(books.map((book) => [book, new ReferenceBook(metMax)]));
    let rollBacks = 0;
    let done = 0;
    while (done < commandsMax) {
      // So far apart that no account is too fast, but within a batch.
      database.nowMs += 1_000 + random.below(4_000);
      const size = random.chance(20) ? 64 + random.below(193) : 1 + random.below(20);
      // A fresh account for most orders of large batches: five commands a second are soon had.
      const accounts = Array.from({ length: 4 + size }, (_, n) =>
        n < 4 ? fixed(n) : newAccount(),
      );
      const planned = Array.from({ length: size }, () => {
        const book = random.oneOf(books);
        return plan(random, book, references.get(book)!, accounts);
      });
      const commands = planned.map(({ command }) => command);
      while (random.chance(20)) {
        rollBacks++;
        await random.oneOf(instances).rollBack(...commands);
      }
      // Whoever gets it next: memory of the one that was rolled back has the version that this one will have.
      const outcomes = await random.oneOf(instances).run(...commands);
      for (const [at, { apply }] of planned.entries()) {
        if (said(outcomes[at]) !== "too-fast") apply(outcomes[at]);
        if (said(outcomes[at]) === "applied") done++;
      }
      if (random.chance(10)) {
        await random.oneOf(instances).timers("expire");
        for (const [, reference] of references) {
          for (const order of reference.live()) {
            if (order.expiresMs <= database.nowMs) reference.end(order.id, "expired");
          }
        }
      }
      if (random.chance(8)) await expectAsBelieved(references);
    }
    await expectAsBelieved(references);
    expect(rollBacks).toBeGreaterThan(10);
    const counts = [...references.values()].map(({ trades }) => trades.length);
    expect(Math.min(...counts)).toBeGreaterThan(commandsMax / 40);
    // Each took turns, and found the other's work.
    for (const market of instances) {
      expect(await market.metric(`hexhold_market_reloads_total{cause="version"}`)).toBeGreaterThan(
        10,
      );
      expect(await market.metric(`hexhold_market_reloads_total{cause="lost"}`)).toBeGreaterThan(3);
    }
    await expectSettled(references);
  },
  60_000 + commandsMax * 5,
);

const fixedAccounts = new Map<number, string>();
function fixed(n: number): string {
  const account = fixedAccounts.get(n) ?? newAccount();
  fixedAccounts.set(n, account);
  return account;
}

/** What was sent to the inventory is to the unit what the orders say: one hold each, one settlement a trade, exact releases. */
async function expectSettled(references: ReadonlyMap<string, ReferenceBook>): Promise<void> {
  const sent = (await database.sent()).map(stepText);
  const expected: string[] = [];
  for (const [, { orders, trades }] of references) {
    const limits = new Map(orders.map(({ id, price }) => [id, price]));
    for (const { id, isBuy, price, ended, state } of orders) {
      const isOwed = ended > 0n && state !== "rejected";
      if (isOwed) expected.push(`release ${id} ${isBuy ? price * ended : ended}`);
    }
    for (const { buy, sell, quantity, price } of trades) {
      const tax = (20n * price * quantity) / 1_000n;
      expected.push(
        `settle ${buy} < ${sell} ${quantity}@${price}, takes ${limits.get(buy)! * quantity}, tax ${tax}`,
      );
    }
  }
  const owed = sent.filter((line) => /^(release|settle) /.test(line));
  expect(owed.toSorted()).toEqual(expected.toSorted());
  const holds = sent.filter((line) => line.startsWith("hold "));
  const ids = [...references.values()].flatMap(({ orders }) => orders.map(({ id }) => id));
  expect(holds.map((line) => line.split(" ")[1]!).toSorted()).toEqual(ids.toSorted());
}
