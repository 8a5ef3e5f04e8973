/** The life of a router process: stands by, leads, and stands by again when another took over. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hexhold/telemetry";
import type { RouterConfig } from "../config.ts";
import type { Router } from "../start.ts";
import { awaitLeadership, type Leadership } from "./leadership.ts";
import { startStandbyServer } from "./standby-server.ts";

export interface Campaign {
  readonly leads: boolean;
  /** Steps down and ends. Idempotent. */
  stop(): Promise<void>;
}

const retryMs = 1000;

/**
 * Starts a router as soon as it leads. Rejects, when it leads from the beginning, with what `startRouter`
 * rejects with, else when PostgreSQL or the control port cannot be had; later failures are tried again.
 */
export async function startCampaign(
  config: RouterConfig,
  logger: Logger,
  startRouter: () => Promise<Router>,
): Promise<Campaign> {
  const { postgresUrl, instance, leaseTtlMs } = config;
  const stopping = new AbortController();
  const options = { postgresUrl, instance, silentMsMax: leaseTtlMs, logger };
  let router: Router | undefined;
  let stopped: Promise<void> | undefined;

  async function standBy(): Promise<Leadership | undefined> {
    const server = await startStandbyServer(config, logger);
    try {
      return await awaitLeadership(options, stopping.signal);
    } finally {
      await server.stop();
    }
  }

  /** Leads until another does or it is stopped. Rejects when the router does not start. */
  async function lead(leadership: Leadership): Promise<void> {
    try {
      router = await startRouter();
      const stop = new Promise<void>((resolve) => {
        if (stopping.signal.aborted) resolve();
        stopping.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      started.resolve();
      await Promise.race([leadership.lost, stop]);
    } finally {
      // First the streams, then the lock: the next leader finds the processes already looking for it.
      const last = router;
      router = undefined;
      await last?.stop();
      await leadership.release();
    }
  }

  async function run(): Promise<void> {
    let first = true;
    while (!stopping.signal.aborted) {
      try {
        const standing = standBy();
        // A router that stands by has started as well as one that leads.
        const look = setTimeout(() => started.resolve(), retryMs);
        const leadership = await standing.finally(() => clearTimeout(look));
        if (leadership === undefined) return;
        await lead(leadership);
      } catch (error) {
        if (first) started.reject(error);
        logger.error({ err: error }, "this router cannot lead; trying again");
        await sleep(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
      first = false;
    }
  }

  const started = Promise.withResolvers<void>();
  const running = run();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
  };
  try {
    await started.promise;
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get leads() {
      return router !== undefined;
    },
    stop: () => (stopped ??= stop()),
  };
}
