/** An election in a whole world: stones, reputation, call, votes, the owner in the hex, and the end of its term. */
import { setTimeout as pause } from "node:timers/promises";
import type { CouncilState, TopicUpdate } from "@hexhold/client";
import { ElectionState } from "@hexhold/gen/hexhold/governance/v1/commands_pb";
import { signalTree } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { NameHamletSchema } from "../gen/hamlets/v1/hamlets_pb.ts";
import {
  birthplace,
  type Citizen,
  type Hamlets,
  startHamlets,
  untilKnown,
} from "./council.testing.ts";

const electionMs = 4_000;
const termMs = 12_000;
let hamlets: Hamlets;

beforeAll(async () => {
  hamlets = await startHamlets({ electionMs, termMs });
});
afterAll(async () => hamlets?.stop());

it("who has done most for a hamlet is elected, owns it until the term is over, and no outage of governance makes it longer", async () => {
  const citizens = await hamlets.join([60, 20, 30]);
  const [first, second, third] = citizens as [Citizen, Citizen, Citizen];
  await untilKnown(hamlets, 110);
  const { key } = first.player;
  const name = (who: typeof first, text: string) =>
    who.player.send(NameHamletSchema, { name: text });
  expect(await name(second, "Oak")).toMatchObject({ reason: "not-owner" });

  let isSubscribed = false;
  const subscribed = third.client.subscribe([key], () => (isSubscribed = true));
  const heard: TopicUpdate[] = [];
  second.client.listen("player", (update) => heard.push(update));
  const seen: { now: CouncilState | undefined } = { now: undefined };
  await expect.poll(() => isSubscribed, { timeout: 10_000 }).toBe(true);
  void (async () => {
    for await (const state of third.council.watch(key)) seen.now = state;
  })().catch(() => undefined);
  await expect
    .poll(() => seen.now, { timeout: 10_000 })
    .toEqual({
      election: undefined,
      ownership: undefined,
    });

  const called = await first.council.call(key);
  expect(called).toMatchObject({ outcome: "applied", result: { electors: 3 } });
  if (called.outcome !== "applied") throw new Error("not called");
  const { election } = called.result;
  // A hint, far below the 60 s after which it would be read in any case.
  await expect
    .poll(() => seen.now?.election?.election, { timeout: 5_000, interval: 20 })
    .toMatchObject({ election, hex: birthplace, state: ElectionState.OPEN });
  expect(await second.council.stand(election, "a well for all")).toMatchObject({
    outcome: "applied",
  });
  expect(await first.council.stand(election)).toMatchObject({ outcome: "applied" });
  for (const [voter, of] of [
    [first, first],
    [second, second],
    [third, second],
    [third, first],
    [first, second],
  ] as const) {
    expect(await voter.council.vote(election, of.id)).toMatchObject({ outcome: "applied" });
  }
  const open = await third.council.election(election);
  expect(open).toMatchObject({
    result: {
      election: { turnoutHeads: 3, turnoutWeight: 110n },
      ownWeight: 30n,
      ownVote: first.id,
    },
  });
  await expect
    .poll(() => seen.now?.election?.election?.state, { timeout: electionMs + 8_000, interval: 20 })
    .toBe(ElectionState.WON);
  await expect
    .poll(
      async () =>
        (
          await hamlets.rows<{ applied: boolean }>(
            "SELECT applied_at IS NOT NULL AS applied FROM governance.ownership",
          )
        )[0]?.applied,
      { timeout: 10_000, interval: 20 },
    )
    .toBe(true);
  expect(await second.council.ownership(key)).toMatchObject({
    result: { ownerships: [{ number: 1n, owner: second.id, election }] },
  });
  expect(await name(second, "Oak")).toMatchObject({ outcome: "applied" });
  expect(await name(first, "Ash")).toMatchObject({ reason: "not-owner" });
  expect(heard.flatMap((update) => (update.kind === "event" ? [update.type] : []))).toEqual([
    "evt.governance.election-called",
    "evt.governance.election-decided",
  ]);
  expect(await first.council.reputation()).toMatchObject({
    result: { hexes: [{ hex: birthplace, points: 60n }], worldPoints: 60n },
  });
  expect(await first.council.call(key)).toMatchObject({ reason: "owner-in-term" });

  // Governance is frozen over the end of the term.
  const frozen = ["governance-1", "governance-2"].map((name) => hamlets.world.pidOf(name));
  for (const pid of frozen) signalTree(pid, "SIGSTOP");
  try {
    const [{ until_ms: untilMs }] = (await hamlets.rows<{ until_ms: string }>(
      "SELECT (extract(epoch FROM until_at) * 1000)::bigint::text AS until_ms FROM governance.ownership",
    )) as [{ until_ms: string }];
    while (second.client.serverNow() < Number(untilMs) + 200) await pause(50);
    expect(await name(second, "Elm")).toMatchObject({ reason: "not-owner" });
  } finally {
    for (const pid of frozen) signalTree(pid, "SIGCONT");
  }
  expect(await first.council.call(key)).toMatchObject({ outcome: "applied" });
  subscribed.close();
}, 180_000);
