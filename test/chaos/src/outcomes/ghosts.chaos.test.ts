/** Players whose session is gone go offline, whoever died; those that come back notice nothing. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, connect } from "@hexhold/client";
import type { HexView } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { freePorts, removeDataDir } from "@hexhold/local-stack";
import { uuidText } from "@hexhold/messaging";
import { referenceView } from "@hexhold/reference-client";
import { gatewayUrls, startWorld, withPostgres, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BotsCounted } from "../bot-process.ts";
import { foldHexes } from "../fold-journal.ts";

/** `HEXHOLD_CHAOS_GHOSTS=all`: 200 bots and the default grace; `npm test`: 100 and the shortest. */
const isLong = process.env["HEXHOLD_CHAOS_GHOSTS"] === "all";
const graceS = isLong ? 30 : 15;
/** Promised: a minute beside the grace, from the fault on, or from the start of a world that was down. */
const offlineMsMax = 60_000 + graceS * 1000;
const botsPerProcess = isLong ? 50 : 25;
const dataDir = mkdtempSync(path.join(tmpdir(), "hexhold-ghosts-"));

let world: World;
let gateways: readonly string[];
let observer: Client<HexView>;
let groups: Group[];

/** Bots in one process. */
interface Group {
  readonly name: string;
  readonly process: ChildProcess;
  /** UUID texts. */
  readonly accounts: ReadonlySet<string>;
}

function open(port: number): Promise<World> {
  return startWorld({
    profile: "cluster",
    dataDir,
    flags: ["--gateways", "2"],
    env: {
      // The first gateway has the same address in its next life: bots come back to it.
      HEXHOLD_GATEWAY__PORT: String(port),
      HEXHOLD_ACCOUNTS__PRESENCE_GRACE_S: String(graceS),
      HEXHOLD_GATEWAY__AUTH_PER_ADDRESS_PER_MIN: "100000",
      // All hexes are looked at by one account.
      HEXHOLD_GATEWAY__COMMANDS_PER_S: "1000",
      HEXHOLD_GATEWAY__COMMANDS_BURST: "1000",
    },
  });
}

beforeAll(async () => {
  const [port = 0] = await freePorts(1);
  world = await open(port);
  gateways = gatewayUrls(world.status());
  const [first, second] = gateways as [string, string];
  const [minted] = await world.mint(1);
  const url = [second, first];
  observer = await connect({ url, token: minted!.token, view: referenceView });
  groups = [];
  // One after another: each registers eight at a time, as many as the accounts service has room for.
  for (const [name, at] of [
    ["client", [second]],
    ["gateway", [first]],
    ["world", gateways],
    ["stays", gateways],
  ] as const) {
    groups.push(await startGroup(name, at));
  }
});
afterAll(async () => {
  for (const group of groups ?? []) group.process.kill("SIGKILL");
  observer?.close();
  await world?.stop();
  removeDataDir(dataDir);
});

async function startGroup(name: string, at: readonly string[]): Promise<Group> {
  const script = path.join(import.meta.dirname, "../bot-process.ts");
  const child = fork(script, [name, String(botsPerProcess), ...at], { stdio: "inherit" });
  child.on("error", (error) => console.error(error));
  const [told] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`bots of ${name} did not start`))),
  ])) as [BotsCounted];
  expect(told.online).toBe(botsPerProcess);
  const accounts = await withPostgres(world.status().services["postgres"]!.url, async (client) => {
    const { rows } = await client.query<{ account_id: string }>(
      "SELECT account_id FROM accounts.account WHERE name LIKE $1 || '-%'",
      [name],
    );
    return rows.map((row) => row.account_id);
  });
  expect(accounts).toHaveLength(botsPerProcess);
  return { name, process: child, accounts: new Set(accounts) };
}

async function countedBy({ process: child }: Group): Promise<BotsCounted> {
  const told = once(child, "message") as Promise<[BotsCounted]>;
  child.send("count");
  return (await told)[0];
}

