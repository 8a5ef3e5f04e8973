/**
 * Peers that reset their connection at every stage of every handshake, at every port that listens: no process
 * ends, and neither descriptors nor memory grow. `HEXHOLD_CHAOS_ROUNDS` times 50 rounds of all stages; 1,000 of
 * each, and 10,000 aborted downloads, are 20 of it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { file_hexhold_admin_v1_admin } from "@hexhold/gen/hexhold/admin/v1/admin_pb";
import { file_hexhold_control_v1_control } from "@hexhold/gen/hexhold/control/v1/control_pb";
import { file_hexhold_control_v1_host } from "@hexhold/gen/hexhold/control/v1/host_pb";
import { file_hexhold_control_v1_process } from "@hexhold/gen/hexhold/control/v1/process_pb";
import { file_hexhold_edge_v1_auth } from "@hexhold/gen/hexhold/edge/v1/auth_pb";
import { ClientFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { parseKeyText } from "@hexhold/hex";
import {
  joinPlayer,
  type Player,
  resetAt,
  type ResetStage,
  resetStages,
  startWorld,
  type World,
} from "@hexhold/testing";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

const rounds = 50 * Number(process.env["HEXHOLD_CHAOS_ROUNDS"] ?? "0.06");
const downloads = rounds * 10;
const atOnce = 64;
/** The first rounds compile, and fill what is kept for good: heaps, caches, pools. */
const warmRounds = Math.max(2, Math.ceil(rounds / 10));
const isLong = rounds >= 500;
const sideBySide = isLong ? 10 : 1;
/** Before the first look, so that it is no garbage that is compared with. */
const settleMs = isLong ? 65_000 : 8000;
const restMsMax = isLong ? 180_000 : 30_000;
/**
 * Beside the 5 % of the promise: what a process grows to in its first five thousand connections and keeps, though its
 * heap is as before. The long form has had them when it begins to measure.
 */
const noiseBytes = (isLong ? 16 : 64) * 1024 * 1024;
type Content = NonNullable<MessageInitShape<typeof ClientFrameSchema>["frame"]>;

vi.setConfig({ testTimeout: 300_000 + rounds * 20_000 });

let world: World;
let player: Player;

beforeAll(async () => {
  world = await startWorld({
    profile: "cluster",
    env: {
      HEXHOLD_GATEWAY__NEWCOMERS_PER_ADDRESS_MAX: "100000",
      HEXHOLD_GATEWAY__NEWCOMERS_MAX: "100000",
      HEXHOLD_GATEWAY__TOKEN_CHECKS_PER_ADDRESS_PER_S: "100000",
    },
  });
  [player] = (await world.mint(1)) as [Player];
});
afterAll(async () => world.stop());

const rpcPaths = [
  file_hexhold_admin_v1_admin,
  file_hexhold_control_v1_control,
  file_hexhold_control_v1_host,
  file_hexhold_control_v1_process,
  file_hexhold_edge_v1_auth,
].flatMap(({ services }) =>
  services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `/${typeName}/${name}`)),
);

function sessionFrames(): [string, Uint8Array][] {
  const { hexId, layerId } = parseKeyText(player.key);
  const keys = [{ hexId, layerId }];
  const contents: Content[] = [
    { case: "hello", value: { token: player.token, sdk: "resets" } },
    { case: "subscribe", value: { keys } },
    { case: "ping", value: { nonce: 1n } },
    { case: "refresh", value: { token: player.token } },
    { case: "command", value: { type: "cmd.hex.observe", version: 1, key: keys[0]! } },
    { case: "unsubscribe", value: { keys } },
  ];
  return contents.map((frame) => [
    frame.case!,
    toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame })),
  ]);
}

/** Everything of ours that listens. */
function ports(): { url: URL; isEdge: boolean }[] {
  const { endpoints, processes } = world.status();
  const control = processes.flatMap(({ controlUrl }) => controlUrl ?? []);
  const urls = new Set([endpoints.admin, ...control].map((url) => new URL(url).host));
  return [
    { url: new URL(endpoints.http), isEdge: true },
    ...[...urls].map((host) => ({ url: new URL(`http://${host}`), isEdge: false })),
  ];
}

