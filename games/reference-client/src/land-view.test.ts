import { create, type MessageInitShape, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { OwnerChangedSchema } from "@hexhold/gen/hexhold/ownership/v1/ownership_pb";
import { type HexView, HexViewSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import {
  ContributedSchema,
  SiteFinishedSchema,
  SiteGivenUpSchema,
  SitePlannedSchema,
  SiteStartedSchema,
  SiteSuppliedSchema,
  TaxSetSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import {
  Resource,
  SiteKind,
  SiteNeedSchema,
  TaxCarrySchema,
  TaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/state_pb";
import {
  TakeAskedSchema,
  TakeEndedSchema,
  TakeQueriedSchema,
} from "@hexhold/gen/hexhold/takes/v1/takes_pb";
import { expect, test } from "vitest";
import { ownerAt, roomAt, taxRateAt } from "./land-view.ts";
import { capacityOf, referenceView } from "./reference-view.ts";

const id = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const empty = create(HexViewSchema, { nowMs: 10_000n, stockCapacity: 100n, regrowthMs: 60_000n });

function after<T extends Message>(
  view: HexView,
  type: string,
  schema: GenMessage<T>,
  init: MessageInitShape<GenMessage<NoInfer<T>>>,
): HexView {
  const payload = toBinary(schema, create<GenMessage<T>>(schema, init));
  const event = { type, payload, messageVersion: 1, tsMs: 0, hexVersion: 2, viewSeq: 2 };
  const next = referenceView.apply(view, event);
  if (next === undefined) throw new Error(`${type} asks for the state`);
  return next;
}

const planned = after(empty, "evt.hex.site-planned", SitePlannedSchema, {
  siteId: id(1),
  kind: SiteKind.DWELLING,
  plannedBy: id(9),
  needs: [
    create(SiteNeedSchema, { resource: Resource.WOOD, need: 10n }),
    create(SiteNeedSchema, { resource: Resource.FOOD, need: 5n }),
  ],
  buildMs: 60_000n,
  atMs: 1n,
});

test("a site is seen from its plan to its start, with who brought what", () => {
  const take = { takeId: id(5), accountId: id(9), asset: "wood", amount: 4n, siteId: id(1) };
  const asked = after(planned, "evt.hex.take-asked", TakeAskedSchema, { ...take, atMs: 3n });
  expect(asked.pending).toMatchObject([{ takeId: id(5), askedMs: 3n }]);
  const [wood] = asked.site!.needs;
  expect(roomAt(asked, wood!, "wood")).toBe(6n);
  expect(roomAt(asked, wood!, "food")).toBe(10n);
  const queried = after(asked, "evt.hex.take-queried", TakeQueriedSchema, {
    takeId: id(5),
    dueMs: 9n,
  });
  expect(queried.pending).toMatchObject([{ queried: 1, dueMs: 9n, amount: 4n }]);
  const ended = after(queried, "evt.hex.take-ended", TakeEndedSchema, { takeId: id(5) });
  expect(ended.pending).toEqual([]);
  const brought = { siteId: id(1), resource: Resource.WOOD, amount: 4n };
  const supply = (view: HexView, account: number): HexView =>
    after(view, "evt.hex.site-supplied", SiteSuppliedSchema, {
      ...brought,
      accountId: id(account),
    });
  const supplied = supply(supply(supply(ended, 9), 3), 9);
  expect(supplied.site).toMatchObject({
    needs: [{ got: 12n }, { got: 0n }],
    shares: [
      { accountId: id(3), amount: 4n },
      { accountId: id(9), amount: 8n },
    ],
  });
  const started = after(supplied, "evt.hex.site-started", SiteStartedSchema, {
    siteId: id(1),
    xp: 150n,
    atMs: 20n,
    dueMs: 60_020n,
    armedVersion: 7n,
  });
  expect(started).toMatchObject({ xp: 150n, site: { startedMs: 20n, dueMs: 60_020n } });
  expect(() => after(started, "evt.hex.site-finished", SiteFinishedSchema, {})).toThrow(
    "asks for the state",
  );
  const givenUp = after(supplied, "evt.hex.site-given-up", SiteGivenUpSchema, { siteId: id(1) });
  expect(givenUp.site).toBeUndefined();
  expect(after(empty, "evt.hex.contributed", ContributedSchema, { xp: 40n }).xp).toBe(40n);
});

test("an owner is one in its term, and its tax is in force when its time has come", () => {
  const owned = after(empty, "evt.hex.owner-changed", OwnerChangedSchema, {
    number: 1n,
    owner: id(9),
    untilMs: 50_000n,
  });
  expect(ownerAt(owned, 49_999)).toEqual(id(9));
  expect(ownerAt(owned, 50_000)).toBeUndefined();
  const taxed = after(owned, "evt.hex.tax-set", TaxSetSchema, {
    rateBeforePerMille: 10,
    ratePerMille: 150,
    fromMs: 30_000n,
  });
  expect([29_999, 30_000, 50_000].map((ms) => taxRateAt(taxed, ms))).toEqual([10, 150, 0]);
  const again = (owner: Uint8Array): HexView =>
    after(taxed, "evt.hex.owner-changed", OwnerChangedSchema, { owner, untilMs: 90_000n });
  expect(taxRateAt(again(id(9)), 60_000)).toBe(150);
  expect(taxRateAt(again(id(8)), 60_000)).toBe(0);
});

test("two views that differ in land do not agree; what is carried of a tax is in no event", () => {
  const differing: Partial<HexView>[] = [
    { site: planned.site! },
    { owner: id(1) },
    { ownerUntilMs: 5n },
    { tax: { ...taxOf(), ratePerMille: 5 } },
  ];
  for (const land of differing) {
    expect(referenceView.agrees?.(empty, { ...empty, ...land })).toBe(false);
  }
  const tax = taxOf();
  const carried = { ...tax, carries: [{ ...carryOf(), perMille: 5 }] };
  expect(referenceView.agrees?.({ ...empty, tax }, { ...empty, tax: carried })).toBe(true);
});

test("capacities are those of the view, and of older worlds the one that it had", () => {
  expect(capacityOf(empty, Resource.ORE)).toBe(100);
  const capacity = { $typeName: "hexhold.reference.v1.Capacity" as const, amount: 150n };
  const biome = { ...empty, capacities: [{ ...capacity, resource: Resource.ORE }] };
  expect(capacityOf(biome, Resource.ORE)).toBe(150);
});

function taxOf() {
  return create(TaxSchema, { ratePerMille: 1 });
}
function carryOf() {
  return create(TaxCarrySchema, { resource: Resource.WOOD });
}
