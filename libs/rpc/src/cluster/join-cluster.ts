import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { createBackoff } from "./backoff.ts";
import type { ClusterMembership, JoinOptions } from "./membership.ts";
import { type Link, createRegistration } from "./registration.ts";
import { type ClusterRoutes, applyRoutes } from "./route-updates.ts";
import { createWorldClock } from "./world-clock.ts";

/** PostgreSQL's clock further than this from the local one: one of them is wrong. */
const clockApartMsMax = 5_000;
/** A stream that lasted so long was a good one: the next is opened without a long wait. */
const streamGoodMs = 5_000;

/**
 * Registers this process with a router and keeps it registered: a heartbeat every third of a lease's
 * time, again from the start when the router does not know the session any more, at the next router
 * when one does not answer. A failing heartbeat is logged and harms nothing else.
 * Rejects when no router takes the process within `joinTimeoutMs`, at once when one refuses it for good,
 * and when PostgreSQL's clock is more than 5 s off the local one. (World time is not compared: it may be apart from both
 * for a while after they were set.)
 */
export async function joinCluster(options: JoinOptions): Promise<ClusterMembership> {
  const { logger } = options;
  const clock = createWorldClock(() => performance.now());
  const stopping = new AbortController();
  const running: Promise<void>[] = [];
  let amqpConnections = [...options.amqpConnections];
  const registration = createRegistration(options, () => amqpConnections, clock, stopping.signal);
  const { leaseTtlMs, settings, world } = await joinOrClose();
  let { worldFormat } = settings;
  let wake = new AbortController();
  let stopped: Promise<void> | undefined;

  async function joinOrClose() {
    try {
      const { leaseTtlMs, settings, world, clockMs } = await registration.first();
      const apartMs = (clockMs === 0n ? clock.now() : Number(clockMs)) - Date.now();
      if (Math.abs(apartMs) > clockApartMsMax) throw new Error(clockMessage(apartMs));
      if (settings === undefined || world === undefined) {
        throw new Error("the router did not say which world this is: update it");
      }
      return { leaseTtlMs, settings, world };
    } catch (error) {
      stopping.abort();
      registration.close();
      throw error;
    }
  }

  async function heartbeat({ client, session }: Link, signal: AbortSignal): Promise<void> {
    const held = options.onHeartbeat?.() ?? [];
    const sentMs = performance.now();
    const answer = await client.heartbeat(
      {
        session,
        held: held.map((slot) => ({ ...slot, commands: BigInt(slot.commands) })),
        cold: options.isCold?.() ?? false,
        acknowledgedRouteVersion: options.acknowledgedRouteVersion?.() ?? 0n,
      },
      { signal, timeoutMs: Math.max(1_000, leaseTtlMs / 2) },
    );
    const receivedMs = performance.now();
    clock.observe({ sentMs, receivedMs, worldMs: Number(answer.worldTimeMs) });
    worldFormat = Math.max(worldFormat, answer.worldFormat);
  }

  async function beat(): Promise<void> {
    const backoff = createBackoff(200, leaseTtlMs / 3);
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      const pause = AbortSignal.any([wake.signal, stopping.signal]);
      try {
        await registration.run((link) => heartbeat(link, stopping.signal));
        backoff.reset();
        await sleep(leaseTtlMs / 3, undefined, { signal: pause }).catch(() => undefined);
      } catch (error) {
        if (stopping.signal.aborted) return;
        logger.warn({ err: error }, "a heartbeat failed; this process goes on");
        await backoff.wait(pause);
      }
    }
  }

  /** Follows a stream for as long as it is wanted: opened again when it ends, at once on a new session. */
  function follow(read: (link: Link, signal: AbortSignal) => Promise<void>): () => void {
    const wanted = new AbortController();
    const signal = AbortSignal.any([wanted.signal, stopping.signal]);
    const backoff = createBackoff(50, 1_000);
    const run = async (): Promise<void> => {
      while (!signal.aborted) {
        const openedMs = performance.now();
        await registration
          .run((link) => read(link, AbortSignal.any([signal, link.replaced.signal])))
          .catch((error: unknown) => {
            if (!signal.aborted) logger.debug({ err: error }, "a stream from the router has ended");
          });
        if (performance.now() - openedMs > streamGoodMs) backoff.reset();
        await backoff.wait(signal);
      }
    };
    running.push(run());
    return () => wanted.abort();
  }

  running.push(beat());
  return {
    worldNow: () => clock.now(),
    worldFormat: () => worldFormat,
    leaseTtlMs,
    settings,
    world,
    watchRoutes(onRoutes) {
      let routes: ClusterRoutes | undefined;
      return follow(async ({ client, session }, signal) => {
        for await (const update of client.watchRoutes({ session }, { signal })) {
          routes = applyRoutes(routes, update);
          if (routes !== undefined && !signal.aborted) onRoutes(routes);
        }
      });
    },
    watchAssignments({ grant, release }) {
      return follow(async ({ client, session }, signal) => {
        for await (const { assignment } of client.watchAssignments({ session }, { signal })) {
          if (signal.aborted) return;
          if (assignment.case === "grant") {
            grant(assignment.value.slot, assignment.value.expectedEpoch);
          } else if (assignment.case === "release") {
            release(assignment.value.slot, assignment.value.reason);
          }
        }
      });
    },
    async setAmqpConnections(names) {
      amqpConnections = [...names];
      await registration.renew();
    },
    heartbeatNow: () => wake.abort(),
    stop() {
      stopped ??= (async () => {
        await registration.tryOnce((link) => heartbeat(link, AbortSignal.timeout(1_000)));
        stopping.abort(new ConnectError("this process leaves the cluster", Code.Canceled));
        registration.close();
        await Promise.all(running);
      })();
      return stopped;
    },
  };
}

function clockMessage(apartMs: number): string {
  const seconds = Math.abs(Math.round(apartMs / 1000));
  const side = apartMs > 0 ? "behind" : "ahead of";
  return `the clock of this machine is ${seconds} s ${side} PostgreSQL's clock: set it; ${clockApartMsMax / 1000} s either way are allowed`;
}
