/** An election from the call to the owner in its hex, by players who have given something to it. */
import { type Client, createCouncil } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import type { Key } from "@hexhold/hex";
import { expect } from "vitest";

export interface Elector {
  readonly accountId: Uint8Array;
  readonly client: Client<HexView>;
  readonly key: Key;
}

/** All of them vote for the first one, who has called it. Resolves when every vote is cast. */
export async function elect(electors: readonly Elector[]): Promise<void> {
  const [owner] = electors;
  const councils = electors.map(({ client }) => createCouncil(client));
  let election = "";
  // Governance hears of births and contributions by and by.
  await expect
    .poll(
      async () => {
        const called = await councils[0]!.call(owner!.key);
        if (called.outcome === "applied" && called.result.electors === electors.length) {
          ({ election } = called.result);
        }
        return called.outcome === "refused" ? called.reason : called.outcome;
      },
      { timeout: 20_000 },
    )
    .toBe("applied");
  expect(election).not.toBe("");
  expect(await councils[0]!.stand(election, "I built it")).toMatchObject({ outcome: "applied" });
  for (const council of councils) {
    expect(await council.vote(election, owner!.accountId)).toMatchObject({ outcome: "applied" });
  }
}
