import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { GetBalancesSchema, BalancesSchema } from "@hexhold/gen/hexhold/inventory/v1/commands_pb";
import {
  AcceptTradeSchema,
  EndTradeSchema,
  GetItemsSchema,
  GetOffersSchema,
  GrantSchema,
  ItemsSchema,
  OffersSchema,
  OfferState,
  OfferTradeSchema,
  TradeOfferedSchema,
} from "@hexhold/gen/hexhold/inventory/v1/trades_pb";
import { uuidv7Bytes } from "@hexhold/messaging";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expectConserved } from "../../test/conserved.ts";
import { type RunningInventory, runInventory } from "../../test/running-inventory.ts";

let inventory: RunningInventory;

beforeAll(async () => {
  inventory = await runInventory({ offersMax: 3 });
});
afterEach(async () => {
  inventory.setClockAheadMs(0);
  await expectConserved(inventory.database);
});
afterAll(async () => inventory.close());

async function withGoods(goods: Readonly<Record<string, bigint>> = {}): Promise<Uint8Array> {
  const account = await inventory.newAccount();
  for (const [asset, amount] of Object.entries(goods))
    await inventory.grant(account, asset, amount);
  return account;
}

async function withItem(owner: Uint8Array): Promise<Uint8Array> {
  const grantId = uuidv7Bytes();
  const item = { accountId: owner, itemKind: "plaque", reason: "test", grantId };
  await inventory.send(GrantSchema, item, { service: "host", account: owner });
  return grantId;
}

type Offered = MessageInitShape<typeof OfferTradeSchema>;

async function offer(from: Uint8Array, what: Offered) {
  const outcome = await inventory.send(OfferTradeSchema, what, { account: from });
  if (outcome.case !== "applied") throw new Error(JSON.stringify(outcome.value));
  return fromBinary(TradeOfferedSchema, outcome.value.result);
}

/** `applied`, or why not. */
async function outcomeOf(sent: Promise<Awaited<ReturnType<RunningInventory["send"]>>>) {
  const outcome = await sent;
  return outcome.case === "applied" ? "applied" : (outcome.value?.reason ?? "nothing");
}
const offering = (from: Uint8Array, what: Offered) =>
  outcomeOf(inventory.send(OfferTradeSchema, what, { account: from }));
const accepting = (by: Uint8Array, terms: { offerId: Uint8Array; termsHash: Uint8Array }) =>
  outcomeOf(inventory.send(AcceptTradeSchema, terms, { account: by }));
const ending = (by: Uint8Array, offerId: Uint8Array) =>
  outcomeOf(inventory.send(EndTradeSchema, { offerId }, { account: by }));

async function offersOf(account: Uint8Array, openOnly = false) {
  const outcome = await inventory.send(GetOffersSchema, { openOnly }, { account });
  if (outcome.case !== "applied") throw new Error("not read");
  return fromBinary(OffersSchema, outcome.value.result).offers;
}

async function itemsOf(account: Uint8Array) {
  const outcome = await inventory.send(GetItemsSchema, {}, { account });
  if (outcome.case !== "applied") throw new Error("not read");
  return fromBinary(ItemsSchema, outcome.value.result).items;
}

const wood = (amount: bigint) => ({ asset: "wood", amount });
const coins = (amount: bigint) => ({ asset: "coin", amount });

test("what an offer gives is held, both sides see its terms, and who accepts them gets them", async () => {
  const from = await withGoods({ wood: 5n });
  const to = await withGoods({ coin: 9n });
  const item = await withItem(to);
  const terms = await offer(from, { to, give: [wood(3n)], want: [coins(2n), { itemId: item }] });
  expect(await inventory.balances(from)).toEqual({ wood: "2", "wood held": "3" });
  const read = await inventory.send(GetBalancesSchema, {}, { account: from });
  expect(read.case === "applied" && fromBinary(BalancesSchema, read.value.result)).toMatchObject({
    balances: [{ asset: "wood", amount: 2n, held: 3n }],
  });
  const [seen] = await offersOf(to);
  expect(seen).toMatchObject({
    state: OfferState.OPEN,
    termsHash: terms.termsHash,
    terms: { offerId: terms.offerId, from, to, give: [wood(3n)], want: [coins(2n), {}] },
  });
  expect(seen).toEqual((await offersOf(from))[0]);
  expect(await accepting(to, terms)).toBe("applied");
  expect(await inventory.balances(from)).toEqual({ coin: "2", wood: "2" });
  expect(await inventory.balances(to)).toEqual({ coin: "7", wood: "3" });
  expect(await itemsOf(from)).toMatchObject([
    { itemId: item, version: 2, heldBy: new Uint8Array(0) },
  ]);
  expect(await itemsOf(to)).toEqual([]);
  expect(await offersOf(from)).toMatchObject([{ state: OfferState.ACCEPTED }]);
  expect(await offersOf(from, true)).toEqual([]);
  for (const again of [
    accepting(to, terms),
    ending(from, terms.offerId),
    ending(to, terms.offerId),
  ]) {
    expect(await again).toBe("not-open");
  }
});

