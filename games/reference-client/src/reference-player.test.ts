import { create } from "@bufbuild/protobuf";
import type { Client, OutcomeOf } from "@hexhold/client";
import { EnterSchema, NotResidentDetailSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import {
  ContributeSchema,
  type Gather,
  GatherResultSchema,
  GatherSchema,
  GiveUpSiteSchema,
  type HexView,
  MoveSchema,
  PlanSiteSchema,
  SetTaxSchema,
} from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import type { Key } from "@hexhold/hex";
import { expect, test } from "vitest";
import { createReferencePlayer } from "./reference-player.ts";

const residence: Key = { hexId: 1n, layerId: 0 };
const next: Key = { hexId: 2n, layerId: 0 };

/** A client that sends nothing: what a command is answered with, and what was sent. */
function fakeClient(answer: (key: Key) => unknown) {
  const sent: unknown[][] = [];
  const client = {
    welcome: { residence, accountId: new Uint8Array(16) },
    send(...command: [unknown, Key, ...unknown[]]) {
      sent.push(command);
      return Promise.resolve(answer(command[1]));
    },
    sendLatest: (...command: unknown[]) => void sent.push(command),
  } as unknown as Client<HexView>;
  return { client, sent };
}

const notHere = {
  outcome: "refused",
  reason: "not-resident",
  detail: create(NotResidentDetailSchema, { wentToHexId: next.hexId }),
};
const gathered = { outcome: "applied", result: create(GatherResultSchema, { left: 90n }) };

test("gathers where it lives, and follows itself there", async () => {
  const { client, sent } = fakeClient((key) => (key.hexId === next.hexId ? gathered : notHere));
  const player = createReferencePlayer(client);
  const outcome: OutcomeOf<Gather> = await player.gather(Resource.WOOD, 10);
  // The types come from the game's contracts.
  expect(outcome.outcome === "applied" ? outcome.result.left : outcome.reason).toBe(90n);
  const wanted = { resource: Resource.WOOD, amount: 10n };
  expect(sent).toEqual([
    [GatherSchema, residence, wanted, undefined],
    [GatherSchema, next, wanted, undefined],
  ]);
  expect(player.key).toEqual(next);
});

test("moves to whole thousandths where it lives, and has what every player has", async () => {
  const { client, sent } = fakeClient((key) => (key.hexId === next.hexId ? gathered : notHere));
  const player = createReferencePlayer(client);
  await player.enter();
  const listen = (): undefined => undefined;
  player.move(10.6, -3.2, listen);
  expect(sent.slice(1)).toEqual([
    [EnterSchema, next, {}, undefined],
    [MoveSchema, next, { x: 11, y: -3 }, listen],
  ]);
});

test("gives, plans, gives up and taxes where it lives", async () => {
  const { client, sent } = fakeClient(() => ({ outcome: "refused", reason: "not-yet" }));
  const player = createReferencePlayer(client);
  const siteId = new Uint8Array(16).fill(4);
  await player.contribute(Resource.HERB, 3);
  await player.contribute(Resource.ORE, 2n, siteId);
  await player.planSite(SiteKind.WELL);
  await player.giveUpSite(siteId);
  const outcome = await player.setTax(150);
  expect(outcome.outcome === "refused" ? outcome.reason : "").toBe("not-yet");
  expect(sent.map(([schema, , payload]) => [schema, payload])).toEqual([
    [ContributeSchema, { resource: Resource.HERB, amount: 3n, siteId: new Uint8Array(0) }],
    [ContributeSchema, { resource: Resource.ORE, amount: 2n, siteId }],
    [PlanSiteSchema, { kind: SiteKind.WELL }],
    [GiveUpSiteSchema, { siteId }],
    [SetTaxSchema, { ratePerMille: 150 }],
  ]);
});
