/** A chat service whose messages to gateways are lost on purpose: every hole is noticed, and closed. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  type Chat,
  type ChatUpdate,
  type Client,
  connect,
  createChat,
  uuidBytes,
} from "@hexhold/client";
import { startWorld, type World } from "@hexhold/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LossyBroker, openLossyBroker } from "./lossy-broker.testing.ts";

const root = path.resolve(import.meta.dirname, "../..");
/** The next mark comes within 2 s. */
const healedMsMax = 3_000;

let world: World;
let broker: LossyBroker;
let chatService: ChildProcess;
let output = "";
const clients: Client[] = [];

beforeAll(async () => {
  const off = Object.fromEntries(
    ["MARKET", "GOVERNANCE", "INVENTORY", "CHAT"].map((name) => [
      `HEXHOLD_${name}__ENABLED`,
      "false",
    ]),
  );
  world = await startWorld({ profile: "cluster", env: off });
  broker = await openLossyBroker(world.brokerUrl("chat"), "chat.");
  const secrets = JSON.parse(
    readFileSync(path.join(world.dataDir, "host-secrets.json"), "utf8"),
  ) as { roles: Record<string, string>; loginSuffix: string; controlToken: string };
  const { services, processes } = world.status();
  const postgres = new URL(services["postgres"]!.url);
  postgres.username = `hexhold_chat_${secrets.loginSuffix}`;
  postgres.password = secrets.roles["hexhold_chat"]!;
  const router = processes.find(({ kind }) => kind === "router")!.controlUrl!;
  chatService = spawn(process.execPath, [path.join(root, "domains/chat/src/main.ts")], {
    cwd: root,
    env: {
      ...process.env,
      HEXHOLD_POSTGRES_URL: postgres.href,
      HEXHOLD_RABBITMQ_URL: broker.url,
      HEXHOLD_CLUSTER__ROUTERS: `[${router}]`,
      HEXHOLD_CLUSTER__CONTROL_TOKEN: secrets.controlToken,
      HEXHOLD_CHAT__WORLD__BURST: "100",
      HEXHOLD_CHAT__WORLD__PER_SECOND: "50",
      HEXHOLD_CHAT__LOCAL__BURST: "100",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [chatService.stdout!, chatService.stderr!]) {
    stream.on("data", (data: Buffer) => (output += data.toString()));
  }
}, 180_000);
afterAll(async () => {
  for (const client of clients) client.close();
  if (chatService?.exitCode === null) {
    chatService.kill("SIGTERM");
    await once(chatService, "exit");
  }
  await broker?.close();
  await world?.stop();
});

async function join(count: number): Promise<{ id: string; chat: Chat }[]> {
  const players = await world.mint(count);
  return Promise.all(
    players.map(async ({ accountId, token }) => {
      const client = await connect({ url: world.status().endpoints.ws, token });
      clients.push(client);
      return { id: accountId, chat: createChat(client) };
    }),
  );
}

interface Heard {
  readonly updates: ChatUpdate[];
  readonly atMs: Map<string, number>;
}
function listen(stream: AsyncIterable<ChatUpdate>): Heard {
  const heard: Heard = { updates: [], atMs: new Map() };
  void (async () => {
    for await (const update of stream) {
      heard.updates.push(update);
      if (update.kind === "said") heard.atMs.set(update.text, performance.now());
    }
  })();
  return heard;
}

test("what a gateway misses is heard within 3 s, each line once and in order", async () => {
  const talkers = await join(8);
  const heard = talkers.map(({ chat }) => listen(chat.world({ backlog: 0 })));
  await expect
    .poll(async () => (await talkers[0]!.chat.say("world", `begin ${performance.now()}`)).outcome, {
      timeout: 30_000,
      message: output,
    })
    .toBe("applied");
  await pause(1_000);
  broker.loseEvery(3);
  const saidMs = new Map<string, number>();
  const said: Promise<{ readonly outcome: string }>[] = [];
  // In bursts, so that the last one before a pause is lost as well.
  for (let n = 0; n < 60; n++) {
    const text = `text ${n}`;
    saidMs.set(text, performance.now());
    said.push(talkers[n % talkers.length]!.chat.say("world", text, { ordered: false }));
    await pause(n % 10 === 9 ? 2_500 : 40);
  }
  expect(new Set((await Promise.all(said)).map(({ outcome }) => outcome))).toEqual(
    new Set(["applied"]),
  );
  const texts = [...saidMs.keys()];
  await expect
    .poll(() => heard.filter(({ atMs }) => !texts.every((text) => atMs.has(text))).length, {
      timeout: 10_000,
    })
    .toBe(0);
  expect(broker.lost).toBeGreaterThan(15);
  const lateMs = heard.map(({ atMs }) =>
    Math.max(...texts.map((text) => atMs.get(text)! - saidMs.get(text)!)),
  );
  console.log(
    `${broker.lost} messages to the gateway were lost; the latest of ${texts.length} lines came after ${Math.round(Math.max(...lateMs))} ms`,
  );
  expect(Math.max(...lateMs)).toBeLessThanOrEqual(healedMsMax);
  for (const { updates } of heard) {
    expect(updates.every(({ kind }) => kind === "said")).toBe(true);
    const numbers = updates.flatMap((update) => (update.kind === "said" ? update.seq : []));
    expect(numbers).toEqual(numbers.map((_, n) => numbers[0]! + BigInt(n)));
  }
}, 120_000);

test("a chat service is stopped in good order, with what it has in hand", async () => {
  const [anna, bert] = await join(2);
  await expect
    .poll(
      async () =>
        (await anna!.chat.whisper(uuidBytes(bert!.id), `psst ${performance.now()}`)).outcome,
      {
        timeout: 20_000,
      },
    )
    .toBe("applied");
  const last = anna!.chat.say("world", "goodbye");
  await last;
  chatService.kill("SIGTERM");
  const [code] = (await once(chatService, "exit")) as [number | null];
  expect(code).toBe(0);
}, 60_000);
