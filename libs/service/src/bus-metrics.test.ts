import type { LooseKind } from "@hexhold/messaging";
import { createMetrics } from "@hexhold/telemetry";
import { expect, it } from "vitest";
import { countDrops } from "./bus-metrics.ts";

it("counts what is dropped by its kind, until it is ended", async () => {
  const metrics = createMetrics({ processMetrics: false });
  const listeners = new Set<(kind: LooseKind) => void>();
  const drop = (kind: LooseKind) => listeners.forEach((listener) => listener(kind));
  const end = countDrops(
    {
      onDrop(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    metrics,
  );
  for (const kind of ["view", "view", "reply"] as const) drop(kind);
  end();
  drop("view");
  const text = await metrics.metricsText();
  expect(text).toContain('hexhold_bus_dropped_total{kind="view"} 2');
  expect(text).toContain('hexhold_bus_dropped_total{kind="reply"} 1');
});
