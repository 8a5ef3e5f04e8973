import { create } from "@bufbuild/protobuf";
import type { Game, LedgerEntry, Posting } from "@hexhold/actor";
import {
  ContributedSchema,
  GatheredSchema,
  SiteFinishedSchema,
  SiteStartedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { createGame } from "@hexhold/reference-game";
import { messageFile } from "@hexhold/testing/message-file";
import { expect, it } from "vitest";
import { type LedgerEvent, ledgerEventsOf } from "./ledger-events.ts";

const eventId = new Uint8Array(16).fill(9);
const playerId = new Uint8Array(16).fill(7);
const gathered = create(GatheredSchema, {
  playerId,
  resource: Resource.STONE,
  amount: 3n,
  atMs: 5n,
});

/** The ledger's event of the reference game, whose ledger says `entry`. */
function eventOf(entry: LedgerEntry | undefined): LedgerEvent {
  return ledgerEventsOf({ ...createGame({}), ledger: () => entry })[0]!;
}

it("are those whose contract names the inventory, each with the word of its type", () => {
  const events = ledgerEventsOf(createGame({}));
  expect(events.map(({ type, kind, schema }) => [type, kind, schema])).toEqual([
    ["evt.hex.gathered", "gathered", GatheredSchema],
    ["evt.hex.contributed", "contributed", ContributedSchema],
    ["evt.hex.site-started", "site-started", SiteStartedSchema],
    ["evt.hex.site-finished", "site-finished", SiteFinishedSchema],
  ]);
});

it("stand for what the game says, under their own id", () => {
  const [event] = ledgerEventsOf(createGame({}));
  expect(event!.transactionOf(eventId, gathered)).toEqual({
    transactionId: eventId,
    kind: "gathered",
    atMs: 5n,
    postings: [
      { holder: { kind: "mint" }, asset: "stone", amount: -3n },
      { holder: { kind: "player", accountId: playerId }, asset: "stone", amount: 3n },
    ],
    items: [],
  });
});

it("stand for nothing when the game says nothing, or no posting", () => {
  expect(eventOf(undefined).transactionOf(eventId, gathered)).toBeUndefined();
  expect(eventOf({ atMs: 5n, postings: [] }).transactionOf(eventId, gathered)).toBeUndefined();
});

it("are refused by their type when the ledger does not take the postings", () => {
  const postings: Posting[] = [{ holder: { kind: "mint" }, asset: "wood", amount: 1n }];
  expect(() => eventOf({ atMs: 5n, postings }).transactionOf(eventId, gathered)).toThrow(
    "the ledger entry of evt.hex.gathered: its postings of wood add up to 1, not 0",
  );
});

it("bring items that are items, or none of it is posted", () => {
  const item = { itemId: eventId, kind: "plaque", accountId: playerId, attributes: eventId };
  const withItems = (...items: (typeof item)[]) =>
    eventOf({ atMs: 5n, postings: [], items }).transactionOf(eventId, gathered);
  expect(withItems(item)).toMatchObject({ postings: [], items: [item] });
  const faulty = [
    { itemId: eventId.subarray(1) },
    { accountId: new Uint8Array(0) },
    { kind: "No Kind" },
    { attributes: new Uint8Array(1025) },
  ];
  for (const fields of faulty) {
    expect(() => withItems({ ...item, ...fields })).toThrow(/item 1 of 1: /);
  }
  expect(() => withItems(item, item)).toThrow("item 2 of 2");
});

it("need a game with a ledger; a game without such events needs none", () => {
  const { ledger: _ledger, ...game } = createGame({});
  expect(() => ledgerEventsOf(game)).toThrow(
    "the game reference sends evt.hex.gathered to the inventory, and has no ledger that says what it stands for",
  );
  const quiet: Game = {
    ...game,
    descriptors: game.descriptors.filter(({ name }) => name.startsWith("hexhold/hex/")),
  };
  expect(ledgerEventsOf(quiet)).toEqual([]);
});

it("are not called as the ledger calls transactions of its own", () => {
  const game = createGame({});
  const trade = messageFile([
    {
      name: "Trade",
      contract: { type: "evt.test.trade", version: 1, consumers: ["inventory"] },
    },
  ]);
  expect(() => ledgerEventsOf({ ...game, descriptors: [trade] })).toThrow(
    "the game reference sends evt.test.trade to the inventory, which calls transactions of its own trade: name the event otherwise",
  );
});
