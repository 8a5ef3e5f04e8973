import { logLevelOption } from "@hexhold/config";
import { z } from "zod";

/** What operators may set of a worker; defaults and reasons are with `workerConfigSchema`. */
export const workerSection = z.strictObject({
  instance: z.string().default("worker-1"),
  host: z.string().default("127.0.0.1"),
  controlPort: z.int().min(0).max(65_535).default(0),
  logLevel: logLevelOption,
  decideMsMax: z.int().min(10).optional(),
  rulesHeapMbMax: z.int().min(32).optional(),
  snapshotEvents: z.int().min(5).max(10).optional(),
  snapshotAgeMsMax: z.int().min(100).optional(),
  snapshotWritesPerSMax: z.int().min(1).optional(),
  actorMemoryMbMax: z.int().min(1).optional(),
  passivateAfterMs: z.int().min(1000).optional(),
  warmUpMsMax: z.int().min(0).max(60_000).optional(),
  mongodbDatabase: z.string().min(1).default("world"),
});
