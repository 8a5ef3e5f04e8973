import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("declared metrics appear in the text, with help and type", async () => {
  const metrics = createMetrics({ processMetrics: false });
  metrics.counter("hexhold_things_total", "Things.", ["kind"]).inc({ kind: "good" }, 2);
  metrics.histogram("hexhold_wait_seconds", "Waits.", { buckets: [1, 2] }).observe(1.5);
  metrics.gauge("hexhold_depth", "Depth.", { collect: (gauge) => gauge.set(7) });
  const text = await metrics.metricsText();
  expect(text).toContain('hexhold_things_total{kind="good"} 2');
  expect(text).toContain('hexhold_wait_seconds_bucket{le="2"} 1');
  expect(text).toContain("hexhold_depth 7");
  expect(text).toContain("# HELP hexhold_depth Depth.");
});

test("a tally is a counter at each scrape, whatever came between", async () => {
  const metrics = createMetrics({ processMetrics: false });
  const things = metrics.tally("hexhold_things_total", "Things.", "kind");
  things.inc("good");
  things.inc("bad");
  things.inc("good");
  expect(await metrics.metricsText()).toContain('hexhold_things_total{kind="good"} 2');
  things.inc("good");
  const text = await metrics.metricsText();
  expect(text).toContain('hexhold_things_total{kind="good"} 3');
  expect(text).toContain('hexhold_things_total{kind="bad"} 1');
  expect(text).toContain("# TYPE hexhold_things_total counter");
});

test("asking again gives the same metric; another shape under the same name throws", () => {
  const metrics = createMetrics({ processMetrics: false });
  const first = metrics.counter("hexhold_things_total", "Things.");
  expect(metrics.counter("hexhold_things_total", "Things.")).toBe(first);
  expect(() => metrics.gauge("hexhold_things_total", "Things.")).toThrow(/declared as counter/);
  expect(() => metrics.counter("hexhold_things_total", "T.", ["a"])).toThrow(/declared as/);
});

test("of the process's own metrics those that promtool rejects are left out", async () => {
  const text = await createMetrics().metricsText();
  expect(text).toContain("process_resident_memory_bytes");
  expect(text).toContain("nodejs_eventloop_lag_seconds");
  const gaugesCalledTotal = [...text.matchAll(/^# TYPE (\S+_total) gauge$/gm)];
  expect(gaugesCalledTotal.map((match) => match[1])).toEqual([]);
});

test("two registries know nothing of each other", async () => {
  const one = createMetrics({ processMetrics: false });
  one.counter("hexhold_things_total", "Things.").inc();
  expect(await createMetrics({ processMetrics: false }).metricsText()).not.toContain("things");
});
