import { createMetrics } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import { createDomainMetrics } from "./domain-metrics.ts";
import { countStoreFaults } from "./store-faults.ts";

it("deadlocks and checks that fire are counted and go on, and nothing else is", async () => {
  const metrics = createMetrics({ processMetrics: false });
  const counted = countStoreFaults(createDomainMetrics(metrics), "market");
  const failing = (fields: object) =>
    counted(() => Promise.reject(Object.assign(new Error("x"), { severity: "ERROR", ...fields })));
  await expect(failing({ code: "40P01" })).rejects.toThrow("x");
  await expect(failing({ code: "23514", constraint: "zero_sum" })).rejects.toThrow("x");
  await expect(failing({ code: "23514" })).rejects.toThrow("x");
  await expect(failing({ code: "23505" })).rejects.toThrow("x");
  await expect(failing({})).rejects.toThrow("x");
  expect(await counted(() => Promise.resolve(7))).toBe(7);
  const text = await metrics.metricsText();
  const lines = text.split("\n").filter((line) => /_(deadlocks|second_lines)_total\{/.test(line));
  expect(lines.toSorted()).toEqual([
    'hexhold_domain_deadlocks_total{service="market"} 1',
    'hexhold_domain_second_lines_total{service="market",check="unnamed"} 1',
    'hexhold_domain_second_lines_total{service="market",check="zero_sum"} 1',
  ]);
});
