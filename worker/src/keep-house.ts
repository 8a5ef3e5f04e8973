/** What a worker does from time to time for all its slots. */
import type { PgPool } from "@hexhold/postgres";
import type { HotHexes } from "./hot-hexes.ts";
import { watchResends } from "./outbox/watch-resends.ts";
import type { SlotPorts } from "./slot/slot-ports.ts";
import type { SlotRunner } from "./slot/slot-runner.ts";
import type { WorkerConfig } from "./worker-config.ts";

const marksEveryMs = 2000;
const hotHexesEveryMs = 10_000;
const daysEveryMs = 3_600_000;
const daysAhead = 7;

/** Returns its end. */
export function keepHouse(
  config: WorkerConfig,
  slots: ReadonlyMap<string, SlotRunner>,
  hotHexes: HotHexes,
  store: PgPool,
  ports: SlotPorts,
): () => void {
  const { logger, metrics, views, worldNow } = ports;
  const timers = [
    setInterval(() => {
      metrics.slots.set(slots.size);
      let active = 0;
      for (const slot of slots.values()) {
        active += slot.table.size;
        views.publishMarks(slot.table, worldNow());
      }
      metrics.activeHexes.set(active);
    }, marksEveryMs),
    watchResends(store, () => {
      for (const slot of slots.values()) slot.resend();
    }),
    setInterval(() => {
      metrics.hexCommands.reset();
      for (const { keyText, commandsPerSecond } of hotHexes.take(performance.now())) {
        metrics.hexCommands.set({ hex: keyText }, commandsPerSecond);
      }
    }, hotHexesEveryMs),
    setInterval(() => {
      store
        .query("SELECT world.make_days($1), world.prune_days($2, $3)", [
          daysAhead,
          config.resultRetentionHours,
          worldNow(),
        ])
        .catch((error: unknown) => logger.warn({ err: error }, "daily partitions cannot be kept"));
    }, daysEveryMs),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
