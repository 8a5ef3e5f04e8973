import { create } from "@bufbuild/protobuf";
import {
  ContributedSchema,
  type Contributor,
  ContributorSchema,
  GatheredSchema,
  SiteFinishedSchema,
  SiteStartedSchema,
} from "@hexhold/gen/hexhold/reference/v1/events_pb";
import { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { describe, expect, it } from "vitest";
import {
  creditOfContributed,
  creditOfFinished,
  creditOfGathered,
  creditOfStarted,
} from "./ledger.ts";
import { standingOfContributed, standingOfStarted } from "./standing.ts";

const playerId = new Uint8Array(16).fill(7);
const gathered = (fields: { playerId?: Uint8Array; resource?: Resource; amount?: bigint }) =>
  create(GatheredSchema, { playerId, resource: Resource.WOOD, amount: 3n, atMs: 5n, ...fields });

describe("the credit of what was gathered", () => {
  it("mints as much for the player", () => {
    expect(creditOfGathered(gathered({ resource: Resource.STONE }))).toEqual({
      atMs: 5n,
      postings: [
        { holder: { kind: "mint" }, asset: "stone", amount: -3n },
        { holder: { kind: "player", accountId: playerId }, asset: "stone", amount: 3n },
      ],
    });
  });

  it("is refused for a player, a resource or an amount that is none", () => {
    const faults: readonly Parameters<typeof gathered>[0][] = [
      { playerId: new Uint8Array(0) },
      { resource: 0 },
      { resource: 99 as Resource },
      { amount: 0n },
      { amount: -1n },
    ];
    for (const fields of faults) {
      expect(() => creditOfGathered(gathered(fields))).toThrow(/bytes|unknown|minted/);
    }
  });
});

const account = (n: number): Uint8Array => new Uint8Array(16).fill(n);
const contributor = (n: number, value: bigint): Contributor =>
  create(ContributorSchema, { accountId: account(n), value, coin: 2n * value });
const coinTo = (n: number, amount: bigint) => [
  { holder: { kind: "mint" }, asset: "coin", amount: -amount },
  { holder: { kind: "player", accountId: account(n) }, asset: "coin", amount },
];

describe("the credit of what was gathered in a hex with an owner", () => {
  it("is two shares that sum to the amount", () => {
    const taxed = create(GatheredSchema, {
      ...gathered({ amount: 10n }),
      owner: account(9),
      ownerAmount: 3n,
    });
    expect(creditOfGathered(taxed).postings.map(({ amount }) => amount)).toEqual([-10n, 7n, 3n]);
    const { postings } = creditOfGathered({ ...taxed, ownerAmount: 10n });
    expect(postings).toMatchObject([{ amount: -10n }, { holder: { accountId: account(9) } }]);
  });
});

describe("what was given to a hex", () => {
  it("is paid in coin when it was counted, and counts for standing", () => {
    const given = create(ContributedSchema, {
      accountId: account(4),
      value: 6n,
      coin: 12n,
      atMs: 5n,
    });
    expect(creditOfContributed(given)).toEqual({ atMs: 5n, postings: coinTo(4, 12n) });
    expect(creditOfContributed({ ...given, coin: 0n }).postings).toEqual([]);
    expect(standingOfContributed(given)).toEqual([{ accountId: account(4), value: 6n, atMs: 5n }]);
    expect(standingOfContributed({ ...given, value: 0n })).toEqual([]);
  });

  it("for a site is paid to each when the site starts, and counts from then on", () => {
    const contributors = [contributor(1, 3n), contributor(2, 0n), contributor(3, 5n)];
    const started = create(SiteStartedSchema, { contributors, atMs: 5n });
    expect(creditOfStarted(started)).toEqual({
      atMs: 5n,
      postings: [
        { holder: { kind: "mint" }, asset: "coin", amount: -16n },
        { holder: { kind: "player", accountId: account(1) }, asset: "coin", amount: 6n },
        { holder: { kind: "player", accountId: account(3) }, asset: "coin", amount: 10n },
      ],
    });
    expect(standingOfStarted(started)).toEqual([
      { accountId: account(1), value: 3n, atMs: 5n },
      { accountId: account(3), value: 5n, atMs: 5n },
    ]);
  });

  it("earns whoever gave most a plaque when the building stands; of two, who comes first", () => {
    const finished = create(SiteFinishedSchema, {
      kind: SiteKind.WELL,
      plaqueId: account(77),
      hex: "861f1d48fffffff",
      contributors: [contributor(1, 3n), contributor(2, 5n), contributor(3, 5n)],
      atMs: 5n,
    });
    const { postings, items = [] } = creditOfFinished(finished);
    expect(postings).toEqual([]);
    expect(items).toMatchObject([{ itemId: account(77), kind: "plaque", accountId: account(2) }]);
    expect(JSON.parse(new TextDecoder().decode(items[0]!.attributes))).toEqual({
      hex: "861f1d48fffffff",
      building: "well",
      atMs: "5",
    });
  });
});