interface Footprint {
  readonly descriptors: number;
  readonly memoryBytes: number;
}

function footprints(): Map<string, Footprint> {
  return new Map(
    world.status().processes.map(({ name, pid }) => [
      `${name} ${pid}`,
      {
        descriptors: readdirSync(`/proc/${pid}/fd`).length,
        memoryBytes:
          1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
      },
    ]),
  );
}

async function reset(stages: readonly ResetStage[], url: URL): Promise<void> {
  for (let from = 0; from < stages.length; from += atOnce) {
    await Promise.all(
      stages
        .slice(from, from + atOnce)
        .map((stage) => resetAt(stage, Number(url.port), url.hostname, 500)),
    );
  }
}

async function round(): Promise<void> {
  const edge = resetStages({ rpcPaths, frames: sessionFrames() });
  const control = resetStages({ rpcPaths });
  // One port after the other, so that each stage is reached in time.
  for (const { url, isEdge } of ports()) await reset(isEdge ? edge : control, url);
}

/** Rounds, some of them side by side: each waits for what a peer does not say. */
async function run(count: number): Promise<void> {
  for (let n = 0; n < count; n += sideBySide) {
    await Promise.all(Array.from({ length: Math.min(sideBySide, count - n) }, round));
    if (isLong && n % (5 * sideBySide) === 0) console.log(`${n} of ${count} rounds`);
  }
}

/** What is more than the promise allows; empty: the same processes as before, none of them larger. */
function growth(before: ReadonlyMap<string, Footprint>): string[] {
  const after = footprints();
  return [...before].flatMap(([name, was]) => {
    const is = after.get(name);
    if (is === undefined) return [`${name} has ended`];
    const isMore =
      is.descriptors > Math.ceil(was.descriptors * 1.05) ||
      is.memoryBytes > was.memoryBytes * 1.05 + noiseBytes;
    return isMore ? [`${name}: ${textOf(was)} → ${textOf(is)}`] : [];
  });
}

const textOf = ({ descriptors, memoryBytes }: Footprint): string =>
  `${descriptors} descriptors, ${(memoryBytes / 2 ** 20).toFixed(0)} MiB`;

/** The engine gives back what a flood has left when it finds time for it: in a minute or two of rest. */
async function expectAsBefore(before: ReadonlyMap<string, Footprint>): Promise<void> {
  const fromMs = performance.now();
  await pause(8000);
  await expect.poll(() => growth(before), { timeout: restMsMax, interval: 1000 }).toEqual([]);
  console.log(`as before after ${Math.round((performance.now() - fromMs) / 1000)} s of rest`);
  for (const [name, is] of footprints()) {
    console.log(`${name}: ${textOf(before.get(name)!)} → ${textOf(is)}`);
  }
}

it(`resets at every stage of every handshake, ${rounds} times each, end no process and leave nothing`, async () => {
  await run(warmRounds);
  await pause(settleMs);
  const before = footprints();
  await run(rounds);
  await expectAsBefore(before);
  const joined = await joinPlayer(world.status().endpoints.ws, player);
  const { outcomes } = await joined.command("cmd.hex.observe", new Uint8Array(0));
  expect(outcomes.at(-1)).toBe("applied");
  joined.close();
});

it(`${downloads} aborted downloads leave nothing`, async () => {
  const [{ url } = { url: new URL("http://none") }] = ports();
  const page = await (await fetch(url)).text();
  const script = /src="([^"]+\.js)"/.exec(page)?.[1] ?? "/";
  const ask = Buffer.from(`GET ${script} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const stage: ResetStage = { name: "download", pieces: [ask, "reply"] };
  const stages = Array.from({ length: atOnce }, () => stage);
  const run = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += atOnce) await reset(stages, url);
  };
  await run(downloads / 10);
  const before = footprints();
  await run(downloads);
  await expectAsBefore(before);
  expect((await fetch(url)).status).toBe(200);
});
