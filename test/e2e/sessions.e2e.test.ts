import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { setTimeout as pause } from "node:timers/promises";
import path from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Client, connect, hexDigits, type HexUpdate } from "@hexhold/client";
import {
  type ClientFrame,
  ClientFrameSchema,
  ServerFrameSchema,
} from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { type Answer, AnswerSchema } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { EnterSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { GatherSchema } from "@hexhold/gen/hexhold/reference/v1/commands_pb";
import { Resource } from "@hexhold/gen/hexhold/reference/v1/state_pb";
import { hexAt, parseKeyText } from "@hexhold/hex";
import { createReferencePlayer, referenceView } from "@hexhold/reference-client";
import { type Player, startWorld, type World, withPostgres } from "@hexhold/testing";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const env = {
  HEXHOLD_GAME__OPTIONS__STOCK_CAPACITY: "100000000",
  HEXHOLD_WORKER__SNAPSHOT_AGE_MS_MAX: "500",
};
const run = promisify(execFile);
let world: World;
/** By name. */
let gateways: Map<string, string>;
const clients: Client<unknown>[] = [];
const sockets: WebSocket[] = [];

beforeAll(async () => {
  world = await startWorld({ profile: "cluster", flags: ["--gateways", "2"], env });
  gateways = new Map(
    world
      .status()
      .processes.filter(({ kind }) => kind === "gateway")
      .map(({ name, url = "" }) => [name, url.replace("http", "ws")]),
  );
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const socket of sockets.splice(0)) socket.close();
});
afterAll(async () => world?.stop());

/** Each in a hex of its own. */
let nth = 0;
async function mint(): Promise<Player> {
  const [player] = await world.mint(1, hexAt(40 + nth++ * 0.5, 2).toString(16));
  return player!;
}

async function join(player: Player, url: string | readonly string[]) {
  const client = await connect({ url, token: player.token, view: referenceView });
  clients.push(client);
  return client;
}

function nameOf(client: Client<unknown>): string {
  return [...gateways].find(([, url]) => url === client.gateway)?.[0] ?? "";
}

async function untilRestarted(name: string, pid: number): Promise<void> {
  const pidNow = (): number =>
    world.status().processes.find((each) => each.name === name)?.pid ?? pid;
  await expect.poll(pidNow, { timeout: 20_000, interval: 20 }).not.toBe(pid);
  const health = (): Promise<number> =>
    fetch(`${gateways.get(name)!.replace("ws", "http")}/readyz`).then(
      ({ status }) => status,
      () => 0,
    );
  await expect.poll(health, { timeout: 20_000, interval: 50 }).toBe(200);
}

async function query<T extends pg.QueryResultRow>(sql: string, values: unknown[]): Promise<T[]> {
  const { url } = world.status().services["postgres"]!;
  return withPostgres(url, async (client) => (await client.query<T>(sql, values)).rows);
}

const gatheredOf = (player: Player): Promise<{ hex_version: string }[]> =>
  query(
    "SELECT hex_version FROM world.journal WHERE account_id = $1 AND type = 'evt.hex.gathered'",
    [player.accountId],
  );

/** Exit code and output of `hexctl` on this world. */
async function hexctl(...args: string[]): Promise<{ code: number; out: string }> {
  try {
    const { stdout } = await run(process.execPath, ["hexctl/src/main.ts", ...args], {
      cwd: root,
      env: { ...process.env, ...env, HEXHOLD_DATA_DIR: world.dataDir },
    });
    return { code: 0, out: stdout };
  } catch (error) {
    const { code, stdout = "" } = error as { code: number; stdout?: string };
    return { code, out: stdout };
  }
}

describe("a player of a list of gateways", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)(
    "goes on at the other one after %s: every command once, views without a hole",
    async (signal) => {
      const player = await mint();
      const client = await join(player, [...gateways.values()]);
      const figure = createReferencePlayer(client);
      const updates: HexUpdate<unknown>["kind"][] = [];
      client.subscribe([figure.key], ({ kind }) => updates.push(kind));
      await figure.enter();
      const before = nameOf(client);
      const sessionBefore = client.welcome!.sessionId;
      const pid = world.pidOf(before);
      let playing = true;
      const outcomes: string[] = [];
      let longestMs = 0;
      const loops = Array.from({ length: 4 }, async () => {
        while (playing) {
          const startedMs = performance.now();
          const outcome = await client.send(
            GatherSchema,
            figure.key,
            { resource: Resource.WOOD, amount: 1n },
            { ordered: false },
          );
          longestMs = Math.max(longestMs, performance.now() - startedMs);
          outcomes.push(outcome.outcome);
        }
      });
      await pause(500);
      process.kill(pid, signal);
      await expect.poll(() => client.stats.welcomes, { timeout: 5000, interval: 10 }).toBe(2);
      expect(nameOf(client)).not.toBe(before);
      expect(hexDigits(client.welcome!.sessionId) > hexDigits(sessionBefore)).toBe(true);
      await pause(1000);
      playing = false;
      await Promise.all(loops);
      console.log(
        `${signal} of ${before}: ${outcomes.length} commands, the longest ${Math.round(longestMs)} ms, ${client.stats.repetitions} repeated`,
      );
      expect(new Set(outcomes)).toEqual(new Set(["applied"]));
      expect(longestMs).toBeLessThan(5000);
      expect(await gatheredOf(player)).toHaveLength(outcomes.length);
      await expect
        .poll(() => client.view(figure.key)?.hexVersion, { timeout: 5000 })
        .toBe(Math.max(...(await versionsOf(player))));
      expect(client.stats.gapsUnnoticed).toBe(0);
      expect(updates).toContain("stale");
      await untilRestarted(before, pid);
    },
  );

  it("is found by hexctl: its hex, its session, its rows", async () => {
    const player = await mint();
    const client = await join(player, [...gateways.values()]);
    await createReferencePlayer(client).enter();
    const { code, out } = await hexctl("player", player.accountId, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      playerId: player.accountId,
      where: expect.stringContaining(`lives in ${player.key}`) as string,
      sessions: [{ gateway: nameOf(client) }],
      journal: [{ type: "evt.hex.player-entered" }, { type: "evt.hex.player-spawned" }],
    });
    const hex = await hexctl("hex", player.key);
    expect(hex.code).toBe(0);
    expect(hex.out).toMatch(/^memory +version 2$/m);
  });
});

