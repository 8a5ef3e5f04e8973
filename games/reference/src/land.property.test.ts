import { toBinary } from "@bufbuild/protobuf";
import { CancelTakeSchema, type Take } from "@hexhold/gen/hexhold/inventory/v1/takes_pb";
import {
  ContributeSchema,
  GatherSchema,
  PlanSiteSchema,
  SetTaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { Gathered } from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { HexStateSchema, Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import fc from "fast-check";
import { expect, it } from "vitest";
import { World } from "./land-world.testing.ts";
import { answer, givenLand, givenLandOf, landGame, setOwner } from "./land.testing.ts";

const action = fc.tuple(fc.nat(11), fc.nat(60), fc.nat(60));

it.each([
  { runs: 9_800, actionsMax: 14 },
  { runs: 200, actionsMax: 250 },
])(
  "each contribution is refused, counted or owed back, once; in $runs histories of up to $actionsMax actions",
  ({ runs, actionsMax }) => {
    let contributions = 0;
    fc.assert(
      fc.property(fc.array(action, { maxLength: actionsMax, size: "max" }), (actions) => {
        const world = new World();
        // Somebody plans at first, or most histories would have no site.
        world.act(7, 0, 0);
        for (const [kind, a, b] of actions) {
          world.act(kind, a, b);
          world.check();
        }
        world.settle();
        world.check();
        world.checkRest();
        world.checkFold();
        contributions += world.ends.size;
      }),
      { numRuns: runs },
    );
    expect(contributions).toBeGreaterThan(runs / 2);
  },
  60_000,
);

it("the histories reach every end, a start, a finish and a site that is given up with goods under way", () => {
  const seen = new Set<string>();
  const actions = fc.sample(fc.array(action, { minLength: 100, maxLength: 250, size: "max" }), {
    numRuns: 60,
    seed: 5,
  });
  for (const history of actions) {
    const world = new World();
    world.act(7, 0, 0);
    for (const [kind, a, b] of history) world.act(kind, a, b);
    world.settle();
    for (const ends of world.ends.values()) for (const end of ends) seen.add(end);
    for (const { schema } of world.events) seen.add(schema.typeName.split(".").at(-1)!);
    if (world.inventory.mail.some(({ schema }) => schema === CancelTakeSchema)) seen.add("cancel");
  }
  expect([...seen]).toEqual(
    expect.arrayContaining([
      "refused",
      "counted",
      "owed back",
      "cancel",
      "SiteStarted",
      "SiteFinished",
      "SiteGivenUp",
      "TaxSet",
      "LevelRaised",
    ]),
  );
});

const taxed = landGame({ taxDelayMs: 0, stockCapacity: 1000 });

it("a tax takes its share of everything, however small the parts are in which it is gathered", () => {
  fc.assert(
    fc.property(
      fc.nat(200),
      fc.array(fc.bigInt(1n, 9n), { minLength: 1, maxLength: 40 }),
      (rate, amounts) => {
        const hex = givenLandOf(taxed, 2);
        setOwner(hex, 1);
        hex.when(SetTaxSchema, { ratePerMille: rate }, 1);
        let sum = 0n;
        for (const amount of amounts) {
          const decision = hex.when(GatherSchema, { resource: Resource.WOOD, amount }, 2);
          if (decision.kind === "refused") throw new Error(decision.reason);
          sum += (decision.events[0]!.message as Gathered).ownerAmount;
        }
        const all = amounts.reduce((before, amount) => before + amount, 0n);
        expect(sum).toBe((all * BigInt(rate)) / 1000n);
      },
    ),
    { numRuns: 500 },
  );
});

it("a hex of level 50 decides in bounded time, on numbers that a message holds", () => {
  const hex = givenLand(64, { populationBase: 100, sites: {}, levelBase: 100 });
  hex.parts = { ...hex.parts, durable: { ...hex.parts.durable, level: 50 } };
  setOwner(hex, 1, 1e12);
  const startedMs = performance.now();
  let built = 0;
  for (const kind of [SiteKind.DWELLING, SiteKind.STOREHOUSE, SiteKind.WELL]) {
    for (let n = 0; n < 5; n++) {
      if (hex.when(PlanSiteSchema, { kind }, 1).kind === "refused") break;
      built++;
      const { siteId } = hex.parts.durable.site!;
      for (let by = 1; hex.parts.durable.site!.startedMs === 0n; by = 1 + (by % 64)) {
        const open = hex.parts.durable.site!.needs.find(({ need, got }) => got < need)!;
        const left = open.need - open.got;
        const amount = left < 1000n ? left : 1000n;
        const asked = hex.when(ContributeSchema, { resource: open.resource, amount, siteId }, by);
        if (asked.kind === "refused") throw new Error(asked.reason);
        const decision = answer(hex, asked.messages![0]!.message as Take);
        if (decision.kind === "refused") throw new Error(decision.reason);
        for (const { schema, message } of decision.events) {
          expect(toBinary(schema, message).length).toBeLessThan(16_384);
        }
      }
      hex.whenDue();
    }
  }
  expect(built).toBe(15);
  expect(toBinary(HexStateSchema, hex.parts.durable).length).toBeLessThan(16_384);
  expect(performance.now() - startedMs).toBeLessThan(2000);
});
