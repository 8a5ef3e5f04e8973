/** A world of the format before: it plays as it did, until an operator raises its format. */
import { connect } from "@hexhold/client";
import { Resource, SiteKind } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { createReferencePlayer, referenceView } from "@hexhold/reference-client";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

let world: World;
beforeAll(async () => {
  world = await startWorld({ profile: "embedded", env: { HEXHOLD_WORLD__WORLD_FORMAT: "1" } });
});
afterAll(async () => world?.stop());

test("what came with format 2 is refused not-yet until the format is raised, while the world runs", async () => {
  const [player] = await world.mint(1);
  const url = world.status().endpoints.ws;
  const client = await connect({ url, token: player!.token, view: referenceView });
  try {
    const figure = createReferencePlayer(client);
    await figure.enter();
    const said = async (): Promise<(string | undefined)[]> => {
      const outcomes = await Promise.all([
        figure.contribute(Resource.WOOD, 1),
        figure.planSite(SiteKind.DWELLING),
        figure.gather(Resource.HERB, 1),
      ]);
      return outcomes.map((outcome) =>
        outcome.outcome === "refused" ? outcome.reason : outcome.outcome,
      );
    };
    expect(await said()).toEqual(["not-yet", "not-yet", "not-yet"]);
    // Every hex of it holds as much of everything.
    expect(await figure.gather(Resource.WOOD, 100)).toMatchObject({ outcome: "applied" });
    expect((await world.hexctl("format")).output).toBe("The world is in format 1.\n");
    const lowered = await world.hexctl("format", "3");
    expect(lowered.code).toBe(1);
    expect(lowered.output).toMatch(/worker-1 \(2\).* cannot read format 3: roll or stop/);
    expect(await world.hexctl("format", "2")).toMatchObject({ code: 0 });
    // Workers know with their next heartbeat.
    await expect.poll(said, { timeout: 15_000 }).not.toContain("not-yet");
    expect(await figure.gather(Resource.HERB, 1)).toMatchObject({ outcome: "applied" });
    expect(await figure.contribute(Resource.ORE, 1)).toMatchObject({ outcome: "applied" });
    const again = await world.hexctl("format", "1");
    expect(again.output).toContain("never lowered");
    expect(again.code).toBe(1);
  } finally {
    client.close();
  }
});