async function versionsOf(player: Player): Promise<number[]> {
  const rows = await query<{ hex_version: string }>(
    "SELECT hex_version FROM world.hex_head WHERE hex_id = $1",
    [parseKeyText(player.key).hexId.toString()],
  );
  return rows.map(({ hex_version }) => Number(hex_version));
}

describe("one account at two gateways", () => {
  it("enters again over whatever a lost session has left, at any gateway, and the older one has no say", async () => {
    const player = await mint();
    const answers = async (name: string): Promise<string[]> => {
      const client = await connect({ url: gateways.get(name)!, token: player.token });
      clients.push(client);
      const twice = [
        await createReferencePlayer(client).enter(),
        await createReferencePlayer(client).enter(),
      ];
      return twice.map((answer) =>
        answer.outcome === "applied" ? `online ${answer.result.online}` : answer.reason,
      );
    };
    for (const name of ["gateway-1", "gateway-2", "gateway-1"]) {
      expect(await answers(name)).toEqual(["online 1", "already-online"]);
      clients.at(-1)!.close();
    }
  });

  it("keeps the newer session; the older one is closed with 4409, and does not come back", async () => {
    const player = await mint();
    for (const [first, second] of [
      ["gateway-1", "gateway-2"],
      ["gateway-2", "gateway-1"],
    ] as const) {
      const older = await join(player, gateways.get(first)!);
      const newer = await join(player, gateways.get(second)!);
      await expect
        .poll(() => older.state, { timeout: 2000, interval: 5 })
        .toMatchObject({
          mode: "closed",
          reason: "newer-session",
        });
      await pause(200);
      expect(newer.state.mode).toBe("online");
      newer.close();
    }
  });

  it("has one effect of a command that comes over both at once, and the same answer ever after", async () => {
    for (let round = 0; round < 5; round++) {
      const player = await mint();
      const client = await join(player, gateways.get("gateway-1")!);
      await client.send(EnterSchema, parseKeyText(player.key));
      client.close();
      const command = gather(player);
      const both = await Promise.all([...gateways.values()].map((url) => openSocket(url)));
      // Both sessions begin in the same moment; at least the newer one hears the answer.
      const answers = both.map((socket) => talk(socket, player, command));
      const heard = (await Promise.all(answers)).filter((answer) => answer !== undefined);
      expect(heard.length).toBeGreaterThan(0);
      for (const url of [...gateways.values(), ...gateways.values()]) {
        const again = await talk(await openSocket(url), player, command);
        expect(again?.replayed).toBe(true);
        heard.push(again!);
      }
      expect(new Set(heard.map(bytesOf)).size).toBe(1);
      expect(heard[0]?.outcome.case).toBe("applied");
      expect(await gatheredOf(player)).toHaveLength(1);
    }
  });
});

it("hexctl verify and doctor find no fault in this world", async () => {
  await expect
    .poll(async () => (await hexctl("verify", "--exact")).out, { timeout: 20_000, interval: 500 })
    .toMatch(/\n[1-9]\d* passed, 0 failed\n$/);
  // A gateway that was killed a moment ago counts as failing until it has lived for ten seconds.
  await expect
    .poll(() => hexctl("doctor", "--profile", "cluster"), { timeout: 25_000, interval: 1000 })
    .toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ok +nothing waits for an operator, and all slots are served$/m),
    });
});

/** The same bytes for every send. */
function gather(player: Player): ClientFrame["frame"] {
  const { frame } = create(ClientFrameSchema, {
    frame: {
      case: "command",
      value: {
        requestId: newRequestId(),
        type: "cmd.hex.gather",
        version: 1,
        key: parseKeyText(player.key),
        payload: toBinary(
          GatherSchema,
          create(GatherSchema, { resource: Resource.WOOD, amount: 7n }),
        ),
      },
    },
  });
  return frame;
}

function newRequestId(): Uint8Array {
  const id = randomBytes(16);
  id.writeUIntBE(Date.now(), 0, 6);
  id[6] = 0x70 | (id[6]! & 0x0f);
  id[8] = 0x80 | (id[8]! & 0x3f);
  return new Uint8Array(id);
}

async function openSocket(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, "hexhold.v1");
  socket.binaryType = "arraybuffer";
  sockets.push(socket);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  return socket;
}

/** Says hello and sends the command in one breath; its answer, or undefined when the connection ends before. */
function talk(
  socket: WebSocket,
  player: Player,
  command: ClientFrame["frame"],
): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
    const { frame } = fromBinary(ServerFrameSchema, new Uint8Array(data));
    if (frame.case === "answer") resolve(frame.value);
  });
  socket.addEventListener("close", () => resolve(undefined));
  const hello = { case: "hello" as const, value: { token: player.token, sdk: "test" } };
  for (const frame of [hello, command]) {
    socket.send(new Uint8Array(toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame }))));
  }
  return promise;
}

/** All that a repetition must have in common with the first answer. */
function bytesOf(answer: Answer): string {
  const same = { ...answer, commandEventId: new Uint8Array(0), replayed: false };
  return Buffer.from(toBinary(AnswerSchema, same)).toString("hex");
}
