/** Peers that send too much, or read too little: what they get, and what they cost. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { MemoryBroker } from "@hexhold/messaging";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { home, joinEdge, startTestEdge, type TestEdge } from "../edge.testing.ts";

type Content = NonNullable<MessageInitShape<typeof ClientFrameSchema>["frame"]>;

const accountOf = (n: number): string => `01a205e9-4066-75d4-a65b-335845c5b5${10 + n}`;
const flooder = accountOf(1);
const quiet = accountOf(2);
const key = { hexId: home.hexId, layerId: 0 };
const closedMsMax = 2000;
let gateway: TestEdge;

afterEach(() => gateway.stop());

const start = (options: Partial<Parameters<typeof startTestEdge>[0]> = {}) =>
  startTestEdge({ broker: new MemoryBroker(), instance: "gateway-1", ...options });
const bytesOf = (frame: Content): Uint8Array =>
  toBinary(ClientFrameSchema, create(ClientFrameSchema, { frame }));

const senders: Record<string, (socket: WebSocket, account: string) => void> = {
  command: (socket) => socket.send(bytesOf({ case: "command", value: { type: "cmd.x.y" } })),
  subscribe: (socket) => socket.send(bytesOf({ case: "subscribe", value: { keys: [key] } })),
  unsubscribe: (socket) => socket.send(bytesOf({ case: "unsubscribe", value: { keys: [key] } })),
  ping: (socket) => socket.send(bytesOf({ case: "ping", value: { nonce: 1n } })),
  refresh: (socket, token) => socket.send(bytesOf({ case: "refresh", value: { token } })),
  "WebSocket ping": (socket) => socket.ping(),
  "WebSocket pong": (socket) => socket.pong(),
};
const kinds = Object.keys(senders);

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Whatever ends it. */
const closeOf = (socket: Socket) =>
  new Promise<void>((resolve) => socket.resume().once("close", () => resolve()));

/** Sends until it is closed. */
async function flood(
  socket: WebSocket,
  kindsOfIt: readonly string[],
  account: string,
): Promise<void> {
  while (socket.readyState === WebSocket.OPEN) {
    for (let n = 0; n < 20; n++) for (const kind of kindsOfIt) senders[kind]!(socket, account);
    await turn();
  }
}

/** Says hello; what came back, and the close code. */
async function tryHello(token: string, elapsedMs: () => number = () => 0) {
  const socket = new WebSocket(gateway.url, "hexhold.v1");
  const cases: (string | undefined)[] = [];
  let retryAfterMs = 0;
  let heardMs = 0;
  const heard = Promise.withResolvers<void>();
  socket.on("message", (data: Buffer) => {
    heard.resolve();
    heardMs = elapsedMs();
    const { frame } = fromBinary(ServerFrameSchema, new Uint8Array(data));
    cases.push(frame.case === "error" ? frame.value.reason : frame.case);
    if (frame.case === "error") ({ retryAfterMs } = frame.value);
  });
  socket.on("open", () => socket.send(bytesOf({ case: "hello", value: { token, sdk: "t" } })));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  socket.on("error", () => undefined);
  await heard.promise;
  socket.close();
  const code = await closed;
  return { cases, retryAfterMs, heardMs, code };
}

describe("an account that floods", () => {
  it("with any kind of frame, or all, is closed with 4429 within 2 s and comes back to what is left of its budget", async () => {
    // A unit a second: however slow this machine is, the budget is not full again before they come back.
    gateway = await start({ config: { frameUnitsPerS: 1 } });
    const good = await joinEdge(gateway.url, quiet);
    const floods = [...kinds.map((kind) => [kind]), kinds].map(async (kindsOfIt, n) => {
      const account = accountOf(10 + n);
      const bad = await joinEdge(gateway.url, account);
      const startedMs = performance.now();
      await flood(bad.socket, kindsOfIt, account);
      expect(performance.now() - startedMs).toBeLessThan(closedMsMax);
      // On a slow machine its answers fill the outbox first: then something of its budget is left, and no more.
      let again = await tryHello(account);
      const { frameUnitsBurst } = gateway.edge.config;
      for (let spent = 0; again.cases[0] === "welcome" && spent < frameUnitsBurst; spent += 10) {
        again = await tryHello(account);
      }
      expect([kindsOfIt, again.cases, again.code]).toEqual([kindsOfIt, ["rate-limited"], 4429]);
      expect(again.retryAfterMs).toBeGreaterThan(0);
      await vi.waitFor(() => expect(bad.closeCode).toBe(4429), { timeout: closedMsMax });
    });
    await Promise.all(floods);
    expect(good.closeCode).toBeUndefined();
    expect((await tryHello(accountOf(3))).cases[0]).toBe("welcome");
  });

  it("hears at once that it must wait, and is held for half a second", async () => {
    gateway = await start({ config: { frameUnitsBurst: 30, frameUnitsPerS: 1 } });
    for (let n = 0; n < 3; n++) await tryHello(flooder);
    const startedMs = performance.now();
    const held = tryHello(flooder, () => performance.now() - startedMs);
    expect((await held).cases).toEqual(["rate-limited"]);
    expect((await held).heardMs).toBeLessThan(300);
    expect(performance.now() - startedMs).toBeGreaterThan(400);
  });

  it("by coming back a hundred times has its rate and no more", async () => {
    gateway = await start();
    let welcomed = 0;
    const startedMs = performance.now();
    for (let round = 0; round < 5; round++) {
      const tries = Array.from({ length: 20 }, () => tryHello(flooder));
      for (const { cases } of await Promise.all(tries)) if (cases[0] === "welcome") welcomed++;
    }
    const { frameUnitsBurst, frameUnitsPerS } = gateway.edge.config;
    const units = frameUnitsBurst + (frameUnitsPerS * (performance.now() - startedMs)) / 1000;
    expect(welcomed * 10).toBeLessThanOrEqual(units);
    expect(welcomed).toBeGreaterThanOrEqual(frameUnitsBurst / 10);
  });
});

