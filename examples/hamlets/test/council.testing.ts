/** Players of hamlets, and what a world says of its elections. */
import {
  type Client,
  connect,
  type Council,
  createCouncil,
  createPlayer,
  type Player,
  uuidBytes,
} from "@hexhold/client";
import { hexAt } from "@hexhold/hex";
import { startWorld, type World, withPostgres } from "@hexhold/testing";
import { expect } from "vitest";
import { LayStonesSchema } from "../gen/hamlets/v1/hamlets_pb.ts";

export const birthplace = hexAt(52.52, 13.405).toString(16);

export interface Citizen {
  readonly id: Uint8Array;
  readonly accountId: string;
  readonly client: Client;
  readonly player: Player;
  readonly council: Council;
}

export interface Hamlets {
  readonly world: World;
  rows<Row>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Players who have entered the birthplace and laid so many stones each. */
  join(stones: readonly number[]): Promise<Citizen[]>;
  stop(): Promise<void>;
}

/** A world of a process each, with two instances of governance. */
export async function startHamlets(times: {
  readonly electionMs: number;
  readonly termMs: number;
}): Promise<Hamlets> {
  const world = await startWorld({
    profile: "cluster",
    flags: ["--game", "examples/hamlets", "--domains", "2"],
    env: {
      HEXHOLD_GOVERNANCE__ELECTION_MS: String(times.electionMs),
      HEXHOLD_GOVERNANCE__TERM_MS: String(times.termMs),
      HEXHOLD_GOVERNANCE__COOL_MS: "0",
      HEXHOLD_GOVERNANCE__HEADS_MIN: "3",
    },
  });
  const url = world.status().services["postgres"]!.url;
  const clients: Client[] = [];
  return {
    world,
    rows: (text, values = []) =>
      withPostgres(url, async (client) => (await client.query(text, values)).rows as never),
    async join(stones) {
      const minted = await world.mint(stones.length, birthplace);
      const urls = world.status().processes.flatMap(({ url }) => url?.replace("http", "ws") ?? []);
      return Promise.all(
        minted.map(async ({ accountId, token }, n) => {
          const client = await connect({ url: urls, token });
          clients.push(client);
          const player = createPlayer(client);
          expect(await player.enter()).toMatchObject({ outcome: "applied" });
          const laid = await player.send(LayStonesSchema, { stones: stones[n]! });
          expect(laid).toMatchObject({ outcome: "applied" });
          const council = createCouncil(client);
          return { id: uuidBytes(accountId), accountId, client, player, council };
        }),
      );
    },
    async stop() {
      for (const client of clients) client.close();
      await world.stop();
    },
  };
}

/** Resolves when governance knows the points of all of them. */
export async function untilKnown(hamlets: Hamlets, points: number): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          await hamlets.rows<{ sum: string }>(
            "SELECT coalesce(sum(points), 0) AS sum FROM governance.reputation",
          )
        )[0]?.sum,
      { timeout: 20_000, interval: 50 },
    )
    .toBe(String(points));
}