test("an offer is refused by what is wrong with it, and holds nothing then", async () => {
  const from = await withGoods({ wood: 5n });
  const to = await withGoods();
  const item = await withItem(from);
  const theirs = await withItem(to);
  const refused: [string, Offered][] = [
    ["unknown-player", { to: uuidv7Bytes(), give: [wood(1n)] }],
    ["yourself", { to: from, give: [wood(1n)] }],
    ["nothing-offered", { to, want: [wood(1n)] }],
    ["insufficient", { to, give: [wood(6n)] }],
    ["insufficient", { to, give: [wood(3n), wood(3n)] }],
    ["insufficient", { to, give: [wood(2n ** 63n - 1n), wood(2n ** 63n - 1n)] }],
    ["insufficient", { to, give: [{ asset: "unheard-of", amount: 1n }] }],
    ["item-not-yours", { to, give: [{ itemId: theirs }] }],
    ["item-not-yours", { to, give: [{ itemId: uuidv7Bytes() }] }],
    ["item-held", { to, give: [{ itemId: item }, { itemId: item }] }],
  ];
  for (const [reason, what] of refused) expect(await offering(from, what)).toBe(reason);
  const invalid: Offered[] = [
    { to, give: [{ ...wood(1n), itemId: item }] },
    { to, give: [{}] },
    { to, give: [{ asset: "wood" }] },
    { to, give: [{ asset: "No Name", amount: 1n }] },
    { to, give: [{ asset: "wood", amount: -1n }] },
    { to, give: [{ itemId: item.subarray(1) }] },
    { to, give: Array.from({ length: 9 }, () => wood(1n)) },
    { to, give: [wood(1n)], want: Array.from({ length: 9 }, () => wood(1n)) },
    { to, give: [wood(1n)], expiresS: 59 },
    { to, give: [wood(1n)], expiresS: 86_401 },
    { to: from.subarray(1), give: [wood(1n)] },
  ];
  for (const what of invalid) expect(await offering(from, what)).toBe("invalid-payload");
  expect(await inventory.balances(from)).toEqual({ wood: "5" });
  expect(await offersOf(from)).toEqual([]);
  // What is offered once cannot be offered again.
  await offer(from, { to, give: [{ itemId: item }] });
  expect(await offering(from, { to, give: [{ itemId: item }] })).toBe("item-held");
  await offer(from, { to, give: [wood(1n)] });
  await offer(from, { to, give: [wood(1n)] });
  expect(await offering(from, { to, give: [wood(1n)] })).toBe("too-many-offers");
});

test("only the one who was asked accepts, on the terms that were shown, with goods that are there", async () => {
  const from = await withGoods({ wood: 5n });
  const to = await withGoods({ coin: 1n });
  const stranger = await withGoods({ coin: 9n });
  const terms = await offer(from, { to, give: [wood(5n)], want: [coins(2n)] });
  expect(await accepting(stranger, terms)).toBe("unknown-offer");
  expect(await accepting(from, terms)).toBe("unknown-offer");
  expect(await ending(stranger, terms.offerId)).toBe("unknown-offer");
  expect(await accepting(to, { ...terms, offerId: uuidv7Bytes() })).toBe("unknown-offer");
  const other = new Uint8Array(32).fill(1);
  expect(await accepting(to, { ...terms, termsHash: other })).toBe("terms-differ");
  expect(await accepting(to, { ...terms, termsHash: other.subarray(1) })).toBe("invalid-payload");
  expect(await accepting(to, terms)).toBe("insufficient");
  await inventory.grant(to, "coin", 1n);
  expect(await accepting(to, terms)).toBe("applied");
  // Of what was given away meanwhile.
  const item = await withItem(to);
  const wanted = await offer(from, { to, give: [coins(2n)], want: [{ itemId: item }] });
  const gift = await offer(to, { to: stranger, give: [{ itemId: item }] });
  expect(await accepting(to, wanted)).toBe("item-held");
  expect(await accepting(stranger, gift)).toBe("applied");
  expect(await accepting(to, wanted)).toBe("item-not-yours");
  expect(await ending(to, wanted.offerId)).toBe("applied");
  expect((await offersOf(from))[0]).toMatchObject({ state: OfferState.DECLINED });
  expect(await inventory.balances(from)).toEqual({ coin: "2" });
});

