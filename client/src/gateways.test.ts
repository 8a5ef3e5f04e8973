import { TransferSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { Notice_Kind } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type FakeGateway,
  type FakePeer,
  residence,
  sessionId,
  startFakeGateway,
  until,
} from "../test/fake-gateway.ts";
import { type Client, createClient } from "./client.ts";
import { createGatewayList } from "./gateway-list.ts";

const neighbour = { toHexId: 2n, toLayerId: 0 };
let gateways: FakeGateway[];
let client: Client | undefined;
const pauses: number[] = [];

beforeEach(async () => {
  gateways = await Promise.all([startFakeGateway(), startFakeGateway()]);
});
afterEach(async () => {
  client?.close();
  await Promise.all(gateways.map((gateway) => gateway.stop()));
});

/** A client that has been welcomed, and the gateways: its own first. */
async function open(): Promise<{ here: FakeGateway; there: FakeGateway; client: Client }> {
  client = createClient({
    url: gateways.map(({ url }) => url),
    token: () => Promise.resolve("a-token"),
    onState: (state) => {
      if (state.mode === "waiting") pauses.push(state.retryInMs);
    },
    timing: {
      retry: { baseMs: 5, maxMs: 20 },
      reconnect: { baseMs: 20, maxMs: 2000 },
      leaveMsMax: 50,
    },
  });
  await client.ready;
  const [here, there] = gateways.toSorted((a, b) => b.peers.length - a.peers.length);
  expect(client.gateway).toBe(here!.url);
  return { here: here!, there: there!, client };
}

function helloOf(peer: FakePeer) {
  const [hello] = peer.received;
  if (hello?.case !== "hello") throw new Error("the first frame is no hello");
  return hello.value;
}

test("clients begin at gateways of their own, and go round from there", () => {
  const urls = ["a", "b", "c"];
  const order = (random: number): string[] => {
    const list = createGatewayList(urls, () => random);
    return urls.map(() => {
      const { current } = list;
      list.advance();
      return current;
    });
  };
  expect([order(0), order(0.5), order(0.99)]).toEqual([
    ["a", "b", "c"],
    ["b", "c", "a"],
    ["c", "a", "b"],
  ]);
  expect(() => createGatewayList([])).toThrow("at least one gateway");
});

test("a lost connection: the session, its commands and its views go on at another gateway", async () => {
  const { here, there, client: own } = await open();
  const updates: string[] = [];
  own.subscribe([residence], ({ kind }) => updates.push(kind));
  const outcome = own.send(TransferSchema, residence, neighbour);
  await until("the command", () => here.peer.commands.length === 1);
  const [first] = here.peer.commands;
  here.peer.cut();
  await until("the same command elsewhere", () => (there.peers[0]?.commands.length ?? 0) === 1);
  expect(there.peer.commands[0]).toEqual(first);
  expect(helloOf(there.peer).resume).toEqual(sessionId);
  expect(there.peer.received.map((frame) => frame.case)).toContain("subscribe");
  there.peer.send({
    case: "state",
    value: { key: residence, activationId: sessionId, viewSeq: 7n, hexVersion: 7n },
  });
  await until("a state", () => updates.at(-1) === "state");
  expect(own.view(residence)).toEqual({ view: undefined, viewSeq: 7, hexVersion: 7 });
  there.peer.apply(first!);
  expect(await outcome).toMatchObject({ outcome: "applied" });
  expect(here.peers).toHaveLength(1);
  expect(own.gateway).toBe(there.url);
});

test("go-elsewhere: the client leaves by itself for another gateway, and no command is lost", async () => {
  const { here, there, client: own } = await open();
  there.onFrame = (peer, content) => {
    if (content.case === "command") peer.apply(content.value);
  };
  here.peer.send({ case: "notice", value: { kind: Notice_Kind.GO_ELSEWHERE } });
  const outcome = own.send(TransferSchema, residence, neighbour);
  await until("a connection elsewhere", () => there.peers.length === 1);
  expect(await outcome).toMatchObject({ outcome: "applied" });
  expect(helloOf(there.peer).resume).toEqual(sessionId);
});

test("a gateway that is down is passed over, and pauses grow by the round through all of them", async () => {
  const { here, there, client: own } = await open();
  await there.stop();
  gateways = [here];
  here.peer.cut();
  await until("back where it was", () => here.peers.length === 2);
  await until("a welcome", () => own.state.mode === "online");
  pauses.length = 0;
  await here.stop();
  gateways = [];
  await until("four pauses", () => pauses.length >= 4);
  // Of a pause a random half is taken off; the loss before counts as the first of three.
  const [a = 0, b = 0, c = 0, d = 0] = pauses;
  expect([a <= 40 && a >= 20, b <= 40 && b >= 20, c >= 40, d >= 40]).toEqual([
    true,
    true,
    true,
    true,
  ]);
});

test("a token that is not taken is no reason to go elsewhere", async () => {
  const { here, there } = await open();
  here.peer.close(4401);
  await until("the same gateway again", () => here.peers.length === 2);
  expect(there.peers).toHaveLength(0);
});

test("a newer session ends this one, instead of taking turns with it at another gateway", async () => {
  const { here, there } = await open();
  here.peer.close(4409);
  await until("the end", () => client?.state.mode === "closed");
  expect(client?.state).toMatchObject({ reason: "newer-session" });
  expect(there.peers).toHaveLength(0);
});
