import { bytesText, uuidv7Bytes } from "@hexhold/messaging";
import fc from "fast-check";
import { expect, it } from "vitest";
import { decideCancelHold, decideHold, decideRelease, decideSettle } from "./escrow.ts";
import { accountText, coin, holdOf, type LedgerAccount, playerOf } from "./ledger-account.ts";
import { createLedgerRows, type LedgerRows, noRows } from "./ledger-rows.ts";
import { decideCancelTake, decideGive, decideTake } from "./takes.ts";
import { decideAccept, decideEnd, decideOffer } from "./trades.ts";

const nowMs = 1_700_000_000_000;
const accounts = [1, 2, 3].map(() => uuidv7Bytes(nowMs));
const assets = [coin, "wood", "stone"];
const items = [uuidv7Bytes(nowMs), uuidv7Bytes(nowMs)];
const atMs = BigInt(nowMs);

/** A ledger in which each account has 100 of everything, and the first two an item. */
function ledger(): LedgerRows {
  const rows = noRows();
  for (const account of accounts) {
    for (const asset of assets) {
      rows.balances.set(accountText(playerOf(account, asset)), 100n);
      rows.balances.set(accountText(holdOf(account, asset)), 0n);
    }
  }
  for (const [at, itemId] of items.entries()) {
    rows.items.set(bytesText(itemId), {
      itemId,
      kind: "plaque",
      owner: accounts[at]!,
      heldBy: undefined,
      attributes: new Uint8Array(0),
      version: 1,
      madeMs: atMs,
    });
  }
  return createLedgerRows(rows);
}

const account = fc.constantFrom(...accounts);
const asset = fc.constantFrom(...assets);
/** Few, so that steps meet and come again. */
const few = (count: number) =>
  fc.constantFrom(...Array.from({ length: count }, () => uuidv7Bytes(nowMs)));
const [hold, trade, release, take, give, offer, site] = [5, 12, 6, 6, 6, 4, 2].map(few) as [
  ReturnType<typeof few>,
  ...ReturnType<typeof few>[],
];
const amount = fc.bigInt({ min: 1n, max: 120n });
const lines = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("amount" as const), asset, amount: fc.bigInt(1n, 15n) }),
    fc.record({ kind: fc.constant("item" as const), itemId: fc.constantFrom(...items) }),
  ),
  { maxLength: 3 },
);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("hold" as const),
      id: hold,
      account,
      asset,
      amount: fc.bigInt(1n, 60n),
      fee: fc.bigInt(0n, 5n),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("cancel hold" as const), id: hold, account }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      id: trade!,
      buy: hold,
      sell: hold,
      quantity: fc.bigInt(1n, 9n),
      price: fc.bigInt(1n, 4n),
      over: fc.bigInt(0n, 9n),
      tax: fc.bigInt(0n, 3n),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("release" as const),
      id: release!,
      hold,
      amount: fc.bigInt(1n, 30n),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("take" as const),
      id: take!,
      account,
      asset,
      amount,
      site: fc.option(site!),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("cancel take" as const), id: take!, account }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("give" as const),
      id: give!,
      account,
      asset,
      amount: fc.bigInt(1n, 30n),
      site: site!,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("offer" as const),
      id: offer!,
      from: account,
      to: account,
      give: lines,
      want: lines,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("accept" as const), id: offer!, by: account }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), id: offer!, by: account }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A hold's id of each line, the same for every repetition. */
const holdIds = new Map<string, Uint8Array>();
function holdIdOf(offerId: Uint8Array, nth: number): Uint8Array {
  const text = `${bytesText(offerId)} ${nth}`;
  const known = holdIds.get(text) ?? uuidv7Bytes(nowMs);
  holdIds.set(text, known);
  return known;
}

