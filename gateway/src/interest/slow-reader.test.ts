import type { ServerFrame } from "@hexhold/gen/hexhold/edge/v1/frames_pb";
import { MemoryBroker } from "@hexhold/messaging";
import { afterEach, expect, it, vi } from "vitest";
import { home, joinEdge, startTestEdge, type TestEdge, type TestPeer } from "../edge.testing.ts";

const slow = "01a205e9-4066-75d4-a65b-335845c5b501";
const quick = "01a205e9-4066-75d4-a65b-335845c5b502";
const payloadBytes = 64 * 1024;
/** More than what kernels keep between two sockets of one machine, and the gateway's 256 KiB. */
const manyEvents = 225;
const bufferMax = 256 * 1024 + 2 * payloadBytes;
let gateway: TestEdge;

afterEach(() => gateway.stop());

async function watch(account: string): Promise<TestPeer> {
  const peer = await joinEdge(gateway.url, account);
  const key = { $typeName: "hexhold.envelope.v1.Key" as const, hexId: home.hexId, layerId: 0 };
  peer.send({
    case: "subscribe",
    value: { $typeName: "hexhold.edge.v1.Subscribe", keys: [key] },
  });
  await vi.waitFor(() => expect(peer.frames.at(-1)?.case).toBe("state"));
  return peer;
}

/** Places of states and events, in their order: `s5 e6 e7`. */
function placesIn(frames: readonly ServerFrame["frame"][]): string[] {
  return frames.flatMap(({ case: kind, value }) =>
    kind === "state" || kind === "event" ? [`${kind[0]}${value.viewSeq}`] : [],
  );
}

/** An event that follows neither the event before it nor a state. */
function holesIn(places: readonly string[]): string[] {
  return places.filter((place, i) => {
    if (place.startsWith("s")) return false;
    return Number(place.slice(1)) !== Number(places[i - 1]?.slice(1)) + 1;
  });
}

/** Publishes, and lets sockets work in between; the most that waited for `account` at any moment. */
async function publishMany(account: string): Promise<number> {
  let most = 0;
  for (let n = 0; n < manyEvents; n++) {
    gateway.publishEvent(payloadBytes);
    for (const { session, bufferedBytes } of gateway.edge.connections) {
      if (session?.accountText === account) most = Math.max(most, bufferedBytes);
    }
    if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return most;
}

it("costs a reader that stands still 256 KiB and nobody else anything; it goes on with a state", async () => {
  gateway = await startTestEdge({ broker: new MemoryBroker(), instance: "gateway-1" });
  const [still, others] = [await watch(slow), await watch(quick)];
  still.socket.pause();
  const most = await publishMany(slow);
  expect(most).toBeGreaterThan(256 * 1024);
  expect(most).toBeLessThanOrEqual(bufferMax);
  await vi.waitFor(() => expect(placesIn(others.frames)).toHaveLength(manyEvents + 1));
  expect(holesIn(placesIn(others.frames))).toEqual([]);
  expect(others.frames.filter((frame) => frame.case === "state")).toHaveLength(1);

  still.socket.resume();
  await vi.waitFor(
    () => expect(placesIn(still.frames).filter((place) => place.startsWith("s"))).toHaveLength(2),
    { timeout: 3000 },
  );
  gateway.publishEvent(1);
  await vi.waitFor(() => expect(placesIn(still.frames).at(-1)).toBe(`e${manyEvents + 1}`));
  expect(holesIn(placesIn(still.frames))).toEqual([]);
  const notice = still.frames.findIndex((frame) => frame.case === "notice");
  expect(still.frames.slice(notice).map((frame) => frame.case)).toEqual([
    "notice",
    "state",
    "event",
  ]);
  expect(still.closeCode).toBeUndefined();
});

it("ends a reader that stands still for too long with 4429", async () => {
  gateway = await startTestEdge({
    broker: new MemoryBroker(),
    instance: "gateway-1",
    slowMsMax: 60,
  });
  const [still, others] = [await watch(slow), await watch(quick)];
  still.socket.pause();
  await publishMany(slow);
  await vi.waitFor(() => expect(gateway.edge.connections.size).toBe(1), { timeout: 3000 });
  still.socket.resume();
  await vi.waitFor(() => expect(still.closeCode).toBe(4429), { timeout: 3000 });
  expect(others.closeCode).toBeUndefined();
});
