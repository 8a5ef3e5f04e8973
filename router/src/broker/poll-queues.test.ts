import { createLogger, createMetrics } from "@hexhold/telemetry";
import { expect, test, vi } from "vitest";
import { countRouter } from "../metrics.ts";
import type { BrokerAdmin, QueueDepth } from "./broker-admin.ts";
import { pollQueues } from "./poll-queues.ts";

const queue = (name: string, messagesReady: number, messagesUnacked: number): QueueDepth => ({
  name,
  messagesReady,
  messagesUnacked,
  consumers: 1,
});

function openPoll(queueDepths: BrokerAdmin["queueDepths"]) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ service: "router", instance: "test", destination });
  const metrics = createMetrics({ processMetrics: false });
  const counters = countRouter(metrics);
  const broker = { queueDepths, closeConnections: async () => undefined };
  const stop = pollQueues(broker, (queues) => counters.queuesRead(queues), logger, 5);
  const series = async (): Promise<string[]> =>
    (await metrics.metricsText()).match(/^hexhold_queue_messages\{.*$/gm) ?? [];
  return { stop, series, lines };
}

test("what waits and what is in hand, by queue; a queue that is gone is not shown", async () => {
  let queues = [queue("cmd.p0", 3, 4), queue("gw.1.view", 0, 0)];
  const { stop, series } = openPoll(async () => queues);
  await vi.waitFor(async () =>
    expect(await series()).toEqual([
      'hexhold_queue_messages{queue="cmd.p0"} 7',
      'hexhold_queue_messages{queue="gw.1.view"} 0',
    ]),
  );
  queues = [queue("cmd.p0", 1, 0)];
  await vi.waitFor(async () =>
    expect(await series()).toEqual(['hexhold_queue_messages{queue="cmd.p0"} 1']),
  );
  stop();
});

test("while the broker does not answer nothing is shown, and the log says so once", async () => {
  let down = false;
  const queueDepths = vi.fn<BrokerAdmin["queueDepths"]>(async () => {
    if (down) throw new Error("no answer");
    return [queue("cmd.p0", 1, 0)];
  });
  const { stop, series, lines } = openPoll(queueDepths);
  await vi.waitFor(async () => expect(await series()).toHaveLength(1));
  down = true;
  await vi.waitFor(async () => expect(await series()).toEqual([]));
  const calls = queueDepths.mock.calls.length;
  await vi.waitFor(() => expect(queueDepths.mock.calls.length).toBeGreaterThan(calls + 2));
  expect(lines).toHaveLength(1);
  down = false;
  await vi.waitFor(async () => expect(await series()).toHaveLength(1));
  expect(lines).toHaveLength(2);
  stop();
});

test("readings never overlap, and one that ends after the stop counts no more", async () => {
  let answer = (_queues: readonly QueueDepth[]): void => undefined;
  const queueDepths = vi.fn<BrokerAdmin["queueDepths"]>(
    () => new Promise((resolve) => (answer = resolve)),
  );
  const { stop, series } = openPoll(queueDepths);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(queueDepths).toHaveBeenCalledOnce();
  stop();
  answer([queue("cmd.p0", 1, 0)]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(await series()).toEqual([]);
  expect(queueDepths).toHaveBeenCalledOnce();
});
