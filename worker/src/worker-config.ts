import { releaseVersion } from "@hexhold/config";
import { z } from "zod";

/** Configuration of a worker; every field with its default and why. */
export const workerConfigSchema = z.object({
  /** Name in the cluster, unique: `worker-1`. */
  instance: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  /** URL of the role hexhold_worker. */
  postgresUrl: z.string().min(1),
  /** Own control server; 0 = any free port. */
  controlHost: z.string().default("127.0.0.1"),
  controlPort: z.number().int().min(0).max(65_535).default(0),
  /** Token of the control plane; empty in tests only. */
  controlToken: z.string().optional(),
  game: z.object({ module: z.string().min(1), options: z.unknown() }),
  /** What of the grid is the world; default: the globe, layer 0. Rules send commands to no other key. */
  world: z
    .object({ bounds: z.array(z.string()), layers: z.array(z.number().int().min(0)) })
    .default({ bounds: [], layers: [0] }),
  /** `inline` is for simulation and tests: a rule that loops then blocks the process. */
  rules: z.enum(["thread", "inline"]).default("thread"),
  /** Longest time of one decision; beyond it the watchdog ends the thread, and the command is charged an attempt. */
  decideMsMax: z.number().int().min(10).default(250),
  rulesHeapMbMax: z.number().int().min(32).default(512),
  snapshotEvents: z.number().int().min(5).max(10).default(8),
  snapshotAgeMsMax: z.number().int().min(100).default(10_000),
  snapshotWritesPerSMax: z.number().int().min(1).default(200),
  /** Of actors, as estimated from their states; beyond it those that were asked longest ago leave memory. */
  actorMemoryMbMax: z.number().int().min(1).default(256),
  /** An actor that nobody has asked for so long leaves memory. */
  passivateAfterMs: z.number().int().min(1000).default(300_000),
  /**
   * Between two slots of a worker that stops: what a slot is without answers while it changes hands, as a rule.
   * 0 where nobody else could take one.
   */
  handBackPauseMs: z.number().int().min(0).max(2000).default(150),
  /**
   * A worker that is granted nothing at once plays the game's samples for so long before it is given slots that another
   * one serves; 0 = not at all. After three seconds a round takes a fifth of the first one's time.
   */
  warmUpMsMax: z.number().int().min(0).max(60_000).default(3000),
  /** Results of commands are kept so long; a client's request id may be an hour younger at most. */
  resultRetentionHours: z.number().int().min(24).default(72),
  version: z.string().default(releaseVersion),
});

export type WorkerConfig = z.infer<typeof workerConfigSchema>;