/** Throws a RangeError when it is owed and does not fit. */
function apply(rows: LedgerRows, s: Step): void {
  const transactionId = uuidv7Bytes(nowMs);
  switch (s.do) {
    case "hold":
      decideHold(rows, { ...s, holdId: s.id, service: "market", atMs }, nowMs);
      return;
    case "cancel hold":
      decideCancelHold(rows, { ...s, holdId: s.id, service: "market", atMs }, nowMs);
      return;
    case "settle": {
      const settlement = { ...s, tradeId: s.id, buyHold: s.buy, sellHold: s.sell, atMs };
      const buyTake = s.price * s.quantity + s.over;
      decideSettle(rows, { ...settlement, buyTake }, "market");
      return;
    }
    case "release":
      decideRelease(rows, { ...s, releaseId: s.id, holdId: s.hold, atMs }, "market");
      return;
    case "take":
      decideTake(rows, { ...s, takeId: s.id, siteId: s.site ?? undefined, atMs }, nowMs);
      return;
    case "cancel take":
      decideCancelTake(rows, { ...s, takeId: s.id, atMs }, nowMs);
      return;
    case "give":
      decideGive(rows, { ...s, giveId: s.id, siteId: s.site, atMs });
      return;
    case "offer": {
      if (rows.offer(s.id) !== undefined || rows.isPosted(s.id) || s.from === s.to) return;
      const held = s.give.map((line, nth) =>
        line.kind === "amount" ? { ...line, holdId: holdIdOf(s.id, nth) } : line,
      );
      const wanted = s.want.map((line) =>
        line.kind === "amount" ? { ...line, holdId: undefined } : line,
      );
      const terms = new Uint8Array(1);
      const offer = { ...s, offerId: s.id, give: held, want: wanted, terms, termsHash: terms };
      const times = { madeMs: atMs, expiresMs: atMs + 1000n, state: "open" as const };
      decideOffer(rows, { ...offer, ...times }, "inventory");
      return;
    }
    case "accept": {
      const accepted = { offerId: s.id, by: s.by, termsHash: new Uint8Array(1) };
      decideAccept(rows, { ...accepted, transactionId, nowMs: atMs });
      return;
    }
    case "end":
      decideEnd(rows, { offerId: s.id, by: s.by, transactionId, nowMs: atMs });
      return;
  }
}

/** As `expect`, a hundred times as fast. */
function same(found: unknown, wanted: unknown, what: string): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)}, not ${String(wanted)}`);
}

/** All that is anywhere, by asset: what players have free and held, and what was burned and not minted. */
function check(rows: LedgerRows): void {
  const all = (accountOf: (owner: Uint8Array, of: string) => LedgerAccount, of: string): bigint =>
    accounts.reduce((sum, owner) => sum + rows.balanceOf(accountOf(owner, of)), 0n);
  for (const of of assets) {
    const nobodys = rows.changes.transactions
      .flatMap(({ postings }) => postings)
      .filter(({ account: to }) => to.asset === of && (to.kind === "burn" || to.kind === "mint"))
      .reduce((sum, posting) => sum + posting.amount, 0n);
    same(all(playerOf, of) + all(holdOf, of) + nobodys, 300n, `all ${of}`);
  }
  const remaining = new Map<string, bigint>();
  const seen = new Set<string>();
  for (const { holdId } of rows.changes.newHolds) {
    const hold = rows.hold(holdId)!;
    if (seen.has(bytesText(holdId))) throw new Error("a hold was added twice");
    seen.add(bytesText(holdId));
    same(hold.remaining >= 0n && hold.remaining <= hold.amount, true, "what remains is a part");
    same(hold.remaining > 0n, hold.state === "held", "what is over is empty");
    const text = accountText(holdOf(hold.account, hold.asset));
    remaining.set(text, (remaining.get(text) ?? 0n) + hold.remaining);
  }
  for (const owner of accounts) {
    for (const of of assets) {
      const held = remaining.get(accountText(holdOf(owner, of))) ?? 0n;
      same(rows.balanceOf(holdOf(owner, of)), held, "escrow is what its holds say");
      same(rows.balanceOf(playerOf(owner, of)) >= 0n, true, "nobody owes");
    }
  }
  for (const { postings } of rows.changes.transactions) {
    for (const of of assets) {
      const sum = postings
        .filter(({ account: to }) => to.asset === of)
        .reduce((total, posting) => total + posting.amount, 0n);
      same(sum, 0n, "postings add up to 0");
    }
  }
}

it("whatever comes, in whatever order and however often: nothing is made or lost, and escrow is what its holds say", () => {
  const done = new Map<string, number>();
  let faults = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 90 }), (steps) => {
      let rows = ledger();
      const kept: Step[] = [];
      for (const s of steps) {
        const before = rows.changes.transactions.length;
        try {
          apply(rows, s);
        } catch (error) {
          // What is owed and does not fit: its transaction is rolled back.
          if (!(error instanceof RangeError)) throw error;
          faults++;
          rows = ledger();
          for (const again of kept) apply(rows, again);
          continue;
        }
        kept.push(s);
        done.set(s.do, (done.get(s.do) ?? 0) + rows.changes.transactions.length - before);
        check(rows);
        // A step that comes again finds itself.
        const posted = rows.changes.transactions.length;
        if (s.do !== "accept" && s.do !== "end") apply(rows, s);
        same(rows.changes.transactions.length, posted, `${s.do} again`);
      }
    }),
    { numRuns: 120, seed: 12 },
  );
  // The control: steps of each kind were done, and faults found.
  for (const kind of ["hold", "settle", "release", "take", "give", "offer", "accept", "end"]) {
    expect(`${kind}: ${(done.get(kind) ?? 0) > 9}`).toBe(`${kind}: true`);
  }
  expect(faults).toBeGreaterThan(100);
});
