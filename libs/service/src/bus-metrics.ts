import type { Bus } from "@hexhold/messaging";
import type { Metrics } from "@hexhold/telemetry";

/** Counts what a bus drops; returns the end of it. docs/operations.md lists the metric. */
export function countDrops(bus: Pick<Bus, "onDrop">, metrics: Metrics): () => void {
  const dropped = metrics.counter(
    "hexhold_bus_dropped_total",
    "Messages dropped because the broker does not read.",
    ["kind"],
  );
  return bus.onDrop((kind) => dropped.inc({ kind }));
}
