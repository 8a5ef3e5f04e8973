/** Two workers and two gateways: commands, logins, transfers, and how long a dead worker's slots are silent. */
import { setTimeout as pause } from "node:timers/promises";
import { connect, login, register } from "@hexhold/client";
import { diskOf, hexAt, type Key, keyText } from "@hexhold/hex";
import { createReferencePlayer, referenceView } from "@hexhold/reference-client";
import {
  firstAnswerOfNext,
  gatewayUrls,
  joinPlayer,
  oneHexPerSlot,
  untilSpread,
  type World,
} from "@hexhold/testing";
import type { Meter } from "./meter.ts";
import { clusterPids, type Pids } from "./pids.ts";

export const workerNames = ["worker-1", "worker-2"];
const gatewayNames = ["gateway-1", "gateway-2"];
const loginAccounts = 32;
const loginsAtATime = 8;
const password = "correct horse battery";
/** What a promise says of the first answer: 3 s (test/chaos asserts it; here it is measured). */
const failOverMsMax = 15_000;

export function severalPids(world: World): Pids {
  const { gateway: _g, worker: _w, ...rest } = clusterPids(world);
  const own = [...workerNames, ...gatewayNames].map((name) => [name, world.pidOf(name)] as const);
  return { ...Object.fromEntries(own), accounts: world.pidOf("accounts-1"), ...rest };
}

/** Logins of known accounts, each with a whole argon2id. */
export async function measureLogins(world: World, meter: Meter): Promise<void> {
  const urls = gatewayUrls(world.status());
  const optionsOf = (n: number): { url: string } => ({ url: urls[n % urls.length]! });
  for (let n = 0; n < loginAccounts; n++) {
    await register(optionsOf(n), `bench-${n}`, password);
  }
  await meter.loop("login", severalPids(world), loginsAtATime, async (n) => {
    await login(optionsOf(n), `bench-${n % loginAccounts}`, password);
  });
}

/** Players that go to and fro between two hexes each, by the SDK: from the command to the arrival. */
export async function measureTransfers(world: World, meter: Meter, players: number): Promise<void> {
  const urls = gatewayUrls(world.status());
  const homes = diskOf(hexAt(45, 10), 12).filter((_, i) => i % 9 === 0);
  const walkers = await Promise.all(
    Array.from({ length: players }, async (_, i) => {
      const home: Key = { hexId: homes[i % homes.length]!, layerId: 0 };
      const [minted] = await world.mint(1, keyText(home));
      const url = urls[i % urls.length]!;
      const client = await connect({ url, token: minted!.token, view: referenceView });
      const player = createReferencePlayer(client);
      await player.enter();
      const there: Key = { hexId: diskOf(home.hexId, 1)[1]!, layerId: 0 };
      return { client, player, home, there };
    }),
  );
  const idle = [...walkers];
  await meter.loop("transfer", severalPids(world), players, async () => {
    const walker = idle.pop()!;
    const { player, home, there } = walker;
    const outcome = await player.transfer(player.key.hexId === home.hexId ? there : home);
    if (outcome.outcome !== "applied" || outcome.end !== "arrived")
      throw new Error(`a transfer did not arrive: ${JSON.stringify(outcome)}`);
    idle.push(walker);
  });
  for (const { client } of walkers) client.close();
}

/** Kills a worker `rounds` times; milliseconds to the first answer in each slot that it had. */
export async function measureFailOver(world: World, rounds: number): Promise<number[]> {
  const urls = gatewayUrls(world.status());
  const minted = (await Promise.all(oneHexPerSlot().map((key) => world.mint(2, key)))).flat();
  const players = await Promise.all(
    minted.map((player, i) => joinPlayer([urls[i % urls.length]!, ...urls], player)),
  );
  let playing = true;
  const loops = players.map(async (player) => {
    while (playing) {
      await player.command("cmd.hex.observe", new Uint8Array(0));
      await pause(10);
    }
  });
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const slots = await untilSpread(world, workerNames);
    const victim = workerNames[round % workerNames.length]!;
    const lost = slots.filter(({ owner }) => owner === victim);
    const killedMs = performance.now();
    process.kill(world.pidOf(victim), "SIGKILL");
    const first = (): number[] =>
      lost.map(({ slot, epoch }) => firstAnswerOfNext(players, slot, epoch, killedMs));
    while (first().some((ms) => ms === Infinity) && performance.now() - killedMs < failOverMsMax) {
      await pause(20);
    }
    all.push(...first());
    await pause(1000);
  }
  playing = false;
  await Promise.all(loops);
  for (const player of players) player.close();
  return all.toSorted((a, b) => a - b);
}
