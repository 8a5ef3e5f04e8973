/** A request id that is ahead of the server's time: when the command goes again under another one. */
import { ErrorCode } from "@hexhold/gen/hexhold/envelope/v1/envelope_pb";
import { TransferSchema } from "@hexhold/gen/hexhold/hex/v1/commands_pb";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type FakeGateway,
  type FakePeer,
  residence,
  startFakeGateway,
  until,
} from "../test/fake-gateway.ts";
import { type Client, createClient } from "./client.ts";

const neighbour = { toHexId: 2n, toLayerId: 0 };
const hour = 3_600_000;
let gateway: FakeGateway;
let client: Client;

const idMs = (id: Uint8Array): number =>
  new DataView(id.buffer, id.byteOffset).getUint32(0) * 65_536 +
  new DataView(id.buffer, id.byteOffset).getUint16(4);

/** Takes what is not ahead of its time, as a gateway does. */
function judge(peer: FakePeer): void {
  const command = peer.commands.at(-1)!;
  if (idMs(command.requestId) > gateway.serverNow() + 60_000) {
    peer.fail(command, ErrorCode.INVALID_ARGUMENT, "request-id-in-future");
  } else peer.apply(command);
}

beforeEach(async () => {
  gateway = await startFakeGateway();
  client = createClient({
    url: gateway.url,
    token: "a-token",
    timing: { retry: { baseMs: 5, maxMs: 20 }, reconnect: { baseMs: 5, maxMs: 20 } },
  });
  await client.ready;
  await until("the first pong", () => client.roundTripMs !== undefined);
});

afterEach(async () => {
  client.close();
  await gateway.stop();
});

test("the server's time was set back: the command is taken under a new id, and so are the next ones", async () => {
  gateway.onFrame = (peer, content) => void (content.case === "command" && judge(peer));
  gateway.serverNow = () => Date.now() - hour;
  expect(await client.send(TransferSchema, residence, neighbour)).toMatchObject({
    outcome: "applied",
  });
  expect(gateway.peer.commands).toHaveLength(2);
  expect(Math.abs(client.serverNow() - gateway.serverNow())).toBeLessThan(1000);
  expect(await client.send(TransferSchema, residence, neighbour)).toMatchObject({
    outcome: "applied",
  });
  expect(gateway.peer.commands).toHaveLength(3);
});

test("a command that may have been taken before is not sent under another id: its outcome is unknown", async () => {
  let isFirst = true;
  gateway.onFrame = (peer, content) => {
    if (content.case !== "command") return;
    // Taken, and the connection lost before the answer.
    if (isFirst) peer.cut();
    else judge(peer);
    isFirst = false;
    gateway.serverNow = () => Date.now() - hour;
  };
  expect(await client.send(TransferSchema, residence, neighbour)).toMatchObject({
    outcome: "error",
    errorCode: "UNKNOWN_OUTCOME",
  });
  const ids = gateway.peers.flatMap(({ commands }) => commands.map(({ requestId }) => requestId));
  expect(ids).toHaveLength(2);
  expect(ids[0]).toEqual(ids[1]);
});

test("an id that the caller chose stays the caller's", async () => {
  gateway.onFrame = (peer, content) => void (content.case === "command" && judge(peer));
  gateway.serverNow = () => Date.now() - hour;
  const requestId = client.newRequestId();
  expect(await client.send(TransferSchema, residence, neighbour, { requestId })).toMatchObject({
    outcome: "error",
    errorCode: "INVALID_ARGUMENT",
    reason: "request-id-in-future",
  });
});

test("a gateway that calls every id ahead is not asked for ever", async () => {
  gateway.onFrame = (peer, content) => {
    if (content.case !== "command") return;
    peer.fail(content.value, ErrorCode.INVALID_ARGUMENT, "request-id-in-future");
  };
  expect(await client.send(TransferSchema, residence, neighbour)).toMatchObject({
    reason: "request-id-in-future",
  });
  expect(gateway.peer.commands).toHaveLength(4);
});
