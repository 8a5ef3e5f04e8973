/**
 * The life of a host process, the same for `hexctl start` and `hexctl up`.
 *
 *   starting ──ready──▶ running ──asked to stop──▶ unwinding ──▶ over
 *      │ fails, or is asked to stop                    ▲
 *      └───────────────────────────────────────────────┘
 *
 * Every way out runs all ends of what was opened, so that no process, lock, status file or descriptor stays.
 */
import { setTimeout as pause } from "node:timers/promises";
import { createUnwind, type Unwind } from "@hexhold/config";
import type { DataDir } from "@hexhold/local-stack";
import type { Status } from "../status-file.ts";
import { openStatus, type StatusWriter } from "./status-writer.ts";
import { awaitStopRequest } from "./stop-request.ts";

export interface Host {
  readonly dataDir: DataDir;
  readonly status: StatusWriter;
  /** Ends of what the start opens. */
  readonly unwind: Unwind;
  /** Aborted when the start is to end before it is done, and when it has failed. */
  readonly signal: AbortSignal;
}

export interface HostOptions {
  readonly dataDir: DataDir;
  readonly profile: Status["profile"];
  readonly outliveParent: boolean;
  /** Settles when everything is up and has been said. */
  readonly start: (host: Host) => Promise<void>;
}

/** RabbitMQ has 15 s, and then the kill its own. */
export const servicesStopMsMax = 40_000;
/** All its processes one after the other, each with a drain. */
export const worldStopMsMax = 120_000;

/** For a start that has been asked to end while something of it still goes on. */
const stopWhileStartingMsMax = 5_000;

/** Resolves when everything is stopped. Rejects with why the start failed, or with what could not be stopped. */
export async function runHost(options: HostOptions): Promise<void> {
  const { dataDir } = options;
  const unwind = createUnwind((failure) => console.error(`While stopping: ${failure.message}`));
  unwind.add("data directory", dataDir.close);
  const stopRequest = awaitStopRequest(options);
  unwind.add("signals", stopRequest.end);
  const abort = new AbortController();
  try {
    const status = openStatus(dataDir.statusFile, options.profile);
    unwind.add("status file", status.close);
    const starting = options.start({ dataDir, status, unwind, signal: abort.signal });
    const first = await Promise.race([starting, stopRequest.requested]);
    if (typeof first === "string") {
      console.log(`Stopping (${first}).`);
      // Nothing of value runs yet, and waiting for a start in order to stop helps nobody.
      abort.abort();
      dataDir.ledger.endAllNow();
      const bound = new AbortController();
      const ended = starting.catch(() => undefined).finally(() => bound.abort());
      const overdue = pause(stopWhileStartingMsMax, undefined, { signal: bound.signal });
      await Promise.race([ended, overdue.catch(() => undefined)]);
    } else {
      console.log(`Stopping (${await stopRequest.requested}).`);
      stopRequest.onSecond(dataDir.ledger.endAllNow);
      status.update({ ready: false });
    }
  } catch (error) {
    abort.abort();
    await unwind.run().catch(() => undefined);
    throw error;
  }
  await unwind.run();
  console.log("Stopped.");
  const fault = stopRequest.fault();
  if (fault !== undefined) throw fault.error;
}