test("an offer that is withdrawn, declined or over gives back what it held", async () => {
  const from = await withGoods({ wood: 6n });
  const to = await withGoods();
  const item = await withItem(from);
  const give = [wood(2n), { itemId: item }];
  const withdrawn = await offer(from, { to, give });
  expect(await inventory.balances(from)).toEqual({ wood: "4", "wood held": "2" });
  expect(await ending(from, withdrawn.offerId)).toBe("applied");
  const declined = await offer(from, { to, give });
  expect(await ending(to, declined.offerId)).toBe("applied");
  const expired = await offer(from, { to, give, expiresS: 60 });
  inventory.setClockAheadMs(61_000);
  expect(await accepting(to, expired)).toBe("not-open");
  await expect.poll(() => inventory.balances(from), { timeout: 10_000 }).toEqual({ wood: "6" });
  expect((await offersOf(from)).map(({ state }) => state)).toEqual([
    OfferState.EXPIRED,
    OfferState.DECLINED,
    OfferState.WITHDRAWN,
  ]);
  expect(await itemsOf(from)).toMatchObject([{ heldBy: new Uint8Array(0), version: 1 }]);
});

test("accepted twice and withdrawn at once: one of them ends the offer, and was answered", async () => {
  const ends = new Set<number>();
  for (let round = 0; round < 60; round++) {
    const from = await withGoods({ wood: 2n });
    const to = await withGoods({ coin: 2n });
    const terms = await offer(from, { to, give: [wood(2n)], want: [coins(2n)] });
    const sent = [
      () => accepting(to, terms),
      () => ending(from, terms.offerId),
      () => accepting(to, terms),
    ];
    const answers = await Promise.all(
      (round % 2 === 0 ? sent : sent.toReversed()).map((send) => send()),
    );
    expect(answers.filter((answer) => answer === "applied")).toHaveLength(1);
    const { state } = (await offersOf(from))[0]!;
    const isAccepted = state === OfferState.ACCEPTED;
    ends.add(state);
    expect(await inventory.balances(from)).toEqual(isAccepted ? { coin: "2" } : { wood: "2" });
    expect(await inventory.balances(to)).toEqual(isAccepted ? { wood: "2" } : { coin: "2" });
  }
  // The control: both came about.
  expect(ends).toEqual(new Set([OfferState.ACCEPTED, OfferState.WITHDRAWN]));
});

test("an account that is too young offers nothing", async () => {
  const strict = await runInventory({ tradeMinAgeHours: 1 });
  try {
    const from = await strict.newAccount();
    const to = await strict.newAccount();
    await strict.grant(from, "wood", 1n);
    const what = { to, give: [wood(1n)] };
    const send = () => outcomeOf(strict.send(OfferTradeSchema, what, { account: from }));
    expect(await send()).toBe("too-new");
    strict.setClockAheadMs(3_600_001);
    expect(await send()).toBe("applied");
  } finally {
    await strict.close();
  }
});

test("an operator's grant is made once; nobody else grants", async () => {
  const accountId = await withGoods();
  const grant = { accountId, asset: "coin", amount: 5n, reason: "test", grantId: uuidv7Bytes() };
  const granting = (by: { service?: string; account?: Uint8Array }, what = grant) =>
    outcomeOf(inventory.send(GrantSchema, what, by));
  const operator = { service: "host", account: accountId };
  expect(await granting(operator)).toBe("applied");
  expect(await granting(operator)).toBe("applied");
  expect(await inventory.balances(accountId)).toEqual({ coin: "5" });
  expect(await granting({ account: accountId })).toBe("sender-not-allowed");
  expect(await granting({ service: "market", account: accountId })).toBe("sender-not-allowed");
  const unknown = { ...grant, accountId: uuidv7Bytes(), grantId: uuidv7Bytes() };
  expect(await granting(operator, unknown)).toBe("unknown-account");
  for (const wrong of [
    { amount: 0n },
    { amount: -1n },
    { asset: "" },
    { asset: "A b" },
    { reason: "" },
  ]) {
    expect(await granting(operator, { ...grant, ...wrong, grantId: uuidv7Bytes() })).toBe(
      "invalid-payload",
    );
  }
});
