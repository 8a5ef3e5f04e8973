import { create, isMessage, type Message, type MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { Decision } from "@hexhold/actor";
import { home, neighbours, playerId, wordOf } from "@hexhold/actor/testing";
import {
  LeaveSchema,
  ObserveSchema,
  TransferSchema,
} from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { SetOwnerSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import {
  CancelTakeSchema,
  type Give,
  GiveSchema,
} from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import {
  ContributeSchema,
  GatherSchema,
  GiveUpSiteSchema,
  type HexView,
  PlanSiteSchema,
  SetTaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import {
  ContributedSchema,
  type Gathered,
  GatheredSchema,
  SiteStartedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { BuildingSchema, Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { describe, expect, it } from "vitest";
import {
  answer,
  contribute,
  givenLand,
  type LandHex,
  planDwelling,
  setOwner,
} from "./land.testing.ts";

const { WOOD, STONE, FOOD, ORE } = Resource;
const noSite = new Uint8Array(0);
const otherSite = new Uint8Array(16).fill(3);

/** What a decision sends, by the names of the messages. */
function sent(decision: Decision): string[] {
  if (decision.kind === "refused") throw new Error(decision.reason);
  return (decision.messages ?? []).map(({ schema }) => schema.typeName);
}

function eventOf<S extends GenMessage<Message>>(decision: Decision, schema: S): MessageShape<S> {
  if (decision.kind === "refused") throw new Error(decision.reason);
  const found = decision.events.find(({ message }) => isMessage(message, schema));
  if (found === undefined) throw new Error(`no ${schema.name} in ${wordOf(decision)}`);
  return found.message as MessageShape<S>;
}

/** Supplies an open dwelling whole, by player 1 and 2, and starts it. */
function start(hex: LandHex, siteId: Uint8Array): Decision {
  answer(hex, contribute(hex, 1, WOOD, 10, siteId));
  answer(hex, contribute(hex, 1, FOOD, 1, siteId));
  return answer(hex, contribute(hex, 2, FOOD, 4, siteId));
}

describe("a contribution to the hex", () => {
  it("is asked for, counted when the inventory has taken it, and teaches the hex", () => {
    const hex = givenLand(1, { levelBase: 100 });
    const take = contribute(hex, 1, STONE, 7);
    expect(take).toMatchObject({ asset: "stone", amount: 7n, siteId: noSite, hex: home });
    expect(hex.parts.durable.xp).toBe(0n);
    const counted = answer(hex, take);
    expect(wordOf(counted)).toBe("TakeEnded, Contributed");
    expect(eventOf(counted, ContributedSchema)).toMatchObject({ value: 14n, coin: 14n, xp: 140n });
    expect(sent(counted)).toEqual([]);
    expect(hex.parts.durable).toMatchObject({ pending: [], xp: 140n, level: 1 });
    // 150 for level 2.
    expect(wordOf(answer(hex, contribute(hex, 1, WOOD, 1)))).toBe(
      "TakeEnded, Contributed, LevelRaised",
    );
    expect(hex.parts.durable).toMatchObject({ xp: 0n, level: 2 });
  });

  it("ends when the inventory refuses it, and is answered once", () => {
    const hex = givenLand();
    const take = contribute(hex, 1, WOOD, 7);
    expect(wordOf(answer(hex, take, false))).toBe("TakeEnded");
    expect(wordOf(answer(hex, take))).toBe("not-under-way");
    expect(wordOf(answer(hex, { takeId: otherSite }))).toBe("not-under-way");
    expect(hex.parts.durable).toMatchObject({ pending: [], xp: 0n });
  });

  it("without an answer is asked about after 5 s, then 10, 20 … 5 min, and never ends by itself", () => {
    const hex = givenLand();
    const take = contribute(hex, 1, WOOD, 7);
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const [timer] = hex.timers();
      expect(timer!.armedVersion).toBe(hex.hexVersion);
      waits.push(timer!.dueMs - hex.nowMs);
      const asked = hex.whenDue()!;
      expect(wordOf(asked)).toBe("TakeQueried");
      expect(sent(asked)).toEqual([CancelTakeSchema.typeName]);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map((s) => s * 1000));
    expect(hex.parts.durable.pending).toHaveLength(1);
    expect(wordOf(answer(hex, take))).toBe("TakeEnded, Contributed");
    expect(hex.timers()).toEqual([]);
  });

  it("is refused when too many have no answer, of a player or of the hex", () => {
    const hex = givenLand(17);
    for (let i = 0; i < 4; i++) contribute(hex, 1, WOOD, 1);
    const fifth = hex.when(ContributeSchema, { resource: WOOD, amount: 1n }, 1);
    expect(fifth).toMatchObject({ reason: "too-many-pending", retryAfterMs: 1000 });
    for (let n = 2; n <= 16; n++) for (let i = 0; i < 4; i++) contribute(hex, n, WOOD, 1);
    expect(wordOf(hex.when(ContributeSchema, { resource: WOOD, amount: 1n }, 17))).toBe(
      "too-many-pending",
    );
  });
});

describe("a site", () => {
  it("is planned, supplied, started and finished at its time, with what it is good for", () => {
    const hex = givenLand(2);
    const siteId = planDwelling(hex);
    expect(hex.timers()).toEqual([]);
    const started = start(hex, siteId);
    expect(wordOf(started)).toBe("TakeEnded, SiteSupplied, SiteStarted");
    const { contributors, dueMs, armedVersion } = eventOf(started, SiteStartedSchema);
    expect(contributors).toMatchObject([
      { accountId: playerId(1), value: 11n, coin: 11n, brought: [{ amount: 10n }, { amount: 1n }] },
      { accountId: playerId(2), value: 4n, coin: 4n },
    ]);
    expect(hex.parts.durable.xp).toBe(150n);
    expect(hex.timers()).toMatchObject([
      { dueMs: Number(dueMs), armedVersion: Number(armedVersion) },
    ]);
    expect(Number(armedVersion)).toBe(hex.hexVersion);
    const finished = hex.whenDue()!;
    expect(wordOf(finished)).toBe("SiteFinished");
    expect(hex.nowMs).toBe(Number(dueMs));
    expect(hex.parts.durable.site).toBeUndefined();
    expect(hex.parts.durable.buildings).toMatchObject([{ kind: SiteKind.DWELLING, count: 1 }]);
    const view = hex.when(ObserveSchema, {}, 1);
    // 32 + 8 · 1 + 16 · 1.
    expect((view as { result?: unknown }).result as HexView).toMatchObject({ populationMax: 56 });
  });

  it("keeps room for what is asked for", () => {
    const hex = givenLand(2);
    const siteId = planDwelling(hex);
    const take = contribute(hex, 1, WOOD, 6, siteId);
    const more = { resource: WOOD, siteId };
    expect(wordOf(hex.when(ContributeSchema, { ...more, amount: 5n }, 2))).toBe("site-full");
    expect(wordOf(hex.when(ContributeSchema, { ...more, amount: 4n }, 2))).toBe("TakeAsked");
    answer(hex, take, false);
    expect(wordOf(hex.when(ContributeSchema, { ...more, amount: 6n }, 2))).toBe("TakeAsked");
  });

  it("refuses what it does not need, another site's goods, and a 65th contributor", () => {
    const hex = givenLand(66, {
      populationBase: 100,
      sites: { dwelling: { needs: { wood: 100, food: 5 } } },
    });
    const siteId = planDwelling(hex);
    const said = (init: object, by = 1): string =>
      wordOf(hex.when(ContributeSchema, { resource: WOOD, amount: 1n, siteId, ...init }, by));
    expect(said({ resource: ORE })).toBe("not-needed");
    expect(said({ siteId: otherSite })).toBe("unknown-site");
    for (let n = 1; n <= 63; n++) answer(hex, contribute(hex, n, WOOD, 1, siteId));
    // One who is asked for counts as well.
    const last = contribute(hex, 64, WOOD, 1, siteId);
    expect(said({}, 65)).toBe("too-many-contributors");
    expect(said({}, 64)).toBe("TakeAsked");
    answer(hex, last, false);
    for (const { takeId } of hex.parts.durable.pending) answer(hex, { takeId }, false);
    expect(said({}, 65)).toBe("TakeAsked");
    expect(said({}, 66)).toBe("too-many-contributors");
  });

  it("that is given up owes back exact sums, and what comes later when it comes", () => {
    const hex = givenLand(2);
    const siteId = planDwelling(hex);
    answer(hex, contribute(hex, 1, WOOD, 3, siteId));
    answer(hex, contribute(hex, 1, WOOD, 2, siteId));
    answer(hex, contribute(hex, 2, FOOD, 4, siteId));
    const late = contribute(hex, 2, WOOD, 1, siteId);
    const never = contribute(hex, 2, WOOD, 1, siteId);
    expect(wordOf(hex.when(GiveUpSiteSchema, { siteId }, 2))).toBe("not-owner");
    expect(wordOf(hex.when(GiveUpSiteSchema, { siteId: otherSite }, 1))).toBe("unknown-site");
    const givenUp = hex.when(GiveUpSiteSchema, { siteId }, 1);
    const gifts = (decision: Decision): Give[] =>
      decision.kind === "refused"
        ? []
        : decision.messages!.map(({ message, schema, to }) => {
            expect(schema.typeName).toBe(GiveSchema.typeName);
            expect(to).toMatchObject({ service: "inventory" });
            return message as Give;
          });
    expect(gifts(givenUp)).toMatchObject([
      { siteId, accountId: playerId(1), asset: "wood", amount: 5n },
      { siteId, accountId: playerId(2), asset: "food", amount: 4n },
    ]);
    expect(new Set(gifts(givenUp).map(({ giveId }) => String(giveId))).size).toBe(2);
    expect(hex.parts.durable.site).toBeUndefined();
    expect(wordOf(hex.when(GiveUpSiteSchema, { siteId }, 1))).toBe("unknown-site");
    // Another one is open meanwhile.
    planDwelling(hex);
    expect(gifts(answer(hex, late))).toMatchObject([{ siteId, asset: "wood", amount: 1n }]);
    expect(hex.parts.durable.site!.shares).toEqual([]);
    expect(gifts(answer(hex, never, false))).toEqual([]);
    expect(hex.parts.durable.pending).toEqual([]);
  });

  it("cannot be given up once it is built, and takes nothing more", () => {
    const hex = givenLand(2);
    const siteId = planDwelling(hex);
    start(hex, siteId);
    expect(wordOf(hex.when(GiveUpSiteSchema, { siteId }, 1))).toBe("building");
    const more = { resource: WOOD, amount: 1n, siteId };
    expect(wordOf(hex.when(ContributeSchema, more, 1))).toBe("site-full");
  });

  it("is planned by the owner in term, and given up by its planner too", () => {
    const hex = givenLand(3);
    const kind = SiteKind.DWELLING;
    setOwner(hex, 2);
    expect(wordOf(hex.when(PlanSiteSchema, { kind }, 1))).toBe("not-owner");
    const siteId = planDwelling(hex, 2);
    expect(wordOf(hex.when(PlanSiteSchema, { kind }, 2))).toBe("site-open");
    // Another owner comes: both may, a third may not.
    setOwner(hex, 3);
    expect(wordOf(hex.when(GiveUpSiteSchema, { siteId }, 1))).toBe("not-owner");
    expect(wordOf(hex.when(GiveUpSiteSchema, { siteId }, 2))).toMatch(/^SiteGivenUp/);
    expect(wordOf(hex.when(GiveUpSiteSchema, { siteId: planDwelling(hex, 3) }, 3))).toBe(
      "SiteGivenUp",
    );
  });

  it("of a hex that nobody owns is its first, whoever plans it", () => {
    const hex = givenLand(2);
    setOwner(hex, 1, 1000);
    hex.nowMs += 1000;
    start(hex, planDwelling(hex, 2));
    hex.whenDue();
    hex.parts = { ...hex.parts, durable: { ...hex.parts.durable, level: 3 } };
    expect(wordOf(hex.when(PlanSiteSchema, { kind: SiteKind.WELL }, 1))).toBe("not-owner");
    setOwner(hex, 1);
    expect(wordOf(hex.when(PlanSiteSchema, { kind: SiteKind.WELL }, 1))).toBe("SitePlanned");
  });

  it("wants a level and room, and each further one of a kind needs half as much again", () => {
    const hex = givenLand(1);
    setOwner(hex, 1);
    const plan = (kind: SiteKind): string => wordOf(hex.when(PlanSiteSchema, { kind }, 1));
    expect(plan(SiteKind.STOREHOUSE)).toBe("level-too-low");
    const building = create(BuildingSchema, { kind: SiteKind.DWELLING, count: 1 });
    const built = (level: number, count: number): void => {
      const buildings = [{ ...building, count }];
      hex.parts = { ...hex.parts, durable: { ...hex.parts.durable, level, buildings } };
    };
    built(2, 1);
    expect(plan(SiteKind.DWELLING)).toBe("no-room");
    built(3, 1);
    expect(plan(SiteKind.DWELLING)).toBe("SitePlanned");
    // 10 · 1.5, and 5 · 1.5 rounded down.
    expect(hex.parts.durable.site).toMatchObject({
      needs: [{ need: 15n }, { need: 7n }],
      buildMs: 90_000n,
    });
  });

  it("finished with its stocks as they stood: a storehouse holds more, a well fills faster", () => {
    const needs = { wood: 1, stone: 0, food: 0, ore: 0, herb: 0 };
    const sites = { storehouse: { levelMin: 1, needs, buildMs: 30_000 } };
    const hex = givenLand(1, { sites, regrowthFactorPerMille: 1000 });
    const plan = hex.when(PlanSiteSchema, { kind: SiteKind.STOREHOUSE }, 1);
    expect(wordOf(plan)).toBe("SitePlanned");
    answer(hex, contribute(hex, 1, WOOD, 1, hex.parts.durable.site!.siteId));
    hex.when(GatherSchema, { resource: WOOD, amount: 100n }, 1);
    hex.whenDue();
    // Half a minute of the old capacity of 100.
    const wood = hex.parts.durable.stocks.find(({ resource }) => resource === WOOD);
    expect(wood).toMatchObject({ amount: 50n, asOfMs: BigInt(hex.nowMs) });
    hex.nowMs += 60_000;
    expect(wordOf(hex.when(GatherSchema, { resource: WOOD, amount: 150n }, 1))).toBe("Gathered");
    const buildings = [create(BuildingSchema, { kind: SiteKind.WELL, count: 1 })];
    hex.parts = { ...hex.parts, durable: { ...hex.parts.durable, buildings } };
    // 60 s · 0.85.
    hex.nowMs += 50_999;
    expect(wordOf(hex.when(GatherSchema, { resource: WOOD, amount: 100n }, 1))).toBe("depleted");
    hex.nowMs += 1;
    expect(wordOf(hex.when(GatherSchema, { resource: WOOD, amount: 100n }, 1))).toBe("Gathered");
  });
});

describe("an owner", () => {
  it("is the one of the highest number, whatever comes again or late", () => {
    const hex = givenLand(2);
    expect(wordOf(setOwner(hex, 1, 1000, 2n))).toBe("OwnerChanged");
    expect(wordOf(setOwner(hex, 2, 1000, 2n))).toBe("stale-number");
    expect(wordOf(setOwner(hex, 2, 1000, 1n))).toBe("stale-number");
    expect(hex.parts.durable).toMatchObject({ owner: playerId(1), tenure: { number: 2n } });
    expect(wordOf(setOwner(hex, 0, 1000, 7n))).toBe("OwnerChanged");
    expect(hex.parts.durable).toMatchObject({ owner: noSite, tenure: { number: 7n } });
  });

  it("of a world of an earlier format is a letter, and no refusal: the step is owed", () => {
    const owner = { number: 1n, owner: playerId(1), untilMs: 1n, electionId: otherSite };
    const hex = givenLand(1);
    expect(() => hex.when(SetOwnerSchema, owner, undefined, { worldFormat: 1 })).toThrow(
      "hexes have owners from format 2 on",
    );
  });

  it("gets its share of what others gather, and of each unit a part, carried", () => {
    const hex = givenLand(2);
    setOwner(hex, 1);
    expect(wordOf(hex.when(SetTaxSchema, { ratePerMille: 150 }, 2))).toBe("not-owner");
    expect(wordOf(hex.when(SetTaxSchema, { ratePerMille: 201 }, 1))).toBe("tax-too-high");
    const set = hex.when(SetTaxSchema, { ratePerMille: 150 }, 1);
    expect(set).toMatchObject({ result: { fromMs: BigInt(hex.nowMs + 600_000) } });
    const again = hex.when(SetTaxSchema, { ratePerMille: 0 }, 1);
    expect(again).toMatchObject({ reason: "tax-pending", retryAfterMs: 600_000 });
    const gather = (amount: bigint, by = 2): Gathered =>
      eventOf(hex.when(GatherSchema, { resource: WOOD, amount }, by), GatheredSchema);
    hex.nowMs += 599_999;
    expect(gather(1n)).toMatchObject({ owner: noSite, ownerAmount: 0n });
    hex.nowMs += 1;
    const one = Array.from({ length: 20 }, () => gather(1n));
    expect(one.reduce((sum, { ownerAmount }) => sum + ownerAmount, 0n)).toBe(3n);
    expect(gather(10n)).toMatchObject({ owner: playerId(1), ownerAmount: 1n, taxCarry: 500 });
    expect(gather(1n, 1)).toMatchObject({ owner: noSite, ownerAmount: 0n, taxCarry: 0 });
    // Its own gathering leaves what is carried as it was.
    expect(gather(10n)).toMatchObject({ ownerAmount: 2n, taxCarry: 0 });
    hex.nowMs = Number(hex.parts.durable.tenure!.untilMs);
    expect(gather(10n)).toMatchObject({ owner: noSite, ownerAmount: 0n });
    expect(wordOf(hex.when(SetTaxSchema, { ratePerMille: 1 }, 1))).toBe("not-owner");
  });

  it("begins without a tax, unless it stays the same", () => {
    const hex = givenLand(2);
    setOwner(hex, 1);
    hex.when(SetTaxSchema, { ratePerMille: 150 }, 1);
    hex.nowMs += 600_000;
    setOwner(hex, 1);
    expect(hex.parts.durable.tax).toMatchObject({ nextRatePerMille: 150 });
    setOwner(hex, 2);
    expect(hex.parts.durable.tax).toMatchObject({ ratePerMille: 0, nextRatePerMille: 0 });
  });
});

describe("who may act on the land", () => {
  const commands = (hex: LandHex, by: number, context = {}): string[] => [
    wordOf(hex.when(ContributeSchema, { resource: WOOD, amount: 1n }, by, context)),
    wordOf(hex.when(PlanSiteSchema, { kind: SiteKind.DWELLING }, by, context)),
    wordOf(hex.when(GiveUpSiteSchema, { siteId: otherSite }, by, context)),
    wordOf(hex.when(SetTaxSchema, { ratePerMille: 1 }, by, context)),
  ];
  const all = (reason: string): string[] => Array.from({ length: 4 }, () => reason);

  it("lives here, is online and not under way", () => {
    const hex = givenLand(2);
    expect(commands(hex, 9)).toEqual(all("not-resident"));
    hex.when(LeaveSchema, {}, 1);
    expect(commands(hex, 1)).toEqual(all("offline"));
    const { hexId: toHexId, layerId: toLayerId } = neighbours[0]!;
    hex.when(TransferSchema, { toHexId, toLayerId }, 2);
    expect(commands(hex, 2)).toEqual(all("in-transit"));
  });

  it("does so in worlds of format 2 only; in others stocks are what they were", () => {
    const hex = givenLand(2);
    const worldFormat = 1;
    expect(commands(hex, 1, { worldFormat })).toEqual(all("not-yet"));
    const gather = (resource: Resource): Decision =>
      hex.when(GatherSchema, { resource, amount: 1n }, 1, { worldFormat });
    expect(wordOf(gather(ORE))).toBe("not-yet");
    expect(wordOf(gather(WOOD))).toBe("Gathered");
    const view = hex.when(ObserveSchema, {}, 1, { worldFormat });
    expect((view as { result?: unknown }).result as HexView).toMatchObject({
      stocks: [{ resource: WOOD }, { resource: STONE }, { resource: FOOD }],
      capacities: [],
    });
  });
});