describe("what a connection costs", () => {
  const upgrade =
    "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
    "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
    "sec-websocket-protocol: hexhold.v1\r\n\r\n";

  async function openRaw(): Promise<Socket> {
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    socket.on("error", () => undefined).setNoDelay();
    socket.write(upgrade);
    await once(socket, "data");
    return socket;
  }

  it("before its session: 32 KiB and 64 pieces, however it sends them, then it is closed", async () => {
    gateway = await start({ tokenCheckMs: 60_000 });
    const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
    const part = Buffer.from([0x02, 0x81, 0, 0, 0, 0, 7]);
    const next = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 7]);
    const streams: Record<string, (socket: Socket, n: number) => void> = {
      "a frame byte by byte": (socket, n) =>
        socket.write(n === 0 ? Buffer.from([0x82, 0xfe, 0x3f, 0, 0, 0, 0, 0]) : Buffer.alloc(1)),
      fragments: (socket, n) => socket.write(n === 0 ? part : next),
      pings: (socket) => socket.write(Buffer.concat(Array<Buffer>(200).fill(ping))),
      "one large piece": (socket) => socket.write(Buffer.concat(Array<Buffer>(9000).fill(ping))),
    };
    const sending = Object.entries(streams).map(async ([name, send]) => {
      const socket = await openRaw();
      let ended = false;
      const closed = closeOf(socket).then(() => (ended = true));
      let sent = 0;
      for (; sent < 2000; sent++) {
        send(socket, sent);
        await pause(1);
        if (ended) break;
      }
      expect([name, sent < 2000]).toEqual([name, true]);
      await closed;
    });
    await Promise.all(sending);
    expect(gateway.edge.newcomers.count).toBe(0);
  });

  it("while its first token is checked: one frame may wait, and nothing more is read", async () => {
    gateway = await start({ tokenCheckMs: 60_000 });
    const hello = bytesOf({ case: "hello", value: { token: "t", sdk: "t" } });
    const frame = Buffer.from([0x82, 0x80 | hello.length, 0, 0, 0, 0, ...hello]);
    const [patient, hasty] = [await openRaw(), await openRaw()];
    patient.write(Buffer.concat([frame, frame]));
    const closed = closeOf(hasty);
    hasty.write(Buffer.concat([frame, frame, frame]));
    await vi.waitFor(() => expect(gateway.edge.connections.size).toBe(1));
    await closed;
    patient.write(Buffer.alloc(64 * 1024));
    await pause(50);
    expect([patient.readyState, gateway.edge.newcomers.count]).toEqual(["open", 1]);
    patient.destroy();
  });

  it("at a standstill: 1 MiB, pongs included, then it is closed with 4429", async () => {
    gateway = await start({ config: { frameUnitsPerS: 1e6, frameUnitsBurst: 1e6 } });
    for (const kind of ["ping", "WebSocket ping"]) {
      const peer = await joinEdge(gateway.url, flooder);
      const { socket } = peer;
      const [connection] = gateway.edge.connections;
      senders["subscribe"]!(socket, flooder);
      await vi.waitFor(() => expect(peer.frames.at(-1)?.case).toBe("state"));
      socket.pause();
      // Until what the kernels hold is full.
      while (connection!.bufferedBytes < 256 * 1024) {
        gateway.publishEvent(64 * 1024);
        await turn();
      }
      let most = 0;
      for (let n = 0; n < 10_000 && gateway.edge.connections.size > 0; n++) {
        senders[kind]!(socket, flooder);
        if (n % 50 === 0) await turn();
        most = Math.max(most, connection!.bufferedBytes);
      }
      expect(gateway.edge.connections.size).toBe(0);
      expect(most).toBeLessThanOrEqual(1024 * 1024);
      socket.terminate();
    }
  });
});

it("reads no further while a token is checked, and loses nothing of what was sent meanwhile", async () => {
  gateway = await start({ tokenCheckMs: 50, config: { frameUnitsBurst: 1000 } });
  const peer = await joinEdge(gateway.url, quiet);
  senders["refresh"]!(peer.socket, quiet);
  await vi.waitFor(() => expect(peer.socket.bufferedAmount).toBe(0));
  for (let n = 0; n < 100; n++) senders["ping"]!(peer.socket, quiet);
  await vi.waitFor(() =>
    expect(peer.frames.filter((frame) => frame.case === "pong")).toHaveLength(100),
  );
});
