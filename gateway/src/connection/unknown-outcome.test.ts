import {
  answerBytes,
  createMemoryBus,
  decodeBatch,
  decodeEnvelope,
  type Delivery,
  encodeAnswers,
  encodeStoredAnswer,
  MemoryBroker,
  uuidBytes,
  uuidv7Bytes,
} from "@hexhold/messaging";
import { Durability } from "@hexhold/gen/hexhold/options/v1/options_pb";
import { afterEach, expect, it, vi } from "vitest";
import { home, joinEdge, startTestEdge, type TestEdge } from "../edge.testing.ts";
import { inspectSessions } from "../inspect-sessions.ts";

const account = "01a205e9-4066-75d4-a65b-335845c5b501";
let gateway: TestEdge;

afterEach(async () => {
  vi.restoreAllMocks();
  await gateway.stop();
});

it("a command that was told UNKNOWN_OUTCOME and is answered later leaves the count once", async () => {
  const broker = new MemoryBroker();
  broker.declareQueue("cmd.p0", 10);
  gateway = await startTestEdge({ broker, instance: "gateway-1" });
  const { dispatcher, edge } = gateway;
  await dispatcher.connect("gateway-1.reply");
  dispatcher.setRoutes({ routeVersion: 1n, partitions: 1, pins: new Map(), stalled: new Set() });
  const worker = createMemoryBus(broker);
  const held: Delivery[] = [];
  await worker.consume("cmd.p0", { prefetch: 8, onDelivery: (delivery) => held.push(delivery) });
  const peer = await joinEdge(gateway.url, account);
  const [connection] = edge.connections;
  const requestId = uuidv7Bytes();
  peer.send({
    case: "command",
    value: {
      $typeName: "hexhold.edge.v1.Command",
      requestId,
      type: "cmd.hex.observe",
      version: 1,
      key: { $typeName: "hexhold.envelope.v1.Key", hexId: home.hexId, layerId: 0 },
      payload: new Uint8Array(0),
      volatileSeq: 0n,
    },
  });
  await vi.waitFor(() => expect(held).toHaveLength(1));
  expect(connection?.commandsInFlight).toBe(1);
  const now = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => now() + 5000);
  const outcomes = () =>
    peer.frames.flatMap((frame) => (frame.case === "answer" ? [frame.value.outcome.case] : []));
  await vi.waitFor(() => expect(outcomes()).toEqual(["error"]));
  expect(connection?.commandsInFlight).toBe(0);

  const stored = encodeStoredAnswer({
    hexVersion: 1,
    epoch: 1n,
    durability: Durability.READ,
    outcome: { case: "applied", result: new Uint8Array(0) },
  });
  const answers = decodeBatch(held[0]!.body).envelopes.map((bytes) => {
    const { eventId } = decodeEnvelope(bytes);
    return answerBytes({ eventId, requestId, key: home }, stored, false);
  });
  worker.reply(held[0]!.replyTo!, { type: "answers.v1", body: encodeAnswers(answers) });
  await vi.waitFor(() => expect(outcomes()).toEqual(["error", "applied"]));
  expect(connection?.commandsInFlight).toBe(0);
  const { sessions } = inspectSessions(edge, uuidBytes(account));
  expect(sessions?.map(({ commandsInFlight }) => commandsInFlight)).toEqual([0]);
  await worker.close();
});