/** Who is online by the journal, those in transit among them. */
async function onlineInState(): Promise<{ online: Set<string>; keys: bigint[] }> {
  const hexes = await foldHexes(world.status().services["postgres"]!.url);
  const online = new Set<string>();
  for (const { durable } of hexes) {
    for (const player of [...durable.residents, ...durable.transits]) {
      if (player.online) online.add(uuidText(player.playerId));
    }
  }
  return { online, keys: hexes.map(({ hexId }) => hexId) };
}

/** Who is online by what observers see of every hex that has a journal. */
async function onlineInView(keys: readonly bigint[]): Promise<Set<string>> {
  const views = await Promise.all(keys.map((hexId) => observer.observe({ hexId, layerId: 0 })));
  return new Set(
    views.flatMap((view) =>
      view.outcome === "applied"
        ? view.result.players.map(({ playerId }) => uuidText(playerId))
        : [`${view.outcome}: ${view.reason}`],
    ),
  );
}

/** How the online players differ from those that should be, in state or view; empty: not at all. */
async function difference(expected: ReadonlySet<string>): Promise<string> {
  const { online, keys } = await onlineInState();
  const seen = await onlineInView(keys);
  const words = Object.entries({ state: online, view: seen }).flatMap(([where, found]) => {
    const ghosts = [...found].filter((id) => !expected.has(id)).length;
    const missing = [...expected].filter((id) => !found.has(id)).length;
    return ghosts + missing === 0 ? [] : [`${where}: ${ghosts} ghosts, ${missing} missing`];
  });
  return words.join("; ");
}

const all = (...names: string[]): Set<string> =>
  new Set(
    groups.filter(({ name }) => names.includes(name)).flatMap((group) => [...group.accounts]),
  );
const groupOf = (name: string): Group => groups.find((group) => group.name === name)!;

/** Waits until exactly `expected` are online, and returns how long that took since `sinceMs`. */
async function untilOnline(expected: ReadonlySet<string>, sinceMs: number): Promise<number> {
  for (;;) {
    const differs = await difference(expected);
    const tookMs = performance.now() - sinceMs;
    if (differs === "") return Math.round(tookMs);
    if (tookMs > offlineMsMax) throw new Error(`after ${Math.round(tookMs)} ms: ${differs}`);
    await pause(500);
  }
}

it("ghosts of killed clients, of a killed gateway and of a killed world are gone within 90 s, and nobody else", async () => {
  await untilOnline(all("client", "gateway", "world", "stays"), performance.now());

  // Of a living gateway, which tells; of one that is killed first, which does not.
  const killedMs = performance.now();
  process.kill(world.pidOf("gateway-1"), "SIGKILL");
  for (const name of ["gateway", "client"]) groupOf(name).process.kill("SIGKILL");
  const isGone = async (name: string): Promise<boolean> => {
    const { online } = await onlineInState();
    return [...all(name)].every((id) => !online.has(id));
  };
  let clientMs: number | undefined;
  while (clientMs === undefined) {
    if (await isGone("client")) clientMs = Math.round(performance.now() - killedMs);
    expect(performance.now() - killedMs).toBeLessThan(offlineMsMax);
    await pause(500);
  }
  const gatewayMs = await untilOnline(all("world", "stays"), killedMs);

  const endedMs = performance.now();
  groupOf("world").process.kill("SIGKILL");
  await world.killHost();
  world = await open(Number(new URL(gateways[0]!).port));
  const startedMs = performance.now();
  expect(gatewayUrls(world.status())).toContain(gateways[0]);
  // They are ghosts now, all of them, and those that live come back.
  expect(await difference(all("stays"))).toMatch(
    new RegExp(`^state: ${botsPerProcess} ghosts, 0 missing`),
  );
  const worldMs = await untilOnline(all("stays"), startedMs);
  console.log(
    `offline after: killed clients ${clientMs} ms, killed gateway ${gatewayMs} ms, killed world ` +
      `${worldMs} ms of its start, ${Math.round(performance.now() - endedMs)} ms of its end (promised ${offlineMsMax})`,
  );
  // Whoever stayed noticed nothing but its connections.
  expect(await countedBy(groupOf("stays"))).toEqual({
    online: botsPerProcess,
    lost: 0,
    gapsUnnoticed: 0,
  });
});
